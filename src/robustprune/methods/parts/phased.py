"""What the variational and stochastic-gate methods share: gate parameters per slot, trained by back-propagation through
a sampled gate, a penalty that is warmed up, removal for good, and a last phase of fine-tuning with settled gates.

A method of this kind says how a gate is sampled, what it settles to, and what it costs; phases count inside the common
epoch budget.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.base import Context, Method, Selection
from robustprune.methods.parts.estimators import spread
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.config import Strict


class PhaseSettings(Strict):
    """Fractions of the epochs: dense pre-training, then the penalty's weight rises to 1, last the gates are settled."""

    pretrain: float = Field(0.0, ge=0, lt=1, description="fraction of the epochs with open gates and no penalty")
    warm_up: float = Field(0.0, ge=0, lt=1, description="fraction over which the penalty's weight rises from 0 to 1")
    fine_tune: float = Field(0.25, ge=0, lt=1, description="last fraction: pruned, gates fixed at their test value")
    patience: int = Field(3, ge=1, description="consecutive epochs that a gate must look closed to be removed early")
    gate_learning_rate: float | None = Field(None, gt=0, description="Adam's for the gates; none: that of the weights")

    @model_validator(mode="after")
    def _fits(self) -> "PhaseSettings":
        if self.pretrain + self.warm_up + self.fine_tune > 1:
            raise ValueError("pretrain, warm_up and fine_tune together exceed the epochs")
        return self


class PretrainedSettings(PhaseSettings):
    """For methods whose papers start from a trained network: a quarter of the epochs dense, and fast gates."""

    pretrain: float = Field(0.25, ge=0, lt=1)
    gate_learning_rate: float | None = Field(1e-2, gt=0)


