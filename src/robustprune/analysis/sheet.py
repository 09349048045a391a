"""A table in its readable forms: HTML for the report, LaTeX to paste, JSON for the results page and the paper."""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from robustprune.analysis.columns import STRONG, Column, Row
from robustprune.analysis.labels import network_title
from robustprune.analysis.latex import PACKAGES, floats
from robustprune.analysis.read import NETWORK, SERIES

STYLE = """<style>
body { font: 13px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 1.5rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.55rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #444; white-space: normal; max-width: 9rem; vertical-align: bottom; }
td { border-bottom: 1px solid #ddd; }
td:first-child, th:first-child, table.text td, table.text th { text-align: left; }
.caption { color: #444; max-width: 60rem; }
</style>"""


@dataclass(frozen=True)
class Sheet:
    """A table of numbers with its readable form.

    table: the numbers. sections: heading and readable rows. text: whether all columns are prose. cells: for each row of
    each section, what the keys of its cells begin with, "" for a row of no method.
    """

    table: pd.DataFrame
    title: str
    sections: Sequence[tuple[str, pd.DataFrame]]
    caption: str
    text: bool = False
    cells: Sequence[Sequence[str]] = ()

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        columns: Sequence[Column],
        title: str,
        caption: str,
        *,
        by: Sequence[str] = NETWORK,
        heading: Callable[..., str] = network_title,
        text: bool = False,
        sparse: bool = False,
    ) -> "Sheet":
        """Return a sheet of `columns` of a table, with a section for each value of the columns `by`.

        A title may contain columns of the table in braces ("P({reference} better)"). Their values in the first row of a
        section replace them. sparse: whether a section leaves out columns of dashes alone.
        """
        sections, cells = [], []
        for key, rows in table.groupby(list(by), sort=False):
            records = rows.to_dict("records")
            shown = {_title(column, rows): column.shown(records) for column in columns}
            if sparse:
                shown = {title: texts for title, texts in shown.items() if set(texts) != {"-"}}
            sections.append((heading(*key), pd.DataFrame(shown, dtype=object)))
            cells.append([_cells(row) for row in records])
        return cls(table, title, sections, caption, text, cells)

    def html(self) -> str:
        """Return a self-contained page with a table per section."""
        title, caption = html.escape(self.title, quote=False), html.escape(self.caption, quote=False)
        parts = ["<!doctype html><html lang='en'><head><meta charset='utf-8'>"]
        parts.append("<meta name='viewport' content='width=device-width, initial-scale=1'>")
        parts.append(f"<title>{title}</title>{STYLE}</head><body><h2>{title}</h2>")
        for heading, rows in self.sections:
            shown = rows.to_html(index=False, border=0, classes="text" if self.text else None)
            shown = STRONG.sub(r"<strong>\1</strong>", shown)
            parts.append(f"<h3>{html.escape(heading, quote=False)}</h3>{shown}")
        parts.append(f"<p class='caption'>{caption}</p></body></html>\n")
        return "".join(parts)

    def json(self) -> str:
        """Return the readable form as data: title, caption, text and sections.

        A section has heading, columns, rows of text, and cells: for each row what the keys of its cells begin with.
        """
        sections = []
        for number, (heading, rows) in enumerate(self.sections):
            shown = {"columns": list(map(str, rows.columns)), "rows": rows.astype(str).to_numpy().tolist()}
            cells = list(self.cells[number]) if self.cells else [""] * len(rows)
            sections.append({"heading": heading, **shown, "cells": cells})
        return json.dumps({"title": self.title, "caption": self.caption, "text": self.text, "sections": sections})

    def latex(self, label: str) -> str:
        """Return the sections as tables that fit a page (latex.py), labelled tab:<label> or tab:<label>-<number>."""
        parts = [f"% {self.title}; needs the packages {PACKAGES}\n"]
        title = self.title if self.title.endswith("?") else f"{self.title}:"
        for number, (heading, rows) in enumerate(self.sections, 1):
            name = label if len(self.sections) == 1 else f"{label}-{number}"
            headings, cells = list(map(str, rows.columns)), rows.astype(str).to_numpy().tolist()
            parts.append(floats(headings, cells, f"{title} {heading}", self.caption, name, text=self.text))
        return "\n".join(parts)


def _cells(row: Row) -> str:
    """Return what the keys of the cells of a row begin with, as far as its columns say (study.cells.CELL_PATH)."""
    if not set(SERIES) <= set(row):
        return ""
    start = "{dataset}/{architecture}-{track}/{method}/{strength}/".format(**row)
    if "initialization" not in row:
        return start
    return f"{start}{row['initialization']}/" + (f"width-{row['width']:g}" if "width" in row else "")


def _title(column: Column, rows: pd.DataFrame) -> str:
    return column.title.format(**rows.iloc[0]) if "{" in column.title else column.title
