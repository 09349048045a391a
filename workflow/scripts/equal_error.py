"""Table of results/reference/FINDINGS.md: the method against every baseline at equal validation error."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import TABLES

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import NETWORK


def against_baselines() -> str:
    """Parameters that the method keeps beside every baseline, and their test errors, paired by seed."""
    table = pd.read_csv(TABLES / "equal_error.csv")
    columns = ["params of the method", "theirs", "the method's over theirs", "answer", "test error (%)", "theirs (%)"]
    tables = []
    for key, own in table[table["variant"].isna()].groupby([*NETWORK, "budget"], sort=False):
        rows = [[f"{heading_of_budget(*key)}, against", *columns, "difference, paired (points)", "n"]]
        for row in own.sort_values("ratio", ascending=False).to_dict("records"):
            sizes = [with_interval(row, name, ",.0f") for name in ("params", "baseline_params")]
            errors = [number(row[name], ".2f") for name in ("error", "baseline_error")]
            found = [*sizes, with_interval(row, "ratio", ".2f"), row["answer"], *errors]
            name = f"`{row['baseline']}/{row['baseline_strength']}`"
            rows.append([name, *found, with_interval(row, "difference", "+.2f"), row["n"]])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)
