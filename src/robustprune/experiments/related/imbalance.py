"""Imbalance of every unit at the start: what gradient flow conserves, beside whether the unit was kept.

u = |w_in|^2 + b^2 - |w_out|^2 of a ReLU unit or filter is constant under gradient flow, gates included: the loss
depends on the unit through a product that is homogeneous in both factors (docs/related.md 1). Adam changes it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.experiments.related.starts import starting_network
from robustprune.files import write_table
from robustprune.methods.parts.base import incoming_norm
from robustprune.methods.parts.outgoing import over_outgoing
from robustprune.networks.archive import kept_units
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.cells import AXES, Cell

COLUMNS = (*AXES, "replicate", "slot", "unit", "kept", "imbalance", "norm_in", "norm_out")


def write_imbalance(cells: Mapping[Path, Cell], data: Callable[[str], Dataset], output: Path) -> int:
    """Write a row per hidden unit of the networks of these cells (folder -> cell); return the number of rows.

    imbalance: u; norm_in, norm_out: the Euclidean norms of incoming weights (with the bias) and outgoing weights, all
    at the start. kept: whether the pruned network has the unit. Pixels and flattened features have no incoming weights
    of their own and no rows. Raises StudyError naming a missing or damaged networks.safetensors.
    """
    parts = [_cell_rows(folder, cell, data(cell.dataset)) for folder, cell in cells.items()]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    write_table(table[list(COLUMNS)], output)
    return len(table)


def _cell_rows(folder: Path, cell: Cell, data: Dataset) -> pd.DataFrame:
    network, kept = starting_network(cell, data), kept_units(folder)
    rows = []
    for slot, (squared_in, squared_out) in squared_norms(network).items():
        for replicate, by_slot in kept.items():
            into, out = squared_in[replicate].numpy(), squared_out[replicate].numpy()
            units = np.arange(len(into))
            own = {"replicate": replicate, "slot": slot, "unit": units, "kept": np.isin(units, by_slot[slot])}
            rows.append(
                pd.DataFrame({**own, "imbalance": into - out, "norm_in": np.sqrt(into), "norm_out": np.sqrt(out)})
            )
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(COLUMNS[len(AXES) :]))
    return table.assign(**{axis: getattr(cell, axis) for axis in AXES})


@torch.no_grad()
def squared_norms(network: StackedNetwork) -> dict[str, tuple[Tensor, Tensor]]:
    """Return slot -> squared norms [R, n] of the incoming weights with the bias, and of the outgoing ones, in float64.

    For slots whose units a layer computes. A filter has all its weights, and all kernels or columns that read it.
    """
    norms = {}
    for slot in network.architecture.slots:
        writer = network.architecture.writer(slot.name)
        if slot.parent or writer is None:
            continue
        wide = StackedNetwork(network.architecture, _in_double(network), network.kept)
        into = incoming_norm(wide, slot.name, power=2) + wide.parameters[f"{writer.name}.bias"].square()
        reader = network.architecture.reader(slot.name)
        out = over_outgoing(wide, slot.name, wide.parameters[f"{reader.name}.weight"].square())
        norms[slot.name] = (into, out)
    return norms


def _in_double(network: StackedNetwork) -> dict[str, Tensor]:
    return {name: tensor.detach().double() for name, tensor in network.parameters.items()}