class PhasedGates(Method, ABC):
    """Gates z [R, B or 1, n] per slot after activation and pooling, h = z a(...)."""

    Settings = PhaseSettings

    def __init__(self, settings: PhaseSettings, context: Context):
        super().__init__(settings, context)
        self.learning_rate = settings.gate_learning_rate
        shape = {slot: (context.replicates, context.units[slot]) for slot in context.gated}
        self.real = {slot: torch.ones(size, dtype=torch.bool, device=context.device) for slot, size in shape.items()}
        self.closed_for = {
            slot: torch.zeros(size, dtype=torch.int64, device=context.device) for slot, size in shape.items()
        }
        self.weight = torch.zeros((), dtype=context.dtype, device=context.device)
        steps = context.steps_per_epoch * context.epochs
        self.gates_from = round(settings.pretrain * steps)
        self.full_from = round((settings.pretrain + settings.warm_up) * steps)
        self.settled_from = round((1 - settings.fine_tune) * steps)
        self._enter(0)

    @abstractmethod
    def draw(self, batch: int) -> None:
        """Draw the step's noise."""

    @abstractmethod
    def sampled(self, slot: str) -> Tensor:
        """Training-time gate [R, B, n] or [R, 1, n] from the step's noise, differentiable."""

    @abstractmethod
    def settled(self, slot: str) -> Tensor:
        """Test-time gate [R, n] of what is learned, 0 where pruned; padding may hold anything."""

    @abstractmethod
    def cost(self, slot: str) -> Tensor:
        """Penalty of each gate [R, n] in nats of mean cross-entropy (1/N included), differentiable."""

    def closing(self, slot: str) -> Tensor | None:
        """Which gates [R, n] look closed for good now; None: the method prunes only when training ends."""
        return None

    def constant(self, value: float) -> dict[str, Tensor]:
        """The same start for every gate [R, n], by slot."""
        dtype, device = self.context.dtype, self.context.device
        return {slot: torch.full(real.shape, value, dtype=dtype, device=device) for slot, real in self.real.items()}

    def initial(self, mean: float, deviation: float) -> dict[str, Tensor]:
        """A start per gate [R, n] drawn from N(mean, deviation^2), by slot."""
        noise = self.context.noise.normal(self.sizes(), 1, self.context.dtype)
        return {slot: mean + deviation * numbers[:, 0] for slot, numbers in noise.items()}

    def own(self, slot: str, name: str) -> Tensor:
        """A parameter [R, n] of the method."""
        return self.parameters[f"{slot}.{name}"]

    def sizes(self) -> dict[str, int]:
        """Places per gated slot now."""
        return {slot: real.shape[1] for slot, real in self.real.items()}

    def gate(self, slot: str, h: Tensor) -> Tensor:
        if slot not in self.real or self.phase == "open":
            return h
        z = self.fixed[slot].unsqueeze(1) if self.phase == "settled" else self.sampled(slot)
        return h * spread(z, h)

    def network_cost(self, network: StackedNetwork) -> Tensor | float:
        """Penalty per replicate [R] of what is not a gate, in the units of cost."""
        return 0.0

    def penalty(self, network: StackedNetwork) -> Tensor | None:
        if self.phase != "sampled":
            return None
        gates = sum((self.cost(slot) * self.real[slot]).sum(1) for slot in self.real)
        return self.weight * (gates + self.network_cost(network))

    def removals(self, network: StackedNetwork, step: int) -> dict[str, Tensor] | None:
        changes = self._enter(step)
        if changes and self.phase == "settled":
            return {slot: gate == 0 for slot, gate in self.fixed.items()}
        if step % self.context.steps_per_epoch or self.phase != "sampled":
            return None
        remove = {}
        for slot in self.real:
            closing = self.closing(slot)
            if closing is None:
                return None
            self.closed_for[slot] = torch.where(closing, self.closed_for[slot] + 1, 0)
            remove[slot] = self.closed_for[slot] >= self.settings.patience
        return remove

    def _enter(self, step: int) -> bool:
        """Be in the phase that follows `step` steps; True if it is a new one."""
        before = getattr(self, "phase", None)
        if step >= self.settled_from and self.settings.fine_tune:
            self.phase = "settled"
        else:
            self.phase = "open" if step < self.gates_from else "sampled"
        rising = max(1, self.full_from - self.gates_from)
        self.weight.fill_(min(1.0, (step - self.gates_from + 1) / rising) if self.phase == "sampled" else 0.0)
        if self.phase == before:
            return False
        if self.phase == "settled":
            self.fixed = self._settle()
        self.changed = True
        return True

    def _settle(self) -> dict[str, Tensor]:
        return {slot: torch.where(real, self.settled(slot).detach(), 0) for slot, real in self.real.items()}

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: gate.abs() for slot, gate in self._settle().items()}

    def select(self, selection: Selection) -> None:
        for slot in self.real:
            self.closed_for[slot] = selection.take(self.closed_for[slot], slot)
            self.real[slot] = selection.real[slot]
            if self.phase == "settled":
                self.fixed[slot] = selection.take(self.fixed[slot], slot)

    def gates(self) -> dict[str, Tensor]:
        return self.fixed if self.phase == "settled" else self._settle()

    def final_gates(self) -> dict[str, Tensor]:
        return self.gates()

    def state(self) -> dict[str, Tensor]:
        tensors = {f"{slot}.real": real for slot, real in self.real.items()}
        tensors |= {f"{slot}.closed_for": count for slot, count in self.closed_for.items()}
        if self.phase == "settled":
            tensors |= {f"{slot}.fixed": gate for slot, gate in self.fixed.items()}
        return tensors | {"weight": self.weight}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for slot in self.real:
            self.real[slot], self.closed_for[slot] = state[f"{slot}.real"], state[f"{slot}.closed_for"]
        settled = any(name.endswith(".fixed") for name in state)
        self.phase = "settled" if settled else "sampled" if float(state["weight"]) else "open"
        if settled:
            self.fixed = {slot: state[f"{slot}.fixed"] for slot in self.real}
        self.weight.copy_(state["weight"])
