"""Table of results/reference/FINDINGS.md: published networks beside ours."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import NETWORKS, TABLES, of_network

from robustprune.analysis.columns import with_interval


def beside_ours() -> str:
    """Published networks beside ours, chosen without test errors."""
    table = pd.read_csv(TABLES / "domination.csv")
    columns = ["units", "params", "MACs", "error (%)", "status"]
    columns += ["our params", "our MACs", "our test error (%)", "at most theirs"]
    tables = []
    for network, title in NETWORKS.items():
        rows = [[f"{title}, published", *columns]]
        own = of_network(table, network)
        for _, row in own.iterrows():
            theirs = [f"{row.published_params:,}", f"{row.published_macs:,}", f"{row.published_error_percent:g}"]
            ours = [f"{row.params:,.0f}", f"{row.macs:,.0f}", with_interval(row, "error", ".2f"), row.at_most]
            rows.append([row.published_name, row.published_units, *theirs, row.published_status, *ours])
        tables += [markdown(*rows)] if len(own) else []
    return "\n\n".join(tables)
