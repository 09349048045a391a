"""Controls against the networks whose sizes they have: is the found size all that matters?"""

import pandas as pd

from robustprune.analysis.pairing import DIFFERENCE, adjusted, paired_errors
from robustprune.analysis.robustness import mean_units
from robustprune.analysis.sheet import Sheet, by_network, p_value, with_interval
from robustprune.analysis.source import NETWORK, source_of

START = [*NETWORK, "initialization", "width"]
COLUMNS = [
    *(*START, "source", "control", "epochs", "units_kept", "params", "error", "error_low", "error_high"),
    "source_error",
    *DIFFERENCE,
]


def control_rows(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """One row per control: its error, and the difference from its source's paired by seed.

    difference > 0: the pruning method's own weights are better than the control's. p_holm: two-sided t test, adjusted
    for the controls of one source.
    """
    sources = source_of(runs)
    rows = []
    for key, group in runs[sources.notna()].groupby([*START, sources[sources.notna()].rename("source")], sort=False):
        axes = dict(zip([*START, "source"], key, strict=True))
        found = []
        for (method, strength), own in group.groupby(["method", "strength"], sort=False):
            found.append(_row(runs, axes, f"{method}/{strength}", own, confidence))
        rows += adjusted(found)
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(runs: pd.DataFrame, axes: dict, control: str, own: pd.DataFrame, confidence: float) -> dict:
    method, strength = axes["source"].split("/")
    wanted = {**{name: axes[name] for name in START}, "method": method, "strength": strength}
    source = runs[(runs[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    found, source_error = paired_errors(own, source, confidence)
    return {
        **axes,
        "control": control,
        "epochs": int(own["epochs"].iloc[0]),
        "units_kept": mean_units(own["units_kept"]),
        "params": own["params_kept"].mean(),
        **found,
        "source_error": source_error,
    }


def controls(runs: pd.DataFrame, confidence: float) -> Sheet:
    """The rows as a sheet."""
    table = control_rows(runs, confidence)
    caption = (
        "Networks of a found size trained without pruning, against the pruned networks of the same seeds (source). "
        "Difference: control minus source in percentage points, paired by seed; above 0 the method's own weights are "
        f"better. Brackets: Student's t interval at level {confidence:.0%} over n seeds; p: paired t test, Holm-"
        "adjusted for the controls of one source. ticket: same units, initial weights; random_ticket: same widths, "
        "other units; scratch_e: new weights; scratch_b: new weights, more epochs; width_uniform: one factor for all "
        "slots."
    )
    return Sheet(table, "Is the found size all that matters?", by_network(table, _readable), caption)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["source", "control", "epochs"]].copy()
    shown["start"] = [f"{row.initialization}, width {row.width:g}" for row in table.itertuples()]
    shown["units (mean)"], shown["params"] = table["units_kept"], [f"{value:,.0f}" for value in table["params"]]
    shown["error (%)"] = [f"{value:.2f}" for value in table["error"]]
    shown["source error (%)"] = [f"{value:.2f}" for value in table["source_error"]]
    shown["difference (points)"] = [with_interval(row, "difference", "+.2f") for _, row in table.iterrows()]
    shown["p (Holm)"] = table["p_holm"].map(p_value)
    shown["n"] = table["n"]
    return shown
