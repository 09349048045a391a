"""Table of results/reference/README.md: networks of every part of the shipped results, and how long they trained."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import REFERENCE


def trained() -> str:
    """Return a row per folder with networks: how many there are, and the hours of one core that they trained."""
    rows = [["part", "networks", "core-hours"]]
    for path in [REFERENCE / "runs.csv", *sorted(REFERENCE.glob("*/runs.csv"))]:
        runs = pd.read_csv(path, usecols=["train_seconds"])
        name = "the study" if path.parent == REFERENCE else f"`{path.parent.name}/`"
        rows.append([name, len(runs), f"{runs['train_seconds'].sum() / 3600:.1f}"])
    return markdown(*rows)
