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
WRITTEN: tuple[Write, ...] = (write_imbalance, write_label_free, write_cafo_blocks)
"""The writers of RELATED_TABLES."""


def write_related(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> dict[Path, int]:
    """Write every table of RELATED_TABLES to a folder; return path -> number of rows.

    cells: folder -> cell, those that prune from their own initial weights. Raises StudyError naming a missing or
    damaged networks.safetensors.
    """
    paths = [output / f"{name}.parquet" for name in RELATED_TABLES]
    return {path: write(cells, data, path) for path, write in zip(paths, WRITTEN, strict=True)}
