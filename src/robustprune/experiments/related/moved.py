"""How far rows of weights moved from where they started: those of units that left, and those of the final network.

A row holds the weights that compute a unit, filter or class; its distance is the absolute row sum of W - W0 over the
columns that the network has then (docs/related.md 5). Biases do not count.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.engine.probe import Probe
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.experiments.related.starts import starting_network
from robustprune.files import reading, write_table
from robustprune.methods.parts.ball import INITIAL
from robustprune.methods.parts.relative_ball import RelativeBall, row_lengths
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import ArchivedNetwork, read_archive
from robustprune.networks.folding import select_units
from robustprune.networks.stacked import StackedNetwork
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import AXES, Cell
from robustprune.study.related import MOVED, is_watched

OWN = ("replicate", "layer", "unit", "distance", "length")
COLUMNS = (*AXES, "replicate", "layer", "state", "rows", "median", "maximum", "median_share", "at_boundary")
BOUNDARY = 1e-3
"""A row is at the boundary of its ball within this share of the radius."""


class Leaving(Probe):
    """Notes the rows of units as they were when the units left; the method holds the starting weights (`ball`)."""

    def __init__(self) -> None:
        self.tables: list[pd.DataFrame] = []
        self.network: StackedNetwork | None = None
        self.starts: dict[str, Tensor] = {}

    def after_step(self, training: Training) -> None:
        """Look whether units have left; the network before the removal still has its weights."""
        network = training.network
        if self.network is not None and network is not self.network:
            self.tables += list(_left(self.network, network, self.starts))
        if network is not self.network:
            buffers = training.method.buffers
            self.starts = {name.removeprefix(INITIAL): own for name, own in buffers.items() if name.startswith(INITIAL)}
        self.network = network

    def write(self, folder: Path) -> None:
        """Write a row per unit that left before the end of training."""
        table = pd.concat(self.tables, ignore_index=True) if self.tables else pd.DataFrame(columns=list(OWN))
        write_table(table, folder / f"{MOVED}.parquet")


def _left(before: StackedNetwork, after: StackedNetwork, starts: Mapping[str, Tensor]) -> Iterator[pd.DataFrame]:
    """Yield, for each layer, the rows of units that one network has and the next one has not."""
    for layer in before.architecture.layers:
        if layer.writes is None:
            continue
        name = f"{layer.name}.weight"
        kept, weight = before.kept[layer.writes], before.parameters[name].detach()
        distance, length = row_lengths(weight - starts[name]), row_lengths(starts[name])
        stays = (kept.unsqueeze(2) == after.kept[layer.writes].unsqueeze(1)).any(2)
        replicates, places = ((kept >= 0) & ~stays).nonzero(as_tuple=True)
        chosen = {"unit": kept, "distance": distance, "length": length}
        columns = {title: tensor[replicates, places].cpu().numpy() for title, tensor in chosen.items()}
        yield pd.DataFrame({"replicate": replicates.cpu().numpy(), "layer": layer.name, **columns})[list(OWN)]


def write_moved(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> int:
    """Write a row per network, layer and state; return the number of rows.

    state: `kept`, the final network; `left`, units at their removal, for cells that were watched. rows: their number;
    median and maximum of their distances; median_share: the median of distance over the starting length; at_boundary:
    the percent of rows on the boundary of their ball, NaN without one for each row. Cells of sections are left out.
    Raises StudyError naming a missing or damaged file.
    """
    rows = [row for folder, cell in cells.items() if cell.depth is None for row in _cell_rows(folder, cell, data)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(table, output)
    return len(table)


def _cell_rows(folder: Path, cell: Cell, data: Callable[[str], Dataset]) -> Iterator[dict]:
    ball, axes = _ball(cell), {axis: getattr(cell, axis) for axis in AXES}
    starts = _starts(folder, cell, data)
    for replicate, network in read_archive(folder).items():
        for name, distance, length in _final(cell, network, starts(replicate)):
            found = pd.DataFrame({"distance": distance.numpy(), "length": length.numpy()})
            yield {**axes, "replicate": replicate, "layer": name, "state": "kept", **_summed(found, ball)}
    if is_watched(cell):
        path = folder / f"{MOVED}.parquet"
        with reading(path, "run the cell again"), path.open("rb") as opened:
            left = pd.read_parquet(opened)
        for key, own in left.groupby(["replicate", "layer"]):
            at = dict(zip(("replicate", "layer"), key, strict=True))
            yield {**axes, **at, "state": "left", **_summed(own, ball)}


def _ball(cell: Cell) -> float | None:
    """Return the relative radius of the balls of a cell's rows; None where rows have none."""
    ball = getattr(check_cell(cell), "ball", None)
    return ball.radius if isinstance(ball, RelativeBall) and ball.norm == "mars" else None


def _starts(folder: Path, cell: Cell, data: Callable[[str], Dataset]) -> Callable[[int], ArchivedNetwork]:
    """Return replicate -> the network that a cell began with: its own initial one, or that of the source."""
    if cell.source_key:
        runs = folder.parents[len(Path(cell.key).parts) - 1]
        return read_archive(runs / cell.source_key).__getitem__
    network = starting_network(cell, data(cell.dataset))

    def initial(replicate: int) -> ArchivedNetwork:
        weights = {name: tensor[replicate].detach() for name, tensor in network.parameters.items()}
        return ArchivedNetwork(weights, {slot: kept[replicate] for slot, kept in network.kept.items()})

    return initial


def _final(cell: Cell, network: ArchivedNetwork, start: ArchivedNetwork) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield layer, distance and starting length [n] of the rows of a final network, over its own columns."""
    if not network.weights or not start.weights:
        raise StudyError(f"{cell.key}: its networks.safetensors, or its source's, holds no weights; run it again")
    held = {slot: torch.isin(units, network.kept[slot]) for slot, units in start.kept.items()}
    before = select_units(architecture(cell.architecture), start.weights, held)
    for layer in architecture(cell.architecture).layers:
        own, other = (weights[f"{layer.name}.weight"].unsqueeze(0) for weights in (network.weights, before))
        yield layer.name, row_lengths(own - other)[0], row_lengths(other)[0]


def _summed(rows: pd.DataFrame, radius: float | None) -> dict[str, float]:
    """Return what the table says of these rows."""
    share = rows["distance"] / rows["length"].where(rows["length"] > 0)
    bound = None if radius is None else 100 * float((share >= radius * (1 - BOUNDARY)).mean())
    return {
        "rows": len(rows),
        "median": rows["distance"].median(),
        "maximum": rows["distance"].max(),
        "median_share": share.median(),
        "at_boundary": bound,
    }
