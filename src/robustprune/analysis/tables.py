"""All tables of the study; `robustprune tables` writes each as CSV, HTML, LaTeX and JSON (the paper)."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from robustprune.analysis.agreement import agreement
from robustprune.analysis.captions import caption, other_epochs
from robustprune.analysis.claims_table import claims
from robustprune.analysis.comparison import main_comparison, ranking
from robustprune.analysis.controls import controls
from robustprune.analysis.costs import inference_cost, training_cost
from robustprune.analysis.equal_error import equal_error
from robustprune.analysis.equal_size import equal_size
from robustprune.analysis.equivalence import equivalence
from robustprune.analysis.floors import floors
from robustprune.analysis.gate_ends import gate_ends
from robustprune.analysis.kept import read_kept
from robustprune.analysis.layers.equivalence import depth_equivalence
from robustprune.analysis.layers.hypotheses import layers_hypotheses
from robustprune.analysis.layers.joint import joint
from robustprune.analysis.layers.kept import depth_kept
from robustprune.analysis.layers.optimum import depth_optimum
from robustprune.analysis.missing import missing_note
from robustprune.analysis.probes.certified import certified
from robustprune.analysis.probes.estimators import estimators
from robustprune.analysis.probes.false_removals import false_removals
from robustprune.analysis.probes.gate_worth import gate_worth
from robustprune.analysis.published import published_results, published_settings
from robustprune.analysis.published.domination import domination
from robustprune.analysis.read import (
    read_beside,
    read_every_long,
    read_every_run,
    read_long,
    with_depth,
    without_depth,
)
from robustprune.analysis.related.ball import ball
from robustprune.analysis.related.cafo_blocks import cafo_blocks
from robustprune.analysis.related.finetune import finetune
from robustprune.analysis.related.imbalance import imbalance
from robustprune.analysis.related.label_free import label_free
from robustprune.analysis.related.smallest_width import smallest_width_table
from robustprune.analysis.robustness import GROUPS, robustness
from robustprune.analysis.scorecard import scorecard
from robustprune.analysis.second_budget import second_budget
from robustprune.analysis.select import of_one_budget
from robustprune.analysis.sensitivity import sensitivity_initialization, sensitivity_seed, sensitivity_width
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.start_apart import start_apart
from robustprune.analysis.start_changes import start_changes
from robustprune.analysis.tradeoff import tradeoff
from robustprune.analysis.tried import settings_tried
from robustprune.analysis.undetermined import undetermined
from robustprune.analysis.variants import variants
from robustprune.errors import StudyError, nearest
from robustprune.files import write_table, write_text

TABLES: dict[str, Callable[..., Sheet]] = {
    "claims": claims,
    "scorecard": scorecard,
    "equivalence": equivalence,
    "start_apart": start_apart,
    "start_changes": start_changes,
    "agreement": agreement,
    "equal_size": equal_size,
    "equal_error": equal_error,
    "main_comparison": main_comparison,
    "sensitivity_width": sensitivity_width,
    "sensitivity_initialization": sensitivity_initialization,
    "sensitivity_seed": sensitivity_seed,
    "published_results": published_results,
    "domination": domination,
    "training_cost": training_cost,
    "ranking": ranking,
    **{name: partial(robustness, name) for name in GROUPS},
    "second_budget": second_budget,
    "tradeoff": tradeoff,
    "variants": variants,
    "false_removals": false_removals,
    "certified": certified,
    "gate_worth": gate_worth,
    "estimators": estimators,
    "gate_ends": gate_ends,
    "undetermined": undetermined,
    "imbalance": imbalance,
    "label_free": label_free,
    "cafo_blocks": cafo_blocks,
    "smallest_width": smallest_width_table,
    "ball": ball,
    "finetune": finetune,
    "floors": floors,
    "controls": controls,
    "inference_cost": inference_cost,
    "published_settings": published_settings,
    "settings_tried": settings_tried,
    "layers_hypotheses": layers_hypotheses,
    "depth_kept": depth_kept,
    "depth_equivalence": depth_equivalence,
    "depth_optimum": depth_optimum,
    "joint": joint,
}
DIGITS = 10
"""Significant digits of a CSV: the last of all digits differ between processors."""
WITH_BUDGETS = ("second_budget", "tradeoff", "claims", "scorecard", "equal_size", "equal_error", "variants")
"""Tables that have a part for every budget; the others show networks of equal epochs."""
WITH_DEPTH = ("layers_hypotheses", "depth_kept", "depth_equivalence", "depth_optimum", "joint")
"""Tables of networks that are made at several depths, which the others leave out (docs/layers.md)."""


@cache
def long(name: str) -> Callable[[Path], pd.DataFrame | None]:
    """Return the reader of a long table <name>.parquet, the same one every time."""
    return lambda folder: read_long(folder / f"{name}.parquet")


def read_history_by_depth(folder: Path) -> pd.DataFrame | None:
    """Return the history of the networks of a folder, those with a depth included; None where it is not there."""
    return read_every_long(folder / "history.parquet")


read_search = partial(read_beside, "search")
MORE: dict[str, dict[str, Callable[[Path], Any]]] = {
    "claims": {
        "history": long("history"),
        "searched": read_search,
    },
    "scorecard": {"kept": read_kept},
    "agreement": {"kept": read_kept},
    "equal_size": {"searched": read_search},
    "settings_tried": {"tried": partial(read_beside, "settings")},
    "variants": {
        "history": long("history"),
        "values": long("unit_values"),
    },
    "false_removals": {"removals": long("removals"), "gate_values": long("gate_values")},
    "certified": {"bounds": long("bounds")},
    "gate_worth": {"gate_values": long("gate_values")},
    "estimators": {"estimates": long("estimates")},
    "gate_ends": {"values": long("unit_values")},
    "undetermined": {"history": long("history")},
    "layers_hypotheses": {"history": read_history_by_depth},
    "depth_optimum": {"history": read_history_by_depth},
    "imbalance": {"units": long("imbalance")},
    "label_free": {"measured": long("label_free")},
    "cafo_blocks": {"blocks": long("cafo_blocks"), "kept": read_kept},
    "ball": {"moved": long("moved"), "kept": read_kept},
    "finetune": {"moved": long("moved")},
    "smallest_width": {"widths": long("smallest_width")},
}
"""What tables need beside the runs: argument -> its reader, which takes the folder of the runs."""


def write_tables(
    source: Path, folder: Path, confidence: float = 0.95, names: Sequence[str] | None = None
) -> list[Path]:
    """Write tables (all, or those named) of the runs.csv and details.csv in `source`; return the paths.

    A table that cannot be made does not stop the others; its page and standard error give the reason. Raises StudyError
    for an unknown name.
    """
    for name in names or ():
        if name not in TABLES:
            raise StudyError(f"no table {name!r}{nearest(name, TABLES)}")
    everything, note = read_every_run(source), missing_note(source)
    runs, deep = without_depth(everything), of_one_budget(with_depth(everything))
    equal_epochs = of_one_budget(runs)
    epochs, deep_epochs = other_epochs(equal_epochs), other_epochs(deep)
    beside = cache(lambda read: read(source))  # what several tables need is read once
    written = []
    for name in names or TABLES:
        shown = deep if name in WITH_DEPTH else runs if name in WITH_BUDGETS else equal_epochs
        sheet = _made(name, shown, confidence, beside)
        told = deep_epochs if name in WITH_DEPTH else epochs
        sheet = replace(sheet, caption=caption(sheet.caption, told, f"{note}." if note else ""))
        write_table(sheet.table, folder / f"{name}.csv", DIGITS)
        shown_as = {"html": sheet.html(), "tex": sheet.latex(name.replace("_", "-")), "json": sheet.json()}
        for kind, text in shown_as.items():
            write_text(folder / f"{name}.{kind}", text)
        written += [folder / f"{name}.{kind}" for kind in ("csv", *shown_as)]
    return written


def _made(name: str, runs: pd.DataFrame, confidence: float, beside: Callable[[Callable[[Path], Any]], Any]) -> Sheet:
    try:
        more = {argument: beside(read) for argument, read in MORE.get(name, {}).items()}
        return TABLES[name](runs, confidence, **more)
    except Exception as error:
        reason = f"This table could not be made: {type(error).__name__}: {error}."
        print(f"table {name}: {reason}", file=sys.stderr)
        return Sheet(pd.DataFrame({"failed": [reason]}), name.replace("_", " "), (), reason)
