"""Iterative pruning to a budget of parameters or MACs, for any score (docs/baselines.md section 11)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.moment import Moment
from robustprune.networks.architecture import Architecture
from robustprune.networks.size import macs, parameters
from robustprune.study.strict import Strict

SIZES = {"params": parameters, "macs": macs}


class ScheduleSettings(Strict):
    """Schedule: dense warm-up, equally spaced pruning events, fine-tuning for the rest of the common epoch budget.

    With the defaults and 40 epochs: 5 dense epochs, an event every half epoch, 25 epochs of fine-tuning. The size to
    keep is exactly one of `aims`.
    """

    aims: ClassVar[tuple[str, ...]] = ("target", "target_params")

    target: float | None = Field(None, gt=0, le=1, description="share of the starting parameters or MACs to keep")
    target_params: int | None = Field(
        None, ge=1, description="parameters to keep, instead of a share: the same size from every starting width"
    )
    measure: Literal["params", "macs"] = Field("params", description="what the target is a share of")
    warm_up: float = Field(0.125, ge=0, lt=1, description="fraction of the epochs before pruning starts")
    prune_until: float = Field(
        0.375, gt=0, le=1, description="fraction of the epochs at which the last event takes place"
    )
    events: int = Field(20, ge=1, description="pruning events")
    shape: Literal["linear", "cubic"] = Field("cubic", description="how the budget falls over the events")

    @model_validator(mode="after")
    def _ordered(self) -> "ScheduleSettings":
        if self.warm_up >= self.prune_until:
            raise ValueError(f"warm_up {self.warm_up:g} must end before prune_until {self.prune_until:g}")
        return self

    @model_validator(mode="after")
    def _one_aim(self) -> "ScheduleSettings":
        if sum(getattr(self, aim) is not None for aim in self.aims) != 1:
            raise ValueError(f"give exactly one of {', '.join(self.aims[:-1])} and {self.aims[-1]}")
        if self.target_params is not None and self.measure != "params":
            raise ValueError(f"target_params counts parameters; it takes no measure {self.measure}")
        return self

    def fraction(self, event: int) -> float:
        """Return the fraction of the training at which an event (from 1) takes place."""
        return self.warm_up + (self.prune_until - self.warm_up) / self.events * event

    def event(self, moment: Moment) -> int | None:
        """Return the number of the event after the last step (the last one if there are several), or None."""
        return next((event for event in range(self.events, 0, -1) if moment.crossed(self.fraction(event))), None)

    def over(self, moment: Moment) -> bool:
        """Return whether all events are done."""
        return moment.step > 0 and moment.reached(self.fraction(self.events))

    def share(self, event: int) -> float:
        """Return the share of the whole removal that remains after an event: 0 after the last one."""
        left = 1 - event / self.events
        return left if self.shape == "linear" else left**3

    def budget(self, event: int, dense: int) -> float:
        """Return the parameters or MACs to keep after an event; after the last one it is the target.

        dense: those of the starting network.
        """
        if self.target is not None:
            return dense * (self.target + (1 - self.target) * self.share(event))
        assert self.target_params is not None  # exactly one of both is given
        return self.target_params + (dense - self.target_params) * self.share(event)


class _Ledger:
    """Unit counts of one replicate while units are removed; flattened features leave with their channels."""

    def __init__(self, architecture: Architecture, kept: Mapping[str, Tensor], replicate: int):
        self.alive = {slot: {i for i in places[replicate].tolist() if i >= 0} for slot, places in kept.items()}
        self.units = {slot: len(alive) for slot, alive in self.alive.items()}
        self.architecture = architecture
        self.children = {slot.parent: slot for slot in architecture.slots if slot.parent}
        self.gate_of = {inside: gate for gate, inside in architecture.sections.items()}

    def _followers(self, slot: str, unit: int) -> list[tuple[str, int]]:
        """Return the units that leave with a unit: a channel's features, or the channel that loses its last feature.

        A section's units leave with its gate, and the gate with the last of them.
        """
        if slot in self.architecture.sections:
            inside = self.architecture.sections[slot]
            return [(inside, own) for own in self.alive[inside]]
        if slot in self.gate_of and self.alive[slot] == {unit}:
            return [(self.gate_of[slot], 0)]
        if slot in self.children:
            child = self.children[slot]
            features = range(unit * child.positions, (unit + 1) * child.positions)
            return [(child.name, feature) for feature in features if feature in self.alive[child.name]]
        parent = self.architecture.slot(slot).parent
        if parent:
            channel = unit // self.architecture.slot(slot).positions
            if len(self._followers(parent, channel)) == 1:
                return [(parent, channel)]
        return []

    def remove(self, slot: str, unit: int) -> bool:
        """Remove a unit with its followers; return False and do nothing if it is gone or a slot would become empty."""
        if unit not in self.alive[slot]:
            return False
        leaving = [(slot, unit), *self._followers(slot, unit)]
        needed = {name for name, _ in leaving if not self.architecture.slot(name).optional}
        if any(self.units[name] == sum(1 for other, _ in leaving if other == name) for name in needed):
            return False
        for name, index in leaving:
            self.alive[name].discard(index)
            self.units[name] -= 1
        return True


def remove_to_budget(
    architecture: Architecture,
    kept: Mapping[str, Tensor],
    scores: Mapping[str, Tensor],
    budget: float,
    measure: str = "params",
) -> dict[str, Tensor]:
    """Return slot -> bool [R, n] of the units to remove so that each replicate has at most `budget` params or MACs.

    Units are removed one at a time, lowest score first. The last unit of a slot stays. kept: slot -> original indices
    [R, n] (-1: padding). scores: gated slot -> [R, n], comparable across slots.
    """
    remove = {slot: torch.zeros_like(kept[slot], dtype=torch.bool) for slot in scores}
    for replicate in range(next(iter(kept.values())).shape[0]):
        ledger = _Ledger(architecture, kept, replicate)
        for slot, place in _ascending(scores, kept, replicate):
            if SIZES[measure](architecture, ledger.units) <= budget:
                break
            remove[slot][replicate, place] = ledger.remove(slot, int(kept[slot][replicate, place]))
    return remove


def smallest_units(architecture: Architecture, units: Mapping[str, int], gated: tuple[str, ...]) -> dict[str, int]:
    """Return the units per slot of the smallest network that `remove_to_budget` can leave, of a start with `units`."""
    least = {
        name: int(not architecture.slot(name).optional) if name in gated else count for name, count in units.items()
    }
    for slot in architecture.slots:
        if slot.parent and slot.name not in gated:
            least[slot.name] = least[slot.parent] * slot.positions
        elif slot.parent:
            least[slot.parent] = 1  # a channel leaves with its last feature
    return least


def _ascending(scores: Mapping[str, Tensor], kept: Mapping[str, Tensor], replicate: int) -> list[tuple[str, int]]:
    """Return the (slot, place) pairs of one replicate's valid places, lowest score first."""
    ranked = []
    for slot, values in scores.items():
        places = (kept[slot][replicate] >= 0).nonzero().flatten().tolist()
        ranked += [
            (value, slot, place) for value, place in zip(values[replicate, places].tolist(), places, strict=True)
        ]
    return [(slot, place) for _, slot, place in sorted(ranked)]
