"""A table in the three forms it is written in: CSV with all digits, an HTML page for the report, LaTeX to paste."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from robustprune.analysis.source import NETWORK, network_title

STYLE = """<style>
body { font: 13px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 1.5rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { padding: 0.2rem 0.55rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #444; } td { border-bottom: 1px solid #ddd; }
td:first-child, th:first-child, table.text td, table.text th { text-align: left; }
.caption { color: #444; max-width: 60rem; }
</style>"""
STRONG = re.compile(r"\*\*(.+?)\*\*")


@dataclass(frozen=True)
class Sheet:
    """table: the numbers; sections: heading and rows as a person reads them; text: all columns are prose."""

    table: pd.DataFrame
    title: str
    sections: Sequence[tuple[str, pd.DataFrame]]
    caption: str
    text: bool = False

    def html(self) -> str:
        """A self-contained page with one table per section."""
        parts = ["<!doctype html><html lang='en'><head><meta charset='utf-8'>"]
        parts.append(f"<title>{self.title}</title>{STYLE}</head><body><h2>{self.title}</h2>")
        for heading, rows in self.sections:
            shown = rows.to_html(index=False, border=0, classes="text" if self.text else None)
            shown = STRONG.sub(r"<strong>\1</strong>", shown)
            parts.append(f"<h3>{heading}</h3>{shown}")
        parts.append(f"<p class='caption'>{self.caption}</p></body></html>\n")
        return "".join(parts)

    def latex(self, label: str) -> str:
        """One table environment per section (booktabs), labelled tab:<label> or tab:<label>-<number>."""
        parts = [f"% {self.title}; needs \\usepackage{{booktabs}}\n"]
        for number, (heading, rows) in enumerate(self.sections, 1):
            width = f"p{{{0.9 / max(1, len(rows.columns)):.2f}\\linewidth}}"
            columns = width * len(rows.columns) if self.text else "l" + "r" * (len(rows.columns) - 1)
            body = _escaped(rows).to_latex(index=False, escape=False, column_format=columns)
            body = STRONG.sub(r"\\textbf{\1}", body)
            caption = _escape(f"{self.title}: {heading}. {self.caption}")
            name = label if len(self.sections) == 1 else f"{label}-{number}"
            parts.append(
                f"\\begin{{table}}\n\\caption{{{caption}}}\n\\label{{tab:{name}}}\n\\centering\\footnotesize\n"
                f"\\setlength{{\\tabcolsep}}{{3pt}}\n{body}\\end{{table}}\n"
            )
        return "\n".join(parts)


def _escaped(rows: pd.DataFrame) -> pd.DataFrame:
    columns = {name: [_escape(str(value)) for value in rows[name]] for name in rows}
    return pd.DataFrame({_escape(str(name)): values for name, values in columns.items()}, dtype=object)


def _escape(text: str) -> str:
    """LaTeX's special characters as characters."""
    names = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
    return re.sub(r"[\\~^<>&%$#_{}]", lambda found: names.get(found[0], "\\" + found[0]), text)


def by_network(table: pd.DataFrame, readable: Callable[[pd.DataFrame], pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    """A section per data set, architecture and track: its heading and its rows as a person reads them."""
    return [(network_title(*key), readable(group)) for key, group in table.groupby(NETWORK, sort=False)]


def strong(text: str) -> str:
    """Set in bold by every form but the CSV."""
    return f"**{text}**"


def number(value: float, form: str) -> str:
    """A value, or a dash where there is none."""
    return "-" if pd.isna(value) else format(value, form)


def p_value(p: float) -> str:
    """Three decimals, as far as these say anything."""
    return "<0.001" if p < 0.001 else number(p, ".3f")


def span(low: float, high: float, form: str) -> str:
    """From smallest to largest."""
    return f"{number(low, form)} to {number(high, form)}"


def with_interval(row: pd.Series, column: str, form: str) -> str:
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
