"""Methods that prune to a budget against the floors of the same budget: random choice, and no search at all."""

import itertools

import pandas as pd

from robustprune.analysis.pairing import DIFFERENCE, adjusted, paired_errors
from robustprune.analysis.sheet import Sheet, by_network, p_value, with_interval
from robustprune.analysis.source import FLOORS, NETWORK, compared, settings_of, standard

BUDGET = ["measure", "target"]
COLUMNS = [
    *(*NETWORK, *BUDGET, "method", "floor", "params", "floor_params", "error", "error_low", "error_high"),
    "floor_error",
    *DIFFERENCE,
]


def floor_rows(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """One row per method, budget and floor of that budget: the difference of their errors, paired by seed.

    difference < 0: the method errs less than the floor. p_holm: two-sided t test, adjusted for all rows of one network
    and track.
    """
    runs = compared(standard(runs))
    runs = pd.concat([runs, _budgets(runs)], axis=1).dropna(subset=BUDGET)
    rows = []
    for network, group in runs.groupby(NETWORK, sort=False):
        found = []
        for budget, equals in group.groupby(BUDGET, sort=True):
            found += [dict(zip(BUDGET, budget, strict=True)) | row for row in _rows(equals, confidence)]
        rows += [dict(zip(NETWORK, network, strict=True)) | row for row in adjusted(found)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _budgets(runs: pd.DataFrame) -> pd.DataFrame:
    """measure and target of each network: its own settings', or those of the cell whose size it has; else None."""
    settings = settings_of(runs)
    names = [*NETWORK, "method", "strength"]
    cells = [(*cell, f"{method}/{strength}") for *cell, method, strength in zip(*map(runs.get, names), strict=True)]
    known = dict(zip(cells, settings, strict=True))
    meant = [known.get((*cell[:-1], own.get("of")), own) for cell, own in zip(cells, settings, strict=True)]
    return pd.DataFrame([[given.get(name) for name in BUDGET] for given in meant], runs.index, BUDGET)


def _rows(equals: pd.DataFrame, confidence: float) -> list[dict]:
    """Every method of one budget against every floor of it."""
    cells = [(method, own) for (method, _), own in equals.groupby(["method", "strength"], sort=False)]
    rows = []
    for (method, own), (floor, below) in itertools.product(cells, cells):
        if floor not in FLOORS or floor == method or method == FLOORS[-1]:
            continue
        found, floor_error = paired_errors(own, below, confidence)
        sizes = {"params": own["params_kept"].mean(), "floor_params": below["params_kept"].mean()}
        rows.append({"method": method, "floor": floor, **sizes, **found, "floor_error": floor_error})
    return rows


def floors(runs: pd.DataFrame, confidence: float) -> Sheet:
    """The rows as a sheet."""
    table = floor_rows(runs, confidence)
    caption = (
        "Methods that prune to a budget (share of the starting params, or MACs) against the floors of the same budget: "
        "random, which removes units by lot on the same schedule, and width_uniform, networks of that size trained "
        "without a search. Difference: method minus floor in percentage points, paired by seed; below 0 the method is "
        f"better. Brackets: Student's t interval at level {confidence:.0%} over n seeds; p: paired t test, "
        "Holm-adjusted for the rows of one network and track. Standard start (width 1, He normal)."
    )
    return Sheet(table, "Against the floors, at the same budget", by_network(table, _readable), caption)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method"]].copy()
    shown["budget"] = [f"{100 * row.target:g} % of {row.measure}" for row in table.itertuples()]
    shown["params"] = [f"{value:,.0f}" for value in table["params"]]
    shown["error (%)"] = [with_interval(row, "error", ".2f") for _, row in table.iterrows()]
    shown["floor"] = table["floor"]
    shown["floor params"] = [f"{value:,.0f}" for value in table["floor_params"]]
    shown["floor error (%)"] = [f"{value:.2f}" for value in table["floor_error"]]
    shown["difference (points)"] = [with_interval(row, "difference", "+.2f") for _, row in table.iterrows()]
    shown["p (Holm)"] = table["p_holm"].map(p_value)
    shown["n"] = table["n"]
    return shown
