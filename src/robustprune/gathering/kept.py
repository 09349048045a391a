"""The kept units of every network as one compact table, kept.parquet beside runs.csv.

One row per network and slot: key, replicate, slot, units (those of the starting network), kept (one bit per unit of the
starting network, most significant bit first, as numpy.packbits has them). 600 networks take 0.3 MB.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from robustprune.files import reading
from robustprune.gathering.cell_tables import AGAIN, NOTHING
from robustprune.gathering.long_tables import Part
from robustprune.gathering.shared import network_named
from robustprune.networks.archive import FILE, kept_units
from robustprune.study.cells import Cell

COLUMNS = ("key", "replicate", "slot", "units", "kept")
NAME = "kept.parquet"


def kept_table(cell: Cell, folder: Path) -> Part:
    """Return the rows of one cell; none without networks.safetensors, which foreign programs do not write.

    Raises StudyError for a damaged file.
    """
    if not (folder / FILE).exists():
        return NOTHING
    start, rows = network_named(cell.architecture, cell.depth).units(cell.width), []
    for replicate, by_slot in kept_units(folder).items():
        with reading(folder / FILE, AGAIN):  # a slot or a unit that the network does not have
            for slot, units in start.items():
                open_units = np.zeros(units, dtype=bool)
                open_units[by_slot[slot]] = True
                rows.append((replicate, slot, units, np.packbits(open_units).tobytes()))
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    return ({"key": cell.key}, pa.table(columns, COLUMNS[1:])) if rows else NOTHING
