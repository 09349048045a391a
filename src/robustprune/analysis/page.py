"""Self-contained HTML pages of tables, for the report."""

from collections.abc import Callable, Iterable

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


def by_network(table: pd.DataFrame, readable: Callable[[pd.DataFrame], pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    """A section per data set, architecture and track: its heading and its rows as a person reads them."""
    return [(network_title(*key), readable(group)) for key, group in table.groupby(NETWORK, sort=False)]


def with_interval(row: pd.Series, column: str, form: str) -> str:
    """The value of a column with the interval of <column>_low and <column>_high beside it, as far as they are known."""
    if pd.isna(row[column]):
        return "none"
    if pd.isna(row[f"{column}_low"]):
        return format(row[column], form)
    return f"{row[column]:{form}} [{row[f'{column}_low']:{form}}, {row[f'{column}_high']:{form}}]"


def html_page(title: str, sections: Iterable[tuple[str, pd.DataFrame]], caption: str, text: bool = False) -> str:
    """A page with one table per section (heading, table); text: all columns are prose, aligned left."""
    parts = [f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>{STYLE}</head><body>"]
    parts.append(f"<h2>{title}</h2>")
    for heading, table in sections:
        parts.append(f"<h3>{heading}</h3>{table.to_html(index=False, border=0, classes='text' if text else None)}")
    parts.append(f"<p class='caption'>{caption}</p></body></html>\n")
    return "".join(parts)
