"""Facts about a cell that need no training: the order for a foreign program, and entries without results."""

from pathlib import Path
from typing import Any, Literal

from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.record import Replicate, join_units
from robustprune.study.cells import Cell
from robustprune.study.config import StudyConfig

OPTIONAL_COLUMNS = ("error_valid_percent", "error_train_percent", "seconds", "train_macs", "status", "reason")
"""Columns that a program's CSV may hold beside `result_columns`."""


def starting_network(cell: Cell) -> dict[str, Any]:
    """Return units_start, params_dense and macs_dense of a cell, as in the entries of a record."""
    network = architecture(cell.architecture, cell.depth)
    units = network.units(cell.width)
    sizes = {"params_dense": parameters(network, units), "macs_dense": macs(network, units)}
    return {"units_start": join_units(units), **sizes}


def unfinished_replicates(cell: Cell, status: Literal["diverged", "failed"], reason: str) -> list[Replicate]:
    """Return one entry of this status per replicate, without any result."""
    shared = {"status": status, "reason": reason, **starting_network(cell)}
    return [Replicate(replicate=r, seed=cell.seed(r), **shared) for r in range(cell.replicates)]


def result_columns(cell: Cell) -> list[str]:
    """Return the columns that a program's CSV must have for this cell."""
    units = [f"units_{slot.name}" for slot in architecture(cell.architecture, cell.depth).slots]
    validation = ["error_valid_percent"] if cell.training.images == "tuning" else []
    return ["replicate", *units, *validation, "error_test_percent"]


def order(cell: Cell, config: StudyConfig) -> dict[str, Any]:
    """Return a cell as JSON for a program in any language: its settings, the data file, and each replicate's seed."""
    network = architecture(cell.architecture, cell.depth)
    given = [{"replicate": r, "seed": cell.seed(r), **starting_network(cell)} for r in range(cell.replicates)]
    return {
        "cell": cell.model_dump(mode="json"),
        "config_hash": cell.config_hash,
        "data": str(Path(config.data.directory, f"{cell.dataset}.safetensors")),
        "device": config.device,
        "threads": config.threads,
        "units": network.units(cell.width),
        "gated": network.gated(cell.track),
        "classes": network.classes,
        "columns": result_columns(cell),
        "replicates": given,
    }
