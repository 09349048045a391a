"""The long tables of one cell: its history, and a sample of its gates."""

import io
from functools import cache
from threading import Lock
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from robustprune.files import reading
from robustprune.gathering.cell_files import AGAIN, CellFiles
from robustprune.gathering.long_tables import Part
from robustprune.study.cells import AXES, NO_DEPTH, Cell

SAMPLED_GATES = 60  # gates per slot of replicate 0 in gates.parquet; more would make the file too large to ship
NOTHING: Part = ({}, pa.table({}))
HEADERS = Lock()
"""Held while numpy reads an array: it parses the header with `ast`, and before Python 3.11.8 two threads that parse at
once can fail with a SystemError (gh-106905). Decompression, which takes longer, is outside."""


def history_table(cell: Cell, files: CellFiles) -> Part:
    """Return the history of a cell, CSV where it was trained without pyarrow; foreign programs have none.

    Raises StudyError for a damaged file.
    """
    if files.has("history.parquet"):
        with reading(files.folder / "history.parquet", AGAIN):
            content = pa.BufferReader(files.content("history.parquet"))
            table = parquet.ParquetFile(content).read(use_threads=False)
    elif files.has("history.csv"):
        with reading(files.folder / "history.csv", AGAIN):
            rows = pd.read_csv(io.BytesIO(files.content("history.csv")), engine="pyarrow")  # reads floats exactly
            table = pa.Table.from_pandas(rows, preserve_index=False)
    else:
        return NOTHING
    return _axes(cell), table.replace_schema_metadata()


def gates_table(cell: Cell, files: CellFiles) -> Part:
    """Return SAMPLED_GATES gates per slot of replicate 0 as a long table: slot, unit, epoch, theta.

    Raises StudyError for a damaged file.
    """
    if not files.has("gates.npz"):
        return NOTHING
    shapes, thetas = [], []
    with reading(files.folder / "gates.npz", AGAIN), ZipFile(io.BytesIO(files.content("gates.npz"))) as arrays:
        for name in arrays.namelist():
            content = io.BytesIO(arrays.read(name))
            with HEADERS:
                values = np.lib.format.read_array(content)[:, 0]
            slot = name.removesuffix(".npy")
            shapes.append((slot, *values.shape))
            thetas.append(values[:, _sampled(values.shape[1])].ravel().astype("float32"))
    if not thetas:
        return NOTHING
    places = _places(tuple(shapes))
    return _axes(cell), places.append_column("theta", pa.array(np.concatenate(thetas)))


@cache
def _places(shapes: tuple[tuple[str, int, int], ...]) -> pa.Table:
    """Return slot, unit and epoch of the rows of a cell. shapes: slot, epochs and units of every slot."""
    parts = []
    for slot, epochs, units in shapes:
        epoch, unit = np.meshgrid(np.arange(epochs), _sampled(units), indexing="ij")
        slots = pa.repeat(pa.scalar(slot), epoch.size)
        parts.append(pa.table([slots, unit.ravel(), epoch.ravel()], ["slot", "unit", "epoch"]))
    return pa.concat_tables(parts).combine_chunks()


@cache
def _sampled(units: int) -> np.ndarray:
    """Return which units of a slot are sampled."""
    return np.unique(np.linspace(0, units - 1, SAMPLED_GATES).astype(int))


def _axes(cell: Cell) -> dict[str, Any]:
    depth = NO_DEPTH if cell.depth is None else cell.depth  # one type in all parts of a long table
    return {axis: getattr(cell, axis) for axis in AXES} | {"depth": depth}
