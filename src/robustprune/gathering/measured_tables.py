"""Tables measured in the networks of a folder (<name>.parquet beside runs.csv), some of which a merge replaces.

Tables of starting weights (label_free) and of other networks (smallest_width) stay as they are.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from pyarrow import parquet

from robustprune.files import reading
from robustprune.records.record import COLUMNS
from robustprune.records.tables import IDENTITY, checked_runs, read_csv_table, with_axes
from robustprune.study.probed import PROBE_TABLES
from robustprune.study.related import RELATED_TABLES

COMMANDS = {
    **dict.fromkeys(RELATED_TABLES, "robustprune related"),
    **dict.fromkeys(PROBE_TABLES, "robustprune probed"),
    "unit_values": "robustprune unit-values",
}
"""Measured table -> the command that writes it."""
COMPARED = [name for name in COLUMNS if name not in (*IDENTITY, "status", "operating_point", "key")]
"""Columns of runs.csv that tell a network from another of the same cell; a merge may judge its status anew."""
MEND = "move it away, or measure it again"


class Rest(NamedTuple):
    """The rows of a measured table that stay, and what to say of the others."""

    path: Path
    table: pd.DataFrame
    line: str


def without_replaced(folder: Path, runs: pd.DataFrame, others: Collection[str]) -> list[Rest]:
    """Return the measured tables of a folder that hold rows of networks that are others among `runs`, without these.

    runs: the networks that runs.csv is going to hold; it still holds those that were measured. others: tables that are
    none of these. Raises StudyError for a file that cannot be read.
    """
    paths = [path for path in sorted(folder.glob("*.parquet")) if path.name not in others and _is_measured(path)]
    if not paths:  # runs.csv need not be read
        return []
    replaced = _replaced(folder / "runs.csv", runs)
    return [rest for path in paths if (rest := _rest(path, replaced))]


def _is_measured(path: Path) -> bool:
    """Return whether a table has rows of networks."""
    with reading(path, MEND):
        return {*IDENTITY} - {"budget", "depth"} <= set(parquet.read_schema(path).names)


def _replaced(path: Path, runs: pd.DataFrame) -> pd.MultiIndex:
    """Return the networks of `runs` that a runs.csv lacks, or of which it has other numbers."""
    here = _networks(runs)
    if not path.exists():
        return here
    before = checked_runs(read_csv_table(path), path)
    before = before.set_axis(_networks(before)).reindex(here)
    return here[~np.all([_same(runs[name], before[name]) for name in COMPARED], axis=0)]


def _networks(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(with_axes(table)[IDENTITY].astype({"width": float}))


def _same(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Return where two columns agree; the last bit of a number depends on how often it was written and read."""
    if is_numeric_dtype(one) and is_numeric_dtype(other):
        return np.isclose(one.to_numpy(float), other.to_numpy(float), rtol=1e-12, atol=0, equal_nan=True)
    first, second = one.to_numpy(object), other.to_numpy(object)
    return (first == second) | (pd.isna(first) & pd.isna(second))


def _rest(path: Path, replaced: pd.MultiIndex) -> Rest | None:
    with reading(path, MEND):
        table = pd.read_parquet(path)
    networks = _networks(table)
    gone = networks.isin(replaced)
    if not gone.any():
        return None
    again = f" (`{COMMANDS[path.stem]}`)" if path.stem in COMMANDS else ""
    line = (
        f"{path}: left out {gone.sum()} rows, measured in {networks[gone].nunique()} networks that others have "
        f"replaced; measure these again{again}"
    )
    return Rest(path, table[~gone], line)
