"""Which networks are looked into for the related systems of docs/related.md, and the tables that this leaves."""

from collections.abc import Collection, Mapping

from robustprune import registry
from robustprune.study.cells import Cell
from robustprune.study.probed import one_rule
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

MOVED = "moved"
"""The table of how far weights moved; beside the record of a watched cell that of the units that left."""
RELATED_TABLES = ("imbalance", "label_free", "cafo_blocks", MOVED)
"""What is measured for them, each in a file <name>.parquet beside runs.csv."""
LOCAL_PREDICTORS = "cafo"
"""The method whose networks are judged block by block."""
FINETUNE = "finetune"
"""The start that trains the networks of another cell on, within a ball around their weights."""


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


def measured_cells(cells: Mapping[str, Cell], foreign: Collection[str]) -> dict[str, Cell]:
    """Return the cells of which anything is measured: `pruned_cells`, and those that were fine-tuned."""
    pruned = pruned_cells(cells, foreign)
    return {key: cell for key, cell in cells.items() if key in pruned or cell.method == FINETUNE}


def watched_cells(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the cells that are watched; raises StudyError as one_rule does."""
    found = {key: cell for key, cell in cells.items() if is_watched(cell)}
    one_rule("related", cells, found)
    return found


def is_watched(cell: Cell) -> bool:
    """Return whether a study with `related` notes how far units had moved when they left.

    Cells of the method under study whose `ball` has a norm: the method then holds the starting weights.
    """
    settings = cell.settings
    removes = cell.method == METHOD_UNDER_STUDY and settings.get("removal_at") != "never"
    return removes and isinstance(settings.get("ball"), dict) and cell.depth is None
