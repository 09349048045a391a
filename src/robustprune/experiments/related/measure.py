"""Everything that is measured for the related systems, from the results of a study."""

from collections.abc import Callable, Mapping
from pathlib import Path

from robustprune.data.datasets import Dataset
from robustprune.experiments.related.cafo_blocks import write_cafo_blocks
from robustprune.experiments.related.imbalance import write_imbalance
from robustprune.experiments.related.label_free import write_label_free
from robustprune.experiments.related.moved import write_moved
from robustprune.study.cells import Cell
from robustprune.study.related import FINETUNE, MOVED, RELATED_TABLES

Write = Callable[[Mapping[Path, Cell], Callable[[str], Dataset], Path], int]
WRITTEN: tuple[Write, ...] = (write_imbalance, write_label_free, write_cafo_blocks, write_moved)
"""The writers of RELATED_TABLES."""


def write_related(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> dict[Path, int]:
    """Write every table of RELATED_TABLES to a folder; return path -> number of rows.

    cells: folder -> cell, those that prune from their own initial weights and those that were fine-tuned, of which only
    the distances are measured. Raises StudyError naming a missing or damaged file.
    """
    written = {}
    for name, write in zip(RELATED_TABLES, WRITTEN, strict=True):
        path = output / f"{name}.parquet"
        chosen = {folder: cell for folder, cell in cells.items() if name == MOVED or cell.method != FINETUNE}
        written[path] = write(chosen, data, path)
    return written
