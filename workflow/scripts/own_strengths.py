"""Table of results/reference/FINDINGS.md: what each strength of the method kept in the search."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import NETWORKS, SEARCH_TABLES, of_network

from robustprune.analysis.columns import with_interval
from robustprune.study.roles import METHOD_UNDER_STUDY


def in_search() -> str:
    """The method's own trade-off in the search: kept size and validation error of each strength."""
    points = pd.read_csv(SEARCH_TABLES / "tradeoff.csv")
    points = points[(points["budget"] == "epochs") & (points["method"] == METHOD_UNDER_STUDY)]
    points = points[points["variant"].isna()]
    tables = []
    for network, title in NETWORKS.items():
        own = of_network(points, network).sort_values("params", ascending=False)
        rows = [[f"{title}, strength", "units", "params kept", "MACs (%)", "validation error (%)", "n"]]
        for row in own.to_dict("records"):
            found = [row["units_kept"], with_interval(row, "params", ",.0f"), f"{row['macs_percent']:.1f}"]
            rows.append([f"`{row['strength']}`", *found, f"{row['error_valid']:.2f}", row["n"]])
        tables += [markdown(*rows)] if len(own) else []
    return "\n\n".join(tables)
