"""Are runs consistent with a reference? Cells that both have, compared as samples of networks."""

import json
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.columns import WIDTH, Each, Row, Text, number, strong
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.read import slots
from robustprune.analysis.statistics import LEAST
from robustprune.analysis.verdicts.decision import ANSWERS, NO, Comparison, equivalent
from robustprune.analysis.verdicts.effect import difference
from robustprune.analysis.verdicts.over_starts import (
    ERROR_MARGIN,
    SLOT_MARGIN,
    logarithms,
    size_margin,
    units_of_slots,
)
from robustprune.study.cells import AXES, cell_key

LEVEL = 0.95
SIZE, ERROR = "size", "test error"
UNITS = {SIZE: "params", ERROR: "%"}
"""Quantity -> its unit; slots, which have theirs beside them, count units."""
NO_CELL, FEW = "not in the reference", f"fewer than {LEAST} networks with numbers in the reference"
COLUMNS = [*AXES, "quantity", "mean", "n", "reference_mean", "reference_n", "low", "high", "inside", "equivalent"]
SHOWN = [
    *(Text("method"), Text("strength"), WIDTH),
    Each("initialization", lambda row: initialization_title(row["initialization"])),
    Each("quantity", lambda row: f"{row['quantity']} ({UNITS.get(row['quantity'], 'units')})"),
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


def interval_of_counts(reference: np.ndarray, n: int, level: float) -> tuple[float, float]:
    """Return `prediction_interval` of logarithms of counts, wider by a unit at either end.

    Units are whole: where all reference networks have as many, their spread says nothing of a mean that lies between
    two counts.
    """
    low, high = np.exp(prediction_interval(reference, n, level))
    return float(np.log(max(low - 1, np.finfo(float).tiny))), float(np.log(high + 1))


def consistency(
    runs: pd.DataFrame, reference: pd.DataFrame, level: float = LEVEL
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a row per cell of both tables and quantity (COLUMNS), and the cells of the runs that have none, by key.

    A row has the mean, the expected interval, and whether the mean is inside. A cell that cannot be compared has no row
    but a reason: NO_CELL, FEW, or the first setting that differs, with both values.

    Quantities are size, test error and the units of every slot. All comparisons together have a false alarm with
    probability at most 1 - level (Bonferroni). Sizes and units are compared as logarithms; their means and the ends of
    their intervals are geometric. A network without a number, which diverged or kept nothing, puts its cell outside.
    equivalent: the verdict of equivalence of independent samples, within the margins of docs/protocol.md, B8.
    """
    pairs, left_out = _pairs(runs, reference)
    rows = [row for own, theirs in pairs for row in _samples(own, theirs)]
    found = []
    for cell, quantity, own, reached in rows:
        theirs = reached[~np.isnan(reached)]
        interval = prediction_interval if quantity in UNITS else interval_of_counts
        low, high = interval(theirs, len(own), 1 - (1 - level) / len(rows))
        inside = bool(low <= own.mean() <= high) or bool(np.isclose(own.mean(), (low + high) / 2, rtol=1e-12))
        shown = [own.mean(), theirs.mean(), low, high]
        mean, reference_mean, low, high = shown if quantity == ERROR else np.exp(shown)
        sizes = (mean, len(own), reference_mean, len(theirs), low, high)
        found.append((*cell, quantity, *sizes, inside, _equivalent(cell, quantity, own, reached)))
    return pd.DataFrame(found, columns=COLUMNS), left_out


Pair = tuple[pd.DataFrame, pd.DataFrame]


def _pairs(runs: pd.DataFrame, reference: pd.DataFrame) -> tuple[list[Pair], dict[str, str]]:
    """Return the networks of both for each cell that can be compared, and the keys of the others with the reason."""
    known = dict(iter(reference.groupby(list(AXES), sort=False)))
    pairs, left_out = [], {}
    for cell, own in runs.groupby(list(AXES), sort=False):
        theirs = known.get(cell)
        numbers = 0 if theirs is None else int((~_unknown(theirs)).sum())
        reason = NO_CELL if theirs is None else _other_setting(own.iloc[0], theirs.iloc[0])
        reason = reason or ("" if numbers >= LEAST else FEW)
        if reason:
            left_out[cell_key(cell)] = reason
        else:
            pairs.append((own, theirs))
    return pairs, left_out


def _unknown(networks: pd.DataFrame) -> pd.Series:
    return ~(networks["params_kept"] > 0) | networks["error_test_percent"].isna()


def _samples(own: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple]:
    """Yield the axes of a cell, a quantity, the values of the runs [n] and those of the reference [m].

    A network without a number is NaN. Quantities of which the reference has fewer than LEAST are left out.
    """
    cell = tuple(own[list(AXES)].iloc[0])
    names = slots(own["architecture"].iloc[0])
    values = [
        {
            SIZE: logarithms(networks["params_kept"]),
            ERROR: networks["error_test_percent"].to_numpy(float),
            **dict(zip(names, logarithms(units_of_slots(networks, len(names))).T, strict=True)),
        }
        for networks in (own, theirs)
    ]
    for quantity, reference in values[1].items():
        if (~np.isnan(reference)).sum() >= LEAST:
            yield cell, quantity, values[0][quantity], reference


def _equivalent(cell: tuple, quantity: str, own: np.ndarray, theirs: np.ndarray) -> str:
    sizes = {SIZE: size_margin(cell[AXES.index("architecture")])}
    margin = ERROR_MARGIN if quantity == ERROR else float(np.log1p(sizes.get(quantity, SLOT_MARGIN)))
    unknown = int(np.isnan(own).sum() + np.isnan(theirs).sum())
    return str(equivalent([Comparison(quantity, "", difference(own, theirs), margin, unknown)]))


def _other_setting(first: pd.Series, second: pd.Series) -> str:
    """Return the first setting in which two cells differ, as far as the records of both name it; "" without any."""
    for name in ("training", "settings"):
        own, other = (json.loads(row[name]) for row in (first, second))
        for key in own.keys() & other.keys():
            if own[key] != other[key]:
                return f"{name}.{key} is {own[key]}, in the reference {other[key]}"
    return ""


def conclusion(table: pd.DataFrame) -> str:
    """Return the line of the prediction intervals: yes, or no with what lies outside."""
    outside = table[~table["inside"].astype(bool)]
    names = [f"{cell_key(row[axis] for axis in AXES)} {row['quantity']}" for row in outside.to_dict("records")]
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


def coverage(cells: int, left_out: Mapping[str, str], missing: Collection[str]) -> str:
    """Return the line that says how many cells were compared, and which were not. missing: keys of cells that the
    runs lack."""
    why = [f"{name} ({reason})" for name, reason in left_out.items()]
    why += [f"{key} (missing in these runs)" for key in missing]
    total = cells + len(why)
    return f"compared: {cells} of {total} cells" + (f"; not compared: {', '.join(why)}" if why else "")


def _form(row: Row) -> str:
    return ".2f" if row["quantity"] == ERROR else ",.0f" if row["quantity"] == SIZE else ",.1f"
