"""Tables and sentences of the DOCUMENTS from the shipped results, and the power table of docs/protocol.md (`make
findings`).

A document marks where a block belongs: `<!-- NAME:begin -->` and `<!-- NAME:end -->`, NAME a key of BLOCKS. The text
between the two markers is replaced; everything else is written by people.
"""

import re
import textwrap
from pathlib import Path

import ablations
import by_start
import controls
import crossed
import equal_error
import equal_macs
import equal_size
import forms
import hours
import layers
import not_run
import own_settings
import pandas as pd
import probes
import related
import rivals
import same_network
import speed
import study_size
import verdicts
import yaml
from headline import headline
from markdown_tables import markdown
from shipped_numbers import (
    NETWORKS,
    REFERENCE,
    REPOSITORY,
    SEARCH_TABLES,
    STUDY,
    TABLES,
    WIDTHS,
    before_any_run,
    of_network,
)

from robustprune.analysis.columns import with_interval
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.read import SERIES, read_detailed_runs
from robustprune.analysis.select import of_one_budget, of_standard_initialization, studied
from robustprune.analysis.statistics import paired_difference
from robustprune.analysis.verdicts.power import power_table
from robustprune.gathering.planned import planned_cells
from robustprune.gathering.timings import cell_seconds, read_timings
from robustprune.study.config import load_study
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

DOCUMENTS = [
    REPOSITORY / name
    for name in (
        "README.md",
        "config/README.md",
        "docs/protocol.md",
        "docs/layers.md",
        "docs/related.md",
        "docs/theory.md",
        "docs/ablations.md",
        "docs/cluster.md",
        "benchmarks/README.md",
        "results/reference/FINDINGS.md",
        "results/reference/README.md",
    )
]
STUDIES = {
    "smoke": "every part of the pipeline on scikit-learn's 8 x 8 digits; no download",
    "quick": "cells of the shipped study with three seeds, and whether they are consistent with it",
    "settings": "gate rates, thresholds and an optimizer of baselines, on the tuning split: what the search takes",
    "ablations": "one-factor changes of the method at three strengths, on the tuning split",
    "probes": "the method's gates read while it trains: false removals, certified sets, estimators",
    "layers": "the depth that the method finds from several starting depths; units and sections together",
    "related": "three related systems: initial imbalance, sizes without labels, local predictors of random blocks",
    "smallest_width": "the smallest width that fits N images, beside the width that is kept; 14 searches more",
    "mars": "balls around starting weights: during pruning, and in fine-tuning of pruned and dense networks",
    "config": "the study: a search for operating points, then every method over starting sizes and initializations",
}
"""Files in config/, and what each is."""


def progress() -> str:
    """How much of the study has run, how it ended, and how long it took."""
    runs = pd.read_csv(REFERENCE / "runs.csv")
    missing = len(pd.read_csv(REFERENCE / "missing.csv"))
    ended = ", ".join(f"{n} {status}" for status, n in runs["status"].value_counts().items())
    rest = f"; `results/reference/missing.csv` lists the other {missing}" if missing else ""
    planned = dict.fromkeys(method for grid in load_study(STUDY).study for method in grid.methods)
    ran = {*runs["method"], *pd.read_csv(REFERENCE / "controls" / "runs.csv")["method"]}
    measured = runs["train_seconds"].sum() / 3600
    searched = pd.read_csv(REFERENCE / "search" / "runs.csv")
    lost = searched.loc[searched["status"] != "ok", ["method", "strength", "status"]].value_counts(sort=False)
    named = ", ".join(f"{n} {status} of `{method}/{strength}`" for (method, strength, status), n in lost.items())
    text = (
        f"{len(runs)} networks of {runs['key'].nunique()} cells ({ended}) are shipped{rest}. Training took "
        f"{measured:.1f} core-hours beside other work. The "
        f"search trained {len(searched)} networks more ({lost.sum()} not ok{': ' if named else ''}{named})."
    )
    points = yaml.safe_load((REFERENCE / "operating_points.yaml").read_text())
    sized = [point for point in points if point["target"] == "at_size"]
    unreached = {point["method"] for point in sized if point["strength"] is None}
    missed = [f"`{point['method']}`" for point in sized if point["strength"] and not point["confirmed"]]
    lacking = [f"`{name}`" for name in planned if name not in ran | unreached]
    if missed:
        text += f" The confirming run missed the size of {', '.join(missed)}."
    if unreached:
        names = ", ".join(f"`{name}`" for name in sorted(unreached))
        text += f" Of {names} no strength that the search tried keeps as few params."
    if lacking:
        text += f" Methods and controls of config/config.yaml that have not run: {', '.join(lacking)}."
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def core_hours(path: Path) -> tuple[float, int, int]:
    """Hours of one core that `robustprune plan` estimates for a configuration, its cells, and those of unknown time."""
    timings = read_timings(REFERENCE / "bench.json")
    cells = planned_cells(before_any_run(path)).values()
    seconds = [cell_seconds(cell, timings) for cell in cells]
    known = [value for value in seconds if value is not None]
    return sum(known) / 3600, len(seconds), len(seconds) - len(known)


