"""Which units the networks kept: kept.parquet beside runs.csv."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from robustprune.files import reading
from robustprune.records.digests import check_tables
from robustprune.records.tables import AGAIN

Kept = Mapping[tuple[str, int], Mapping[str, np.ndarray]]
"""(cell key, replicate) -> slot -> indices of the kept units [n]."""


def read_kept(folder: Path) -> Kept:
    """Read the kept units of a folder's networks; empty without a kept.parquet, as in tables of older versions.

    The table has a row per network and slot: key, replicate, slot, units of the start, and one bit per unit
    (numpy.packbits). Networks of foreign programs are missing. Raises StudyError for a file that differs from its
    digest.
    """
    path = folder / "kept.parquet"
    if not path.exists():
        return {}
    check_tables(folder, (path.name,))
    with reading(path, AGAIN):
        return _Packed(pd.read_parquet(path, columns=["key", "replicate", "slot", "units", "kept"]))


class _Packed(Kept):
    """Kept units in bits, unpacked where they are asked for: tables show few of the networks of a study."""

    def __init__(self, rows: pd.DataFrame):
        self._columns = {name: rows[name].to_numpy(object) for name in rows}
        self._of_cell = rows.groupby("key").indices
        self._networks = dict.fromkeys(zip(rows["key"], rows["replicate"], strict=True))

    def __getitem__(self, network: tuple[str, int]) -> dict[str, np.ndarray]:
        key, replicate = network
        places = self._of_cell[key]
        places = places[self._columns["replicate"][places] == replicate]
        if not len(places):
            raise KeyError(network)
        found = zip(*(self._columns[name][places] for name in ("slot", "units", "kept")), strict=True)
        return {
            slot: np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8), count=units))
            for slot, units, bits in found
        }

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._networks)

    def __len__(self) -> int:
        return len(self._networks)
