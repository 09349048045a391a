"""The history of a training run: one row per replicate and epoch, and the gates by original unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork

UNDETERMINED = (0.05, 0.95)


def undetermined(gates: Tensor) -> Tensor:
    """Return which gates are not near 0 or 1, as bool of the same shape."""
    return (gates > UNDETERMINED[0]) & (gates < UNDETERMINED[1])


class History:
    """Rows for history.parquet and gate trajectories for gates.npz."""

    def __init__(self, architecture: Architecture, units: Mapping[str, int], replicates: int):
        self.units, self.replicates = units, replicates
        self.slots = [slot.name for slot in architecture.slots]
        self.rows: list[dict[str, Any]] = []
        self.gates: dict[str, list[Tensor]] = {}

    def note_epoch(
        self,
        epoch: int,
        loss: Tensor,
        network: StackedNetwork,
        gates: Mapping[str, Tensor] | None,
        macs_step: np.ndarray,
    ) -> None:
        """Add a row per replicate: loss [R], units and undetermined gates per slot, MACs per image [R]."""
        counts = network.counts()
        for replicate in range(self.replicates):
            row: dict[str, Any] = {"replicate": replicate, "epoch": epoch, "train_loss": float(loss[replicate])}
            row |= {f"units_{slot}": int(counts[slot][replicate]) for slot in self.slots}
            for slot in self.slots:
                values = gates[slot][replicate] if gates and slot in gates else None
                row[f"undetermined_{slot}"] = None if values is None else int(undetermined(values).sum())
            row["macs_step"] = int(macs_step[replicate])
            self.rows.append(row)
        self.note_gates(network.kept, gates)

    def note_gates(self, kept: Mapping[str, Tensor], gates: Mapping[str, Tensor] | None) -> None:
        """Add the current gates by original unit [R, n at the start]; gates of removed units are 0."""
        for slot, values in (gates or {}).items():
            full = torch.zeros(self.replicates, self.units[slot] + 1, dtype=torch.float16)
            index = torch.where(kept[slot] >= 0, kept[slot], self.units[slot]).cpu()
            full.scatter_(1, index, values.detach().to("cpu", torch.float16))
            self.gates.setdefault(slot, []).append(full[:, :-1])

    def trajectories(self) -> dict[str, np.ndarray]:
        """Return slot -> gates [epochs + 1, R, n at the start], float16; entry 0 is the start of training."""
        return {slot: torch.stack(moments).numpy() for slot, moments in self.gates.items()}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        return {"rows": self.rows, "gates": self.gates}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.rows, self.gates = list(state["rows"]), dict(state["gates"])
