"""The tables of all probed cells of a study."""

from collections.abc import Mapping
from pathlib import Path

from pyarrow import parquet

from robustprune.files import reading
from robustprune.gathering.long_tables import long_table
from robustprune.study.cells import AXES, Cell
from robustprune.study.probed import PROBE_TABLES


def write_probed(runs: Path, cells: Mapping[str, Cell], output: Path) -> list[Path]:
    """Write the tables of all cells to a folder, after the axes of each cell; return the paths.

    Raises StudyError naming a table that is missing or damaged.
    """
    paths = []
    for name in PROBE_TABLES:
        with long_table(output / f"{name}.parquet", AXES) as table:
            for key, cell in cells.items():
                path = runs / key / f"{name}.parquet"
                with reading(path, "run the cell again"), path.open("rb") as opened:
                    rows = parquet.ParquetFile(opened).read(use_threads=False)
                table.add({axis: getattr(cell, axis) for axis in AXES}, rows.replace_schema_metadata())
        paths.append(output / f"{name}.parquet")
    return paths
