"""Where the numbers come from: machines, versions, commits, seeds, and how this page was made."""

from importlib.metadata import version
from typing import Any

import pandas as pd
from markupsafe import Markup

from robustprune import __version__
from robustprune.page.render import render
from robustprune.page.study import Part, Study
from robustprune.study.cells import NO_DEPTH

ID, TITLE = "provenance", "Where the numbers come from"
FACTS = {"git_commit": "commits", "torch_version": "torch", "device": "machines", "threads": "threads of a job"}
PACKAGES = ("robustprune", "altair", "vl-convert-python", "pandas")
UNKNOWN = "not recorded"


def show(study: Study) -> Markup:
    """Return facts and seeds of each part, and the versions that made the page."""
    made = [f"{name} {__version__ if name == 'robustprune' else version(name)}" for name in PACKAGES]
    return render(
        "provenance.html",
        origins=[(part, _facts(part)) for part in study.parts],
        seeds=[row for part in study.parts for row in _seeds(part)],
        confidence=f"{study.confidence:.0%}",
        made=", ".join(made),
    )


def _facts(part: Part) -> dict[str, str]:
    """Return label -> text: each value with the number of networks that have it."""
    runs = part.runs
    facts = {"networks": f"{len(runs)} of {runs['cell'].nunique()} cells", "tables": part.source.as_posix()}
    facts["configuration"] = part.config_file.as_posix() if part.config_file else "none beside the tables"
    for column, label in FACTS.items():
        known = runs[column].map(_text)
        counts = known.value_counts(sort=False)
        several = len(counts) > 1
        facts[label] = ", ".join(f"{value} ({count})" if several else str(value) for value, count in counts.items())
    hashes = runs.groupby("method", sort=False)["source_hash"].unique()
    facts["hashes of the code that trained"] = "; ".join(
        f"{method} {', '.join(map(_text, found))}" for method, found in hashes.items()
    )
    return facts


def _text(value: Any) -> str:
    if pd.isna(value):
        return UNKNOWN
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]


def _seeds(part: Part) -> list[tuple[str, ...]]:
    """Return the seeds of each start, which all its methods share."""
    axes = ["dataset", "architecture", "width", "depth", "initialization"]
    rows: list[tuple[str, ...]] = []
    for (dataset, architecture, width, depth, initialization), own in part.runs.groupby(axes, sort=False):
        pairs = own[["replicate", "seed"]].drop_duplicates().sort_values(["replicate", "seed"])
        deep = "-" if depth == NO_DEPTH else str(depth)
        start = (part.name, f"{dataset}/{architecture}", f"{width:g}", deep, str(initialization))
        rows.append((*start, " ".join(str(seed) for seed in dict.fromkeys(pairs["seed"]))))
    return rows
