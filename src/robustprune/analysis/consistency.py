"""Are runs consistent with a reference? Cells that both have, compared as samples of networks."""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.columns import WIDTH, Each, Row, Text, number, strong
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.read import CELL
from robustprune.analysis.statistics import LEAST
from robustprune.analysis.verdicts.decision import ANSWERS, NO, Comparison, equivalent
from robustprune.analysis.verdicts.effect import difference
from robustprune.analysis.verdicts.over_starts import ERROR_MARGIN, size_margin

LEVEL = 0.95
SIZE, ERROR = "size", "test error"
QUANTITIES = {SIZE: "params_kept", ERROR: "error_test_percent"}
UNITS = {SIZE: "params", ERROR: "%"}
COLUMNS = [*CELL, "quantity", "mean", "n", "reference_mean", "reference_n", "low", "high", "inside", "equivalent"]
SHOWN = [
    *(Text("method"), Text("strength"), WIDTH),
    Each("initialization", lambda row: initialization_title(row["initialization"])),
    Each("quantity", lambda row: f"{row['quantity']} ({UNITS[row['quantity']]})"),
    Each("these runs", lambda row: number(row["mean"], _form(row))),
    Text("n"),
    Each("reference", lambda row: number(row["reference_mean"], _form(row))),
    Text("reference_n", "n of the reference"),
    Each("expected", lambda row: f"{number(row['low'], _form(row))} to {number(row['high'], _form(row))}"),
    Each("as expected", lambda row: "yes" if row["inside"] else "**no**"),
    Each("equivalent", lambda row: strong(NO) if row["equivalent"] == NO else row["equivalent"]),
]


def prediction_interval(reference: np.ndarray, n: int, level: float) -> tuple[float, float]:
    """Return the interval that holds the mean of n further networks with probability `level`, for normal values.

    reference: values [m] of networks, at least two. Student's t with m - 1 degrees of freedom.
    """
    m = len(reference)
    half = stats.t.ppf((1 + level) / 2, m - 1) * reference.std(ddof=1) * np.sqrt(1 / m + 1 / n)
    return float(reference.mean() - half), float(reference.mean() + half)


def consistency(runs: pd.DataFrame, reference: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Return a row per cell of both tables and quantity (COLUMNS): mean, expected interval, and whether it is inside.

    All comparisons together have a false alarm with probability at most 1 - level (Bonferroni). Sizes are compared as
    logarithms; means and ends of sizes are geometric, in params. A network without a number, which diverged or kept
    nothing, puts its cell outside. equivalent: the verdict of equivalence of independent samples, within the margins of
    docs/protocol.md, B8. Cells of other settings or another protocol, and cells with fewer than three
    reference networks with a number, have no row.
    """
    rows = list(_samples(runs, reference))
    found = []
    for cell, quantity, own, theirs in rows:
        low, high = prediction_interval(theirs, len(own), 1 - (1 - level) / len(rows))
        inside = bool(low <= own.mean() <= high) or bool(np.isclose(own.mean(), (low + high) / 2, rtol=1e-12))
        shown = [own.mean(), theirs.mean(), low, high]
        mean, reference_mean, low, high = np.exp(shown) if quantity == SIZE else shown
        sizes = (mean, len(own), reference_mean, len(theirs), low, high)
        found.append((*cell, quantity, *sizes, inside, _equivalent(cell, quantity, own, theirs)))
    return pd.DataFrame(found, columns=COLUMNS)


def _samples(runs: pd.DataFrame, reference: pd.DataFrame) -> Iterator[tuple[tuple, str, np.ndarray, np.ndarray]]:
    """Yield cell, quantity, the values of the runs [n] and those of the reference [m] that can be compared."""
    known = dict(iter(reference.groupby(CELL, sort=False)))
    for cell, own in runs.groupby(CELL, sort=False):
        theirs = known.get(cell)
        if theirs is None or not _same_asked(own.iloc[0], theirs.iloc[0]):
            continue
        for quantity, column in QUANTITIES.items():
            first, second = (_values(networks[column], quantity) for networks in (own, theirs))
            second = second[~np.isnan(second)]
            if len(second) >= LEAST:
                yield cell, quantity, first, second


def _equivalent(cell: tuple, quantity: str, own: np.ndarray, theirs: np.ndarray) -> str:
    architecture = cell[CELL.index("architecture")]
    margin = float(np.log1p(size_margin(architecture))) if quantity == SIZE else ERROR_MARGIN
    unknown = int(np.isnan(own).sum())
    return str(equivalent([Comparison(quantity, "", difference(own, theirs), margin, unknown)]))


def _values(column: pd.Series, quantity: str) -> np.ndarray:
    values = column.to_numpy(float)
    return np.log(np.where(values > 0, values, np.nan)) if quantity == SIZE else values


def _same_asked(first: pd.Series, second: pd.Series) -> bool:
    """Whether two cells had the same protocol and settings, as far as the records of both name them."""
    pairs = [[json.loads(row[name]) for row in (first, second)] for name in ("training", "settings")]
    return all(one[key] == other[key] for one, other in pairs for key in one.keys() & other.keys())


def conclusion(table: pd.DataFrame) -> str:
    """Return the line of the prediction intervals: yes, or no with what lies outside."""
    outside = table[~table["inside"].astype(bool)]
    names = [
        f"{row['method']} {row['strength']} {row['initialization']} width {row['width']:g} {row['quantity']}"
        for row in outside.to_dict("records")
    ]
    return "consistent with the reference: " + (f"no; outside: {', '.join(names)}" if names else "yes")


def verdicts_line(table: pd.DataFrame) -> str:
    """Return the line of the verdicts of equivalence: how many comparisons have which."""
    counts = table["equivalent"].value_counts()
    return "equivalent to the reference: " + ", ".join(
        f"{answer} {counts[answer]}" for answer in ANSWERS if answer in counts
    )


def passed(table: pd.DataFrame) -> bool:
    """Return whether every cell is consistent and none has the verdict no."""
    return bool(table["inside"].astype(bool).all() and (table["equivalent"] != NO).all())


def _form(row: Row) -> str:
    return ",.0f" if row["quantity"] == SIZE else ".2f"