def times() -> str:
    """Every shipped configuration, its size, and what `robustprune plan` estimates for it."""
    rows = []
    for name, what in STUDIES.items():
        hours, cells, unknown = core_hours(REPOSITORY / "config" / f"{name}.yaml")
        time = f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"
        time += f" (and {unknown} cells of unknown time)" if unknown else ""
        rows.append([f"`{name}.yaml`", what, cells, "less than 1 min" if time == "0 min" else time])
    return markdown(["file", "what it is", "cells", "time of one core (`robustprune plan`)"], *rows)


def robustness() -> str:
    """Every method of the study: size and error at its operating point, and how much they depend on the start."""
    seed, width, initialization = (
        pd.read_csv(TABLES / f"sensitivity_{axis}.csv").set_index(SERIES)
        for axis in ("seed", "width", "initialization")
    )
    main = pd.read_csv(TABLES / "main_comparison.csv").set_index(SERIES)
    columns = ["params kept", "test error (%)", "elasticity (widths)", "from width 1", "steepest"]
    columns += ["errors over widths (%)", "over seeds (%)", "over initializations (%)"]
    tables = []
    for network, title in NETWORKS.items():
        own = seed.loc[[key for key in seed.index if key[: len(network)] == network]]
        rows = [[title, *columns]]
        for key in sorted(own.index, key=lambda key: main.loc[key, "params"]):
            start = upwards = steepest = errors = weights = "not run"
            if key in width.index:
                row = width.loc[key]
                start = f"{with_interval(row, 'elasticity', '.3f')} ({row.widths.replace(' ', ', ')})"
                upwards = "not run" if pd.isna(row.elasticity_up) else with_interval(row, "elasticity_up", ".3f")
                steepest, errors = f"{row.steepest:.2f}", f"{row.error_smallest:.2f} to {row.error_largest:.2f}"
            if key in initialization.index:
                row = initialization.loc[key]
                weights = f"{row.variation_shared_percent:.1f} (of {row.shared:.0f})"
                if row.initializations > row.shared:
                    weights += f", {row.variation_percent:.1f} (of {row.initializations:.0f})"
            variation = with_interval(own.loc[key], "variation_percent", ".1f")
            seeds = "one network" if variation == "-" else variation
            found = [with_interval(main.loc[key], "params", ",.0f"), with_interval(main.loc[key], "error", ".2f")]
            rows.append([f"`{'/'.join(key[-2:])}`", *found, start, upwards, steepest, errors, seeds, weights])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def own_strengths() -> str:
    """The method's own trade-off in the search: kept size and validation error of each strength."""
    points = pd.read_csv(SEARCH_TABLES / "tradeoff.csv")
    points = points[(points["budget"] == "epochs") & (points["method"] == METHOD_UNDER_STUDY)]
    points = points[points["variant"].isna()]
    tables = []
    for network, title in NETWORKS.items():
        own = of_network(points, network).sort_values("params", ascending=False)
        rows = [[f"{title}, strength", "units", "params kept", "MACs (%)", "validation error (%)", "n"]]
        for row in own.to_dict("records"):
            found = [row["units_kept"], with_interval(row, "params", ",.0f"), f"{row['macs_percent']:.1f}"]
            rows.append([f"`{row['strength']}`", *found, f"{row['error_valid']:.2f}", row["n"]])
        tables += [markdown(*rows)] if len(own) else []
    return "\n\n".join(tables)


def published() -> str:
    """Published networks beside ours, chosen without test errors."""
    table = pd.read_csv(TABLES / "domination.csv")
    columns = ["units", "params", "MACs", "error (%)", "status"]
    columns += ["our params", "our MACs", "our test error (%)", "at most theirs"]
    tables = []
    for network, title in NETWORKS.items():
        rows = [[f"{title}, published", *columns]]
        own = of_network(table, network)
        for _, row in own.iterrows():
            theirs = [f"{row.published_params:,}", f"{row.published_macs:,}", f"{row.published_error_percent:g}"]
            ours = [f"{row.params:,.0f}", f"{row.macs:,.0f}", with_interval(row, "error", ".2f"), row.at_most]
            rows.append([row.published_name, row.published_units, *theirs, row.published_status, *ours])
        tables += [markdown(*rows)] if len(own) else []
    return "\n\n".join(tables)


