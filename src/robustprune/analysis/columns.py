"""Columns of a table as a person reads them: each names columns of the table of numbers and writes them as text."""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

Row = Mapping[str, Any]


class Column(ABC):
    """What a sheet shows as one column: a heading, and the text of every row."""

    title: str

    @abstractmethod
    def _text(self, row: Row) -> str:
        """The text of one row."""

    def shown(self, rows: pd.DataFrame) -> list[str]:
        """The text of every row."""
        return [self._text(row) for row in rows.to_dict("records")]


@dataclass(frozen=True)
class Each(Column):
    """A column that a function of the row writes."""

    title: str
    form: Callable[[Row], str]

    def _text(self, row: Row) -> str:
        return self.form(row)


@dataclass(frozen=True)
class Text(Column):
    """A column as it is, with a dash where there is none; its name is the heading if there is no title."""

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
    """An estimate with its interval (columns of `statistics.interval_columns`), and its n where that is not the row's.
    best: a column that says where the text is bold."""

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
    """From the column of the smallest to that of the largest."""

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
    """n of a row: the networks whose number is known, in that of its estimates with the most of them."""
    return max(int(value) for name, value in row.items() if name.endswith("_n"))


def strong(text: str) -> str:
    """Set in bold by every form but the CSV."""
    return f"**{text}**"


def number(value: float, form: str) -> str:
    """A value, or a dash where there is none."""
    return "-" if pd.isna(value) else format(value, form)


def p_value(p: float) -> str:
    """Three decimals, as far as these say anything."""
    return "<0.001" if p < 0.001 else number(p, ".3f")


def with_interval(row: Row, column: str, form: str) -> str:
    """The value of a column with the interval of <column>_low and <column>_high beside it, as far as they are known.

    Digits below the second one of the interval's half width are left out; `form` (",.0f", "+.2f") bounds them.
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
    """`form` with no more decimals than an uncertainty supports (two of its digits), and how many those are: negative
    where even tens are uncertain."""
    most = int(re.search(r"\.(\d+)f", form)[1])
    decimals = min(most, 1 - math.floor(math.log10(uncertainty))) if uncertainty > 0 else most
    return re.sub(r"\.\d+f", f".{max(decimals, 0)}f", form), decimals
