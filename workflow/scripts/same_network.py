"""Table of results/reference/FINDINGS.md: do networks keep the same pixels?"""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import NETWORKS, TABLES

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.read import SERIES

AXES = ("seeds", "initializations", "widths")


def agreement() -> str:
    """Return the agreement of kept pixels of every method, over seeds, initializations and widths."""
    table = pd.read_csv(TABLES / "agreement.csv")
    tables = []
    for architecture, title in NETWORKS.items():
        rows = [[title, *(f"over {axis}" for axis in AXES)]]
        for key, own in table[table["architecture"] == architecture].groupby(SERIES, sort=False):
            found = own.set_index("over")
            rows.append([f"`{'/'.join(key[-2:])}`", *(_shown(found, axis) for axis in AXES)])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def _shown(found: pd.DataFrame, axis: str) -> str:
    """Return the index with its interval, what of it is above chance, and the number of networks."""
    if axis not in found.index:
        return "not run"
    row = found.loc[axis].to_dict()
    return f"{with_interval(row, 'jaccard', '.2f')} ({number(row['above_chance'], '.2f')}), n = {row['n']}"
