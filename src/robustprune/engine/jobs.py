"""What is known of a cell before it ran: the order for a program of one's own, the entries of a cell that failed."""

from typing import Any

from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.record import Replicate, join_units
from robustprune.study.cells import Cell


def starting_network(cell: Cell) -> dict[str, Any]:
    """units_start, params_dense and macs_dense, as a record's entries need them."""
    network = architecture(cell.architecture)
    units = network.units(cell.width)
    sizes = {"params_dense": parameters(network, units), "macs_dense": macs(network, units)}
    return {"units_start": join_units(units), **sizes}


def failed_replicates(cell: Cell, reason: str) -> list[Replicate]:
    """One entry of status failed per replicate."""
    shared = {"status": "failed", "reason": reason, **starting_network(cell)}
    return [Replicate(replicate=r, seed=cell.seed(r), **shared) for r in range(cell.replicates)]


def order(cell: Cell) -> dict[str, Any]:
    """A cell as a program in any language needs it: what is asked, its hash, and per replicate what is given."""
    given = [{"replicate": r, "seed": cell.seed(r), **starting_network(cell)} for r in range(cell.replicates)]
    return {"cell": cell.model_dump(mode="json"), "config_hash": cell.config_hash, "replicates": given}
