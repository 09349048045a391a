"""The kept units of every network as one compact table, kept.parquet beside runs.csv.

One row per network and slot: key, replicate, slot, units (those of the starting network), kept (one bit per unit of the
starting network, most significant bit first, as numpy.packbits has them). 600 networks take 0.3 MB.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from robustprune.files import reading
from robustprune.gathering.cell_files import AGAIN, CellFiles
from robustprune.gathering.cell_tables import NOTHING
from robustprune.gathering.long_tables import Part
from robustprune.gathering.shared import network_named
from robustprune.networks.archive import FILE, kept_units
from robustprune.study.cells import Cell

COLUMNS = ("key", "replicate", "slot", "units", "kept")
NAME = "kept.parquet"


def kept_table(cell: Cell, files: CellFiles) -> Part:
    """Return the rows of one cell; none without networks.safetensors, which foreign programs do not write.

    Raises StudyError for a damaged file.
    """
    if not files.has(FILE):
        return NOTHING
    start, kept = network_named(cell.architecture, cell.depth).units(cell.width), kept_units(files.folder)
    with reading(files.folder / FILE, AGAIN):  # a slot or a unit that the network does not have
        bits = [_bits(units, by_slot[slot]) for by_slot in kept.values() for slot, units in start.items()]
    if not bits:
        return NOTHING
    places = _places(tuple(kept), tuple(start.items()))
    return {"key": cell.key}, places.append_column(COLUMNS[-1], pa.array(bits))


def _bits(units: int, kept: np.ndarray) -> bytes:
    open_units = np.zeros(units, dtype=bool)
    open_units[kept] = True
    return np.packbits(open_units).tobytes()


@cache
def _places(replicates: tuple[int, ...], start: tuple[tuple[str, int], ...]) -> pa.Table:
    """Return replicate, slot and units of the rows of a cell. start: the slots with the units of the start."""
    rows = [(replicate, slot, units) for replicate in replicates for slot, units in start]
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)], COLUMNS[1:-1])