def cost() -> str:
    """What training the method costs against dense training from the same start."""
    shares = pd.read_csv(TABLES / "training_cost.csv").set_index([*SERIES, "width"])
    rows = [["share of dense training", *(f"width {width:g}" for width in WIDTHS)]]
    for network, title in NETWORKS.items():
        series = (*network, METHOD_UNDER_STUDY)
        strength = shares.loc[series].index[0][0]
        for column, name in (("macs_percent", "multiply-accumulates"), ("seconds_percent", "seconds")):
            keys = [(*series, strength, width) for width in WIDTHS]
            found = [shares.loc[key, column] if key in shares.index else float("nan") for key in keys]
            rows.append([f"{title}, {name}", *("-" if pd.isna(share) else f"{share:.0f} %" for share in found)])
        rows.append([f"{title}, test error minus that of dense training (points)", *_minus_dense(network)])
    return markdown(*rows)


def _minus_dense(network: tuple[str, str, str]) -> list[str]:
    """The method's test error minus that of dense training from each starting size, paired by seed."""
    runs = of_network(of_standard_initialization(studied(of_one_budget(read_detailed_runs(REFERENCE)))), network)
    found = []
    for width in WIDTHS:
        cells = [
            runs[(runs["method"] == method) & (runs["width"] == width)] for method in (METHOD_UNDER_STUDY, UNPRUNED)
        ]
        difference = paired_difference(*(cell["error_test_percent"] for cell in of_shared_seeds(*cells)))
        found.append(f"{with_interval(difference.columns('d'), 'd', '+.2f')} (n = {difference.n})")
    return found


def power() -> str:
    """How likely the verdicts of docs/protocol.md can be given, before any run of the core study."""
    rows = [["question", "n", "yes, no difference", "yes, half the margin", "no, twice the margin"]]
    for found in power_table():
        chances = (found.yes_without_difference, found.yes_at_half, found.no_at_twice)
        rows.append([found.question.title, found.n, *(f"{chance:.0f} %" for chance in chances)])
    return markdown(*rows)


BLOCKS = {
    "headline": headline,
    "times": times,
    "claims-of-the-method": verdicts.of_the_method,
    "claims-of-all-methods": verdicts.of_all_methods,
    "progress": progress,
    "hours": hours.trained,
    "robustness": robustness,
    "own-strengths": own_strengths,
    "published": published,
    "cost": cost,
    "power": power,
    "by-start": by_start.sizes_and_errors,
    "crossed": crossed.sizes_and_errors,
    "reconstructions": forms.reconstructions,
    "prices": forms.prices,
    "equal-size": equal_size.against_baselines,
    "equal-macs": equal_macs.by_method,
    "not-run": not_run.by_part,
    "equal-error": equal_error.against_baselines,
    "against-rivals-widths": rivals.from_widths,
    "against-rivals-initializations": rivals.from_initializations,
    "same-network": same_network.agreement,
    "controls": controls.against_the_method,
    "own-settings": own_settings.changed,
    "layers-hypotheses": layers.hypotheses,
    "layers-kept": layers.depth_kept,
    "layers-by-epoch": layers.optimum_by_epoch,
    "layers-remedies": layers.remedies,
    "layers-joint": layers.joint,
    "removal-rules": probes.rules,
    "removal-thirds": probes.thirds,
    "removal-variants": probes.variants,
    "certified-sets": probes.certified,
    "gate-worth": probes.worth,
    "estimators": probes.estimators,
    "gate-ends": probes.ends,
    "undetermined": probes.undetermined,
    "undetermined-elsewhere": probes.undetermined_elsewhere,
    "imbalance": related.imbalances,
    "label-free": related.label_free,
    "local-predictors": related.local_predictors,
    "smallest-width": related.smallest_widths,
    "ablations": ablations.on_mlp,
    "ablations-progress": ablations.progress,
    "failing-estimators": ablations.on_lenet5,
    "noise-levels": ablations.noise_levels,
    "balls": related.balls,
    "fine-tuning": related.fine_tuning,
    "study-size": study_size.on_cores,
    "speed-targets": speed.targets,
    "speed-public-programs": speed.public_programs,
    "speed-methods": speed.methods,
}
MARKED = re.compile(r"(<!-- (?P<name>[a-z-]+):begin -->\n).*?(<!-- (?P=name):end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The document with every marked table as the shipped results have it."""
    return MARKED.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}\n{found[3]}", text)


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(filled(path.read_text()))
