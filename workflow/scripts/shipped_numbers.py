"""Folders, networks and tables of the shipped results that the documents cite, and configurations as before any run."""

from pathlib import Path
from typing import Any

import pandas as pd

from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK
from robustprune.study.config import StudyConfig, validate_study
from robustprune.study.yaml_files import read_yaml

REPOSITORY = Path(__file__).parents[2]
STUDY = REPOSITORY / "config" / "config.yaml"
REFERENCE = REPOSITORY / "results" / "reference"
TABLES = REPOSITORY / "figures" / "tables"
SEARCH_TABLES = REPOSITORY / "figures" / "search" / "tables"
NETWORKS = {
    (name, "lenet_300_100", "full"): network_title(name, "lenet_300_100") for name in ("mnist", "fashion_mnist")
}
"""Data set, architecture and track of the networks of the shipped study, with their titles; most are on MNIST."""
WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Starting sizes of the shipped study."""


def of_network(table: pd.DataFrame, network: tuple[str, str, str]) -> pd.DataFrame:
    """The rows of one of NETWORKS."""
    return table[(table[NETWORK] == list(network)).all(axis=1)]


def before_any_run(path: Path, **changes: Any) -> StudyConfig:
    """A configuration as before any run: points that a run has left below its root would count instead of the
    search."""
    values = read_yaml(path, dict) | {"root": "results/not-begun", **changes}
    return validate_study(values, str(path), path)


def shipped_table(study: str, name: str) -> pd.DataFrame:
    """A table of a study that is shipped beside the reference."""
    return pd.read_csv(REPOSITORY / "figures" / study / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])
