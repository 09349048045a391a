"""Table of results/reference/FINDINGS.md: do networks keep the same pixels?"""

import pandas as pd
from by_start import in_shown
from markdown_tables import markdown
from shipped_numbers import NETWORKS, TABLES, of_network

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.read import SERIES
from robustprune.study.roles import METHOD_UNDER_STUDY

CHANCE = "random"
"""The baseline that keeps units at random."""
AXES = ("seeds", "initializations", "widths")


def agreement() -> str:
    """Return the agreement of kept pixels of every method, over seeds, initializations and widths."""
    table = pd.read_csv(TABLES / "agreement.csv")
    tables = []
    for network, title in NETWORKS.items():
        rows = [[title, *(f"over {axis}" for axis in AXES)]]
        for key, own in of_network(table, network).groupby(SERIES, sort=False):
            found = own.set_index("over")
            rows.append([f"`{'/'.join(key[-2:])}`", *(_shown(found, axis) for axis in AXES)])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)


def in_short() -> str:
    """Return in one sentence how many of their pixels the networks of the method share over seeds, and those of the
    methods that share most and least."""
    table = in_shown(pd.read_csv(TABLES / "agreement.csv"))
    over = table[table["over"] == "seeds"].set_index("method")
    own, others = over.loc[METHOD_UNDER_STUDY].to_dict(), over["jaccard"].drop([METHOD_UNDER_STUDY, CHANCE])
    ends = (f"{others[name]:.2f} of `{name}`" for name in (others.idxmin(), others.idxmax()))
    return (
        "**The same network?** Of the pixels that one of two seeds keeps, both keep "
        f"{with_interval(own, 'jaccard', '.2f')} (the baselines: {' to '.join(ends)})."
    )


def _shown(found: pd.DataFrame, axis: str) -> str:
    """Return the index with its interval, what of it is above chance, and the number of networks."""
    if axis not in found.index:
        return "not run"
    row = found.loc[axis].to_dict()
    return f"{with_interval(row, 'jaccard', '.2f')} ({number(row['above_chance'], '.2f')}), n = {row['n']}"
