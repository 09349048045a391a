"""Are runs consistent with a reference? Cells that both have, compared as samples of networks."""

import json
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.columns import WIDTH, Each, Row, Text, number, strong
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.read import CELL, slots
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

LEVEL = 0.95
SIZE, ERROR = "size", "test error"
UNITS = {SIZE: "params", ERROR: "%"}
"""Quantity -> its unit; slots, which have theirs beside them, count units."""
NO_CELL, FEW = "not in the reference", f"fewer than {LEAST} networks with numbers in the reference"
COLUMNS = [*CELL, "quantity", "mean", "n", "reference_mean", "reference_n", "low", "high", "inside", "equivalent"]
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


def consistency(runs: pd.DataFrame, reference: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Return a row per cell of both tables and quantity (COLUMNS): mean, expected interval, and whether it is inside.

    Quantities are size, test error and the units of every slot. All comparisons together have a false alarm with
    probability at most 1 - level (Bonferroni). Sizes and units are compared as logarithms; their means and the ends of
    their intervals are geometric. A network without a number, which diverged or kept nothing, puts its cell outside.
    equivalent: the verdict of equivalence of independent samples, within the margins of docs/protocol.md, B8. Cells
    that cannot be compared (not_compared) have no row.
    """
    rows = [row for cell, own, theirs in _pairs(runs, reference)[0] for row in _samples(cell, own, theirs)]
    found = []
    for cell, quantity, own, theirs in rows:
        low, high = prediction_interval(theirs, len(own), 1 - (1 - level) / len(rows))
        inside = bool(low <= own.mean() <= high) or bool(np.isclose(own.mean(), (low + high) / 2, rtol=1e-12))
        shown = [own.mean(), theirs.mean(), low, high]
        mean, reference_mean, low, high = shown if quantity == ERROR else np.exp(shown)
        sizes = (mean, len(own), reference_mean, len(theirs), low, high)
        found.append((*cell, quantity, *sizes, inside, _equivalent(cell, quantity, own, theirs)))
    return pd.DataFrame(found, columns=COLUMNS)


def not_compared(runs: pd.DataFrame, reference: pd.DataFrame) -> dict[str, str]:
    """Return the cells of the runs that `consistency` leaves out -> why.

    NO_CELL; FEW; or the first setting that differs, with both values.
    """
    return _pairs(runs, reference)[1]


Pair = tuple[tuple, pd.DataFrame, pd.DataFrame]


def _pairs(runs: pd.DataFrame, reference: pd.DataFrame) -> tuple[list[Pair], dict[str, str]]:
    """Return the cells that can be compared, with the networks of both, and the others with the reason."""
    known = dict(iter(reference.groupby(CELL, sort=False)))
    pairs, left_out = [], {}
    for cell, own in runs.groupby(CELL, sort=False):
        theirs = known.get(cell)
        numbers = 0 if theirs is None else int((~_unknown(theirs)).sum())
        reason = NO_CELL if theirs is None else _other_setting(own.iloc[0], theirs.iloc[0])
        reason = reason or ("" if numbers >= LEAST else FEW)
        if reason:
            left_out[_name(dict(zip(CELL, cell, strict=True)))] = reason
        else:
            pairs.append((cell, own, theirs))
    return pairs, left_out


def _unknown(networks: pd.DataFrame) -> pd.Series:
    return ~(networks["params_kept"] > 0) | networks["error_test_percent"].isna()


def _samples(cell: tuple, own: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple]:
    """Yield cell, quantity, the values of the runs [n] and those of the reference [m], where it has at least LEAST."""
    names = slots(cell[CELL.index("architecture")])
    values = [
        {
            SIZE: logarithms(networks["params_kept"]),
            ERROR: networks["error_test_percent"].to_numpy(float),
            **dict(zip(names, logarithms(units_of_slots(networks, len(names))).T, strict=True)),
        }
        for networks in (own, theirs)
    ]
    for quantity, reference in values[1].items():
        if (known := ~np.isnan(reference)).sum() >= LEAST:
            yield cell, quantity, values[0][quantity], reference[known]


def _equivalent(cell: tuple, quantity: str, own: np.ndarray, theirs: np.ndarray) -> str:
    sizes = {SIZE: size_margin(cell[CELL.index("architecture")])}
    margin = ERROR_MARGIN if quantity == ERROR else float(np.log1p(sizes.get(quantity, SLOT_MARGIN)))
    unknown = int(np.isnan(own).sum())
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
    names = [f"{_name(row)} {row['quantity']}" for row in outside.to_dict("records")]
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


def _name(cell: Mapping) -> str:
    return f"{cell['method']} {cell['strength']} {cell['initialization']} width {cell['width']:g}"


def _form(row: Row) -> str:
    return ".2f" if row["quantity"] == ERROR else ",.0f" if row["quantity"] == SIZE else ",.1f"
