"""Methods with sampled gates: the parts that variational and stochastic-gate methods share.

Gate parameters per slot are trained by back-propagation through a sampled gate. The penalty is warmed up. Gates that
look closed for several epochs are removed. In a last phase the gates are fixed and the network is fine-tuned. A method
of this kind defines how a gate is sampled, its test value and its cost. All phases count inside the common epoch
budget.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeVar

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.base import Context, Method
from robustprune.methods.parts.estimators import spread
from robustprune.methods.parts.freedom import FreedomSettings, check_slots, in_ratio
from robustprune.methods.parts.moment import Moment
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.strict import Strict


class PhaseSettings(FreedomSettings):
    """Lengths of the phases as fractions of the epochs, beside the settings that all self-sizing methods share."""

    pretrain: float = Field(0.0, ge=0, lt=1, description="first fraction of the epochs: open gates and no penalty")
    warm_up: float = Field(0.0, ge=0, lt=1, description="fraction over which the penalty's weight rises from 0 to 1")
    fine_tune: float = Field(
        0.25, ge=0, lt=1, description="last fraction of the epochs: pruned, gates fixed at their test value"
    )

    @model_validator(mode="after")
    def _fits(self) -> "PhaseSettings":
        if self.pretrain + self.warm_up + self.fine_tune > 1:
            raise ValueError("pretrain, warm_up and fine_tune together exceed the epochs")
        if self.pretrain + self.fine_tune >= 1:
            raise ValueError("pretrain and fine_tune together leave no epoch for the gates; lower one")
        return self


class PretrainedSettings(PhaseSettings):
    """Settings of methods whose papers start from a trained network and prune at the end.

    A quarter of the epochs is dense training. Without `patience` no unit leaves before the gates are settled.
    """

    pretrain: float = Field(0.25, ge=0, lt=1)
    patience: int | None = Field(None, ge=1)
    gate_learning_rate: float | None = Field(1e-2, gt=0)


P = TypeVar("P", bound=PhaseSettings)


class PhasedGates(Method[P], ABC):
    """Gates z [R, B or 1, n] per slot after activation and pooling, h = z a(...).

    Required: draw, sampled, settled, cost. Optional: rank, closing, network_cost, and every other hook of Method. The
    phases are "open", "sampled" and "settled". Buffers per slot: `valid`, False at padding; `closed_for`, the number of
    epochs that a gate has looked closed; `fixed`, the gates of the settled phase. The buffer `weight` is that of the
    penalty.
    """

    Settings: ClassVar[type[Strict]] = PhaseSettings

    def __init__(self, settings: P, context: Context):
        super().__init__(settings, context)
        self.learning_rate = settings.gate_learning_rate
        self.buffers = self.filled("valid", True, torch.bool) | self.filled("closed_for", 0, torch.int64)
        self.buffers["weight"] = torch.zeros((), dtype=context.dtype, device=context.device)
        self.buffers["weight"].fill_(self._weight(context.moment))

    @classmethod
    def check(cls, settings: P, architecture: Architecture, gated: tuple[str, ...]) -> None:
        check_slots("ratios", settings.ratios, architecture)

    @abstractmethod
    def draw(self, batch: int) -> None:
        """Draw the noise of the step for `batch` examples per replicate."""

    @abstractmethod
    def sampled(self, slot: str) -> Tensor:
        """Return the training gate [R, B, n] or [R, 1, n] from the step's noise, differentiable."""

    @abstractmethod
    def settled(self, slot: str) -> Tensor:
        """Return the test gate [R, n], 0 where a unit is pruned; padding may hold any value."""

    def rank(self, slot: str) -> Tensor:
        """Return what ranks the units [R, n] of a slot in which every gate is closed: the test gate without its
        threshold, or what the threshold is applied to. The unit with the largest stays."""
        return self.settled(slot).abs()

    @abstractmethod
    def cost(self, slot: str) -> Tensor:
        """Return the penalty of each gate [R, n] in nats of mean cross-entropy (1/N included), differentiable."""

    def closing(self, slot: str) -> Tensor | None:
        """Return which gates [R, n] look closed now, or None if the method prunes only when the gates are settled."""
        return None

    def network_cost(self, network: StackedNetwork) -> Tensor | float:
        """Return the penalty per replicate [R] of parameters other than gates, in the units of cost."""
        return 0.0

    def initial(self, mean: float, deviation: float) -> dict[str, Tensor]:
        """Return slot -> initial values [R, n] drawn from N(mean, deviation^2)."""
        noise = self.context.noise.normal(self.sizes(), 1, self.context.dtype)
        return {slot: mean + deviation * numbers[:, 0] for slot, numbers in noise.items()}

    def own(self, slot: str, name: str) -> Tensor:
        """Return the parameter "<slot>.<name>" [R, n]."""
        return self.parameters[f"{slot}.{name}"]

    def valid(self, slot: str) -> Tensor:
        """Return which places [R, n] hold a unit; the others are padding."""
        return self.buffer(slot, "valid")

    def sizes(self) -> dict[str, int]:
        """Return gated slot -> current number of places."""
        return {slot: self.places[slot] for slot in self.context.gated}

    @property
    def sampling(self) -> bool:
        """Whether the gates are sampled in this step."""
        return self.phase(self.moment) == "sampled"

    def phase(self, moment: Moment) -> str:
        if moment.in_last(self.settings.fine_tune):
            return "settled"
        return "sampled" if moment.reached(self.settings.pretrain) else "open"

    def gate(self, slot: str, h: Tensor) -> Tensor:
        phase = self.phase(self.moment)
        if slot not in self.context.gated or phase == "open":
            return h
        z = self.buffer(slot, "fixed").unsqueeze(1) if phase == "settled" else self.sampled(slot)
        return h * spread(z, h)

    def penalty(self, network: StackedNetwork) -> Tensor | None:
        if not self.sampling:
            return None
        ratios = self.settings.ratios
        gates = sum((in_ratio(self.cost(slot), slot, ratios) * self.valid(slot)).sum(1) for slot in self.context.gated)
        return self.buffers["weight"] * (gates + self.network_cost(network))

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        self.buffers["weight"].fill_(self._weight(self.moment))
        if self.phase(self.moment) == "settled":
            return self._settle() if self.moment.crossed(1 - self.settings.fine_tune) else None
        return self._closed_for_good() if self.moment.epoch_end and self.sampling else None

    def _weight(self, moment: Moment) -> float:
        """Return the penalty's weight in the step after `moment`."""
        settings = self.settings
        if self.phase(moment) != "sampled":
            return 0.0
        return moment.ramp(settings.pretrain, settings.pretrain + settings.warm_up)

    def _settle(self) -> dict[str, Tensor]:
        """Fix the gates at their test value and return the pruned units by slot.

        Where all units of a slot are pruned, the best stays (scores): its gate is open, so that what reads it is tuned.
        """
        remove = {}
        for slot, gate in self._test_gates().items():
            remove[slot] = closed = gate == 0
            if gate.shape[1]:  # sections that left took all units of their slots along
                best = self._ranked(slot).argmax(1, keepdim=True)
                gate = torch.where(closed.all(1, keepdim=True), gate.scatter(1, best, 1.0), gate)
            self.buffers[f"{slot}.fixed"] = gate
        return remove

    def _closed_for_good(self) -> dict[str, Tensor] | None:
        """Return by slot the gates that have looked closed at `patience` consecutive ends of epochs."""
        patience, remove = self.settings.patience, {}
        if patience is None:
            return None
        for slot in self.context.gated:
            closing = self.closing(slot)
            if closing is None:
                return None
            count = torch.where(closing, self.buffer(slot, "closed_for") + 1, 0)
            self.buffers[f"{slot}.closed_for"] = count
            remove[slot] = count >= patience
        return remove

    def _test_gates(self) -> dict[str, Tensor]:
        return {slot: torch.where(self.valid(slot), self.settled(slot).detach(), 0) for slot in self.context.gated}

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: self._ranked(slot) for slot in self.context.gated}

    def _ranked(self, slot: str) -> Tensor:
        """Return the rank of every unit [R, n], -inf at padding."""
        return self.rank(slot).detach().masked_fill(~self.valid(slot), -torch.inf)

    def gates(self) -> dict[str, Tensor]:
        if self.phase(self.moment) == "settled":
            return {slot: self.buffer(slot, "fixed") for slot in self.context.gated}
        return self._test_gates()

    def final_gates(self) -> dict[str, Tensor]:
        return self.gates()
