"""Are runs consistent with a reference? Cells that both have, compared as samples of networks."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.columns import WIDTH, Each, Row, Text, number
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.read import CELL, missing_note, read_detailed_runs
from robustprune.analysis.sheet import Sheet
from robustprune.errors import StudyError
from robustprune.files import write_table, write_text

LEVEL = 0.95
SIZE, ERROR = "size", "test error"
QUANTITIES = {SIZE: "params_kept", ERROR: "error_test_percent"}
UNITS = {SIZE: "params", ERROR: "%"}
COLUMNS = [*CELL, "quantity", "mean", "n", "reference_mean", "reference_n", "low", "high", "inside"]
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
    nothing, puts its cell outside. Cells of other settings or another protocol, and cells with fewer than two reference
    networks with a number, have no row.
    """
    rows = list(_samples(runs, reference))
    found = []
    for cell, quantity, own, theirs in rows:
        low, high = prediction_interval(theirs, len(own), 1 - (1 - level) / len(rows))
        inside = bool(low <= own.mean() <= high) or bool(np.isclose(own.mean(), (low + high) / 2, rtol=1e-12))
        shown = [own.mean(), theirs.mean(), low, high]
        mean, reference_mean, low, high = np.exp(shown) if quantity == SIZE else shown
        found.append((*cell, quantity, mean, len(own), reference_mean, len(theirs), low, high, inside))
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
            if len(second) > 1:
                yield cell, quantity, first, second


def _values(column: pd.Series, quantity: str) -> np.ndarray:
    values = column.to_numpy(float)
    return np.log(np.where(values > 0, values, np.nan)) if quantity == SIZE else values


def _same_asked(first: pd.Series, second: pd.Series) -> bool:
    """Whether two cells had the same protocol and settings, as far as the records of both name them."""
    pairs = [[json.loads(row[name]) for row in (first, second)] for name in ("training", "settings")]
    return all(one[key] == other[key] for one, other in pairs for key in one.keys() & other.keys())


def conclusion(table: pd.DataFrame) -> str:
    """Return the one line of the comparison: yes, or no with what lies outside."""
    outside = table[~table["inside"].astype(bool)]
    names = [
        f"{row['method']} {row['strength']} {row['initialization']} width {row['width']:g} {row['quantity']}"
        for row in outside.to_dict("records")
    ]
    return "consistent with the reference: " + (f"no; outside: {', '.join(names)}" if names else "yes")


def write_consistency(source: Path, reference: Path, output: Path, level: float = LEVEL) -> str:
    """Compare the tables in two folders; write <output> (.csv), a page (.html) and the line (.txt); return the line.

    Raises StudyError where the folders have no cell that can be compared.
    """
    table = consistency(read_detailed_runs(source), read_detailed_runs(reference), level)
    if not len(table):
        raise StudyError(
            f"nothing in {source} can be compared with {reference}: expected a cell of the same settings and training "
            "in both, with at least two networks with numbers in the reference; name another --reference"
        )
    line = conclusion(table)
    text = (
        f"These runs: {source}; reference: {reference}. Means over networks, of sizes geometric. Expected: the "
        "prediction interval of the mean of n further networks from the spread of the reference's networks (Student's "
        f"t; simultaneous over all {len(table)} comparisons at level {level:.0%}, Bonferroni). Networks are compared "
        "as samples: those of equal seeds differ, as rounding depends on how many train together. With few networks "
        "the intervals are wide, so yes does not mean equal."
    )
    note = missing_note(source)
    sheet = Sheet.of(table, SHOWN, line[0].upper() + line[1:], text)
    sheet = replace(sheet, caption=f"{text} {note}.") if note else sheet
    write_table(table, output)
    for suffix, content in ((".html", sheet.html()), (".txt", f"{line}\n")):
        write_text(output.with_suffix(suffix), content)
    return line


def _form(row: Row) -> str:
    return ",.0f" if row["quantity"] == SIZE else ".2f"
