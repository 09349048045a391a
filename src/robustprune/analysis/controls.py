"""Comparison of controls with the pruned networks of the same sizes: is the size all that matters?"""

import pandas as pd

from robustprune.analysis.captions import N, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, PValue, Text
from robustprune.analysis.pairing import DIFFERENCE, adjusted, paired_errors
from robustprune.analysis.read import NETWORK
from robustprune.analysis.robustness import mean_units
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns
from robustprune.study.related import FINETUNE

START = [*NETWORK, "initialization", "width"]
CELL_OF_SOURCE = [*START, "method", "strength"]
COLUMNS = [
    *(*START, "source", "control", "epochs", "units_kept", "params", *interval_columns("error"), "source_error"),
    *DIFFERENCE,
]
SHOWN = [
    *(Text("source"), Text("control"), Text("epochs")),
    Each("start", lambda row: f"{row['initialization']}, width {row['width']:g}"),
    *(Text("units_kept", "units (mean)"), Number("params", "params", ",.0f"), Number("error", "error (%)", ".2f")),
    *(Number("source_error", "source error (%)", ".2f"), Interval("difference", "difference (points)", "+.2f")),
    *(PValue("p_holm", "p (Holm)"), Text("n")),
]


def control_rows(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return one row per control: its error, and the difference from that of its source, paired by seed.

    difference > 0: the weights of the pruning method are better than those of the control. p_holm: two-sided t test,
    adjusted for the controls of one source on one network, over all starts. Networks that were fine-tuned have a table
    of their own.
    """
    rows, places = [], runs.groupby(CELL_OF_SOURCE, sort=False).indices
    own = runs[runs["start_of"].notna() & (runs["method"] != FINETUNE)]
    for (*network, name), of_source in own.groupby([*NETWORK, "start_of"], sort=False):
        family = []
        for start, group in of_source.groupby(["initialization", "width"], sort=False):
            axes = dict(zip([*START, "source"], [*network, *start, name], strict=True))
            source = runs.iloc[places.get((*network, *start, *name.split("/", 1)), [])]
            for (method, strength), cell in group.groupby(["method", "strength"], sort=False):
                family.append(_row(source, axes, f"{method}/{strength}", cell, confidence))
        rows += adjusted(family)
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(source: pd.DataFrame, axes: dict, control: str, own: pd.DataFrame, confidence: float) -> dict:
    comparison, source_error = paired_errors(own, source, confidence)
    return {
        **axes,
        "control": control,
        "epochs": int(own["epochs"].iloc[0]),
        "units_kept": mean_units(own["units_kept"]),
        "params": own["params_kept"].mean(),
        **comparison,
        "source_error": source_error,
    }


def controls(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the rows as a sheet."""
    table = control_rows(runs, confidence)
    text = caption(
        "Networks of a kept size trained without pruning, against the pruned networks of the same seeds (source). "
        "Difference: control minus source in percentage points, paired by seed; above 0 the method's own weights are "
        "better.",
        brackets(confidence),
        "p: paired t test, Holm-adjusted for the controls of one source on one network. ticket: same units, initial "
        "weights; random_ticket: same widths, other units; scratch_e: new weights; scratch_b: new weights, more "
        "epochs; width_uniform: one factor for all slots.",
        N,
        "" if len(table) else "There are no controls in these tables.",
    )
    return Sheet.of(table, SHOWN, "Is the size all that matters?", text)
