"""Folders and names of the shipped results that the documents cite."""

from pathlib import Path

import pandas as pd

from robustprune.analysis.labels import ARCHITECTURES

REPOSITORY = Path(__file__).parents[2]
STUDY = REPOSITORY / "config" / "config.yaml"
REFERENCE = REPOSITORY / "results" / "reference"
TABLES = REPOSITORY / "figures" / "tables"
SEARCH_TABLES = REPOSITORY / "figures" / "search" / "tables"
NETWORKS = {name: ARCHITECTURES[name] for name in ("lenet_300_100",)}
"""Networks of the shipped study, with their titles."""
WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Starting sizes of the shipped study."""


def shipped_table(study: str, name: str) -> pd.DataFrame:
    """A table of a study that is shipped beside the reference."""
    return pd.read_csv(REPOSITORY / "figures" / study / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])
