"""Table of results/reference/FINDINGS.md: the method against every baseline at equal size."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import TABLES

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import NETWORK


def against_baselines() -> str:
    """Errors paired by seed and moved to equal size, and what both spent on training."""
    table = pd.read_csv(TABLES / "equal_size.csv")
    table = table[table["variant"].isna() & (table["target"] == "at_size")]
    columns = [
        "error minus theirs, paired (points)",
        "not worse",
        "better",
        "MACs over theirs",
        "seconds over theirs",
        "n",
    ]
    tables = []
    several = table.groupby([*NETWORK, "budget"])["strength"].transform("nunique") > 1
    for key, own in table.groupby([*NETWORK, "budget", "strength"], sort=False):
        form = f": `{key[-1]}`" if several[own.index].any() else ""
        rows = [[f"{heading_of_budget(*key[:-1])}{form}, against", *columns]]
        for row in own.sort_values("difference", ascending=False).to_dict("records"):
            ratios = [with_interval(row, "macs_ratio", ".2f"), number(row["seconds_ratio"], ".2f")]
            answers = ["-" if pd.isna(row[name]) else row[name] for name in ("not_worse", "better")]
            name = f"`{row['baseline']}/{row['baseline_strength']}`"
            rows.append([name, with_interval(row, "difference", "+.2f"), *answers, *ratios, row["n"]])
        tables.append(markdown(*rows))
    return "\n\n".join(tables)
