"""Everything that is measured for the related systems, from the results of a study."""

from collections.abc import Callable, Mapping
from pathlib import Path

from robustprune.data.datasets import Dataset
from robustprune.experiments.related.cafo_blocks import write_cafo_blocks
from robustprune.experiments.related.imbalance import write_imbalance
from robustprune.experiments.related.label_free import write_label_free
from robustprune.study.cells import Cell
from robustprune.study.related import RELATED_TABLES

Write = Callable[[Mapping[Path, Cell], Callable[[str], Dataset], Path], int]
WRITERS: dict[str, Write] = dict(
    zip(RELATED_TABLES, (write_imbalance, write_label_free, write_cafo_blocks), strict=True)
)


def write_related(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> dict[Path, int]:
    """Write every table of RELATED_TABLES to a folder; return path -> number of rows.

    cells: folder -> cell, those that prune from their own initial weights. Raises StudyError naming a missing or
    damaged networks.safetensors.
    """
    return {
        output / f"{name}.parquet": write(cells, data, output / f"{name}.parquet") for name, write in WRITERS.items()
    }
