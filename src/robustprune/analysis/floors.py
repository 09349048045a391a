"""Comparison of methods that prune to a budget with the floors of that budget: random choice, and no search."""

import itertools

import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, N, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, PValue, Row, Text
from robustprune.analysis.pairing import DIFFERENCE, adjusted, paired_errors
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import FLOORS, SIZE_TARGET, compared, size_targets, standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns

SEARCHED = "params kept"
"""The measure of a budget that a search aimed at."""
COLUMNS = [
    *(*NETWORK, *SIZE_TARGET, "method", "strength", "floor", "floor_strength", "params", "floor_params"),
    *(*interval_columns("error"), "floor_error", *DIFFERENCE),
]
SHOWN = [
    Each("method", lambda row: f"{row['method']} {row['strength']}"),
    Each("budget", lambda row: _budget(row)),
    *(Number("params", "params", ",.0f"), Interval("error", "error (%)", ".2f")),
    Each("floor", lambda row: f"{row['floor']} {row['floor_strength']}"),
    *(Number("floor_params", "floor params", ",.0f"), Number("floor_error", "floor error (%)", ".2f")),
    *(Interval("difference", "difference (points)", "+.2f"), PValue("p_holm", "p (Holm)"), Text("n")),
]


def floor_rows(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return one row per method, budget and floor of that budget: the difference of their errors, paired by seed.

    difference < 0: the method errs less than the floor. p_holm: two-sided t test, adjusted for all rows of one network
    and track.
    """
    runs = compared(standard(runs))
    runs = runs[runs["variant"] == ""]
    runs = _of_one_size(pd.concat([runs, size_targets(runs)], axis=1).dropna(subset=SIZE_TARGET))
    rows = []
    for network, group in runs.groupby(NETWORK, sort=False):
        of_network = []
        for target, equals in group.groupby(SIZE_TARGET, sort=True):
            of_network += [dict(zip(SIZE_TARGET, target, strict=True)) | row for row in _rows(equals, confidence)]
        rows += [dict(zip(NETWORK, network, strict=True)) | row for row in adjusted(of_network)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_one_size(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks with the size that a search aimed at as their budget, where it found the share: methods reach
    the same size by shares that differ in the last digit. A control has the budget of its source."""
    if "target_params" not in runs:
        return runs
    by = [*NETWORK, *SIZE_TARGET]
    sizes = runs.groupby(by)["target_params"].transform("first")
    known = sizes.notna()
    return runs.assign(
        measure=runs["measure"].where(~known, SEARCHED), target=runs["target"].astype(float).where(~known, sizes)
    )


def _budget(row: Row) -> str:
    return (
        f"{row['target']:,.0f} params"
        if row["measure"] == SEARCHED
        else f"{100 * row['target']:g} % of {row['measure']}"
    )


def _rows(equals: pd.DataFrame, confidence: float) -> list[dict]:
    """Return a row for every method and floor of one budget."""
    cells = list(equals.groupby(["method", "strength"], sort=False))
    rows = []
    for ((method, strength), own), ((floor, other), below) in itertools.product(cells, cells):
        if floor not in FLOORS or floor == method or method == FLOORS[-1]:
            continue
        comparison, floor_error = paired_errors(own, below, confidence)
        row = {"method": method, "strength": strength, "floor": floor, "floor_strength": other}
        row |= {"params": own["params_kept"].mean(), "floor_params": below["params_kept"].mean()}
        rows.append(row | comparison | {"floor_error": floor_error})
    return rows


def floors(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the rows as a sheet."""
    table = floor_rows(runs, confidence)
    text = caption(
        "Methods that prune to a budget (share of the starting params, or MACs) against the floors of the same budget: "
        "random, which removes units at random on the same schedule, and width_uniform, networks of that size trained "
        "without a search. Difference: method minus floor in percentage points, paired by seed; below 0 the method is "
        "better.",
        brackets(confidence),
        "p: paired t test, Holm-adjusted for the rows of one network and track.",
        AT_STANDARD,
        N,
        "" if len(table) else "No method and floor of one budget start from there in these tables.",
    )
    return Sheet.of(table, SHOWN, "Against the floors, at the same budget", text)
