"""Columns of readable tables: each turns columns of numbers into text."""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

Row = Mapping[str, Any]


class Column(ABC):
    """A column of a sheet: a heading, and the text of every row."""

    title: str

    @abstractmethod
    def _text(self, row: Row) -> str:
        """Return the text of one row."""

    def shown(self, rows: Iterable[Row]) -> list[str]:
        """Return the text of every row."""
        return [self._text(row) for row in rows]


@dataclass(frozen=True)
class Each(Column):
    """A column with the text of a function of the row."""

    title: str
    form: Callable[[Row], str]

    def _text(self, row: Row) -> str:
        return self.form(row)


@dataclass(frozen=True)
class Text(Column):
    """A column as it is, with a dash for a missing value; the heading is the title or else the name."""

    name: str
    title: str = ""

    def __post_init__(self):
        object.__setattr__(self, "title", self.title or self.name)

    def _text(self, row: Row) -> str:
        return "-" if pd.isna(row[self.name]) else str(row[self.name])


@dataclass(frozen=True)
class Number(Column):
    """A number in a form such as ",.0f"."""

    name: str
    title: str
    form: str

    def _text(self, row: Row) -> str:
        return number(row[self.name], self.form)


@dataclass(frozen=True)
class Interval(Column):
    """An estimate with its interval (columns of `statistics.interval_columns`), and its n where the row's n differs.

    best: a bool column, true where the text is bold.
    """

    name: str
    title: str
    form: str
    best: str = ""

    def _text(self, row: Row) -> str:
        text, n = with_interval(row, self.name, self.form), row[f"{self.name}_n"]
        text += f" (n = {n:.0f})" if text != "-" and n != row["n"] else ""
        return strong(text) if self.best and row[self.best] else text


@dataclass(frozen=True)
class Span(Column):
    """A range: the column of the smallest value to that of the largest."""

    low: str
    high: str
    title: str
    form: str

    def _text(self, row: Row) -> str:
        return f"{number(row[self.low], self.form)} to {number(row[self.high], self.form)}"


@dataclass(frozen=True)
class PValue(Column):
    """A p value."""

    name: str
    title: str

    def _text(self, row: Row) -> str:
        return p_value(row[self.name])


WIDTH = Each("starting width", lambda row: f"{row['width']:g}")


def most_known(row: Row) -> int:
    """Return n of a row: the largest number of networks with a known value among its estimates."""
    return max(int(value) for name, value in row.items() if name.endswith("_n"))


STRONG = re.compile(r"\*\*(.+?)\*\*")
"""Text that `strong` has marked."""


def strong(text: str) -> str:
    """Return the text marked as bold, for HTML and LaTeX."""
    return f"**{text}**"


def number(value: float, form: str) -> str:
    """Return the formatted value, or a dash for NaN."""
    return "-" if pd.isna(value) else format(value, form)


def range_of(counts: Iterable[int]) -> str:
    """Return "3", or "3 to 5" where counts differ."""
    known = list(counts)
    low, high = min(known), max(known)
    return f"{low}" if low == high else f"{low} to {high}"


def p_value(p: float) -> str:
    """Return a p value with three decimals, or "<0.001"."""
    return "<0.001" if p < 0.001 else number(p, ".3f")


def with_interval(row: Row, column: str, form: str) -> str:
    """Return the value of a column with its interval <column>_low to <column>_high, as far as these are known.

    The half width of the interval is shown with two digits; `form` (",.0f", "+.2f") gives the most decimals.
    """
    value, low, high = (row[name] for name in (column, f"{column}_low", f"{column}_high"))
    if pd.isna(value):
        return "-"
    if pd.isna(low):
        return format(value, form)
    form, decimals = supported(form, (high - low) / 2)
    shown, *ends = (f"{round(number, decimals):{form}}" for number in (value, low, high))
    return f"{shown} [{', '.join(ends)}]"


def supported(form: str, uncertainty: float) -> tuple[str, int]:
    """Return `form` with no more decimals than two digits of an uncertainty need, and the number of decimals.

    The number is negative where even tens are uncertain.
    """
    most = int(re.search(r"\.(\d+)f", form)[1])
    decimals = min(most, 1 - math.floor(math.log10(uncertainty))) if uncertainty > 0 else most
    return re.sub(r"\.\d+f", f".{max(decimals, 0)}f", form), decimals
