"""The long tables of one cell: its history, and a sample of its gates."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from robustprune.files import reading
from robustprune.study.cells import AXES, Cell

AGAIN = "run the cell again"
SAMPLED_GATES = 60  # gates per slot of replicate 0 in gates.parquet; more would make the file too large to ship


def history_table(cell: Cell, folder: Path) -> pa.Table:
    """Return the history of a cell after its axes, CSV where it was trained without pyarrow; foreign programs have
    none.

    Raises StudyError for a damaged file.
    """
    path = folder / "history.parquet"
    if path.exists():
        with reading(path, AGAIN), path.open("rb") as opened:
            return _with_axes(cell, parquet.ParquetFile(opened).read(use_threads=False))
    path = folder / "history.csv"
    if path.exists():
        with reading(path, AGAIN), path.open("rb") as opened:
            return _with_axes(cell, pa.Table.from_pandas(pd.read_csv(opened), preserve_index=False))
    return pa.table({})


def gates_table(cell: Cell, folder: Path) -> pa.Table:
    """Return SAMPLED_GATES gates per slot of replicate 0 as a long table: axes, slot, unit, epoch, theta.

    Raises StudyError for a damaged file.
    """
    path = folder / "gates.npz"
    if not path.exists():
        return pa.table({})
    parts = []
    with reading(path, AGAIN), np.load(path) as arrays:
        for slot in arrays.files:
            values = arrays[slot][:, 0]
            sampled, unit, epoch = _places(*values.shape)
            theta = pa.array(values[:, sampled].ravel().astype("float32"))
            parts.append(
                pa.table([_repeated(slot, len(theta)), unit, epoch, theta], ["slot", "unit", "epoch", "theta"])
            )
    return _with_axes(cell, pa.concat_tables(parts)) if parts else pa.table({})


@cache
def _places(epochs: int, units: int) -> tuple[np.ndarray, pa.Array, pa.Array]:
    """Return the sampled units, and unit and epoch of every row of a slot."""
    sampled = np.unique(np.linspace(0, units - 1, SAMPLED_GATES).astype(int))
    epoch, unit = np.meshgrid(np.arange(epochs), sampled, indexing="ij")
    return sampled, pa.array(unit.ravel()), pa.array(epoch.ravel())


def _with_axes(cell: Cell, table: pa.Table) -> pa.Table:
    """Return a table after the cell's axes, without the metadata of pandas."""
    axes = {axis: _repeated(getattr(cell, axis), table.num_rows) for axis in AXES}
    return pa.table({**axes, **dict(zip(table.column_names, table.columns, strict=True))})


def _repeated(value: str | float, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), rows)
