"""Which networks are looked into for the related systems of docs/related.md, and the tables that this leaves."""

from collections.abc import Collection, Mapping

from robustprune import registry
from robustprune.study.cells import Cell
from robustprune.study.roles import UNPRUNED

RELATED_TABLES = ("imbalance", "label_free", "cafo_blocks")
"""What is measured for them, each in a file <name>.parquet beside runs.csv."""
LOCAL_PREDICTORS = "cafo"
"""The method whose networks are judged block by block."""


def pruned_cells(cells: Mapping[str, Cell], foreign: Collection[str]) -> dict[str, Cell]:
    """Return the cells that prune from their own initial weights: no controls, no dense training, no programs.

    Networks with sections are left out: what is measured is of chains of layers.
    """
    left_out = {UNPRUNED, *foreign}
    return {
        key: cell
        for key, cell in cells.items()
        if cell.depth is None and cell.method not in left_out and not registry.known("start", cell.method)
    }
