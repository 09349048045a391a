"""Network slimming (Liu et al., ICCV 2017; docs/baselines.md section 10).

A factor s per unit multiplies it and is trained with an L1 penalty lambda sum |s|. Then the units of smallest |s| over
all slots are removed at once, and the rest is fine-tuned without the penalty. Changed: without batch normalisation s is
a scale after ReLU and pooling, initialised at 1. Proximal steps replace sub-gradients, so lambda is in units of Adam's
normalised gradient. A share of parameters or MACs sets the threshold. On track full, inputs and features have factors.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.estimators import spread
from robustprune.methods.parts.freedom import RatioSettings, check_slots, in_ratio
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork


class SlimmingSettings(ScheduleSettings, RatioSettings):
    """Strength of the L1 penalty and a schedule with one pruning event."""

    gate_learning_rate: float | None = Field(
        None, gt=0, description="Adam's for the factors; null: that of the weights"
    )
    l1: float = Field(0.05, gt=0, description="lambda of the L1 penalty on the factors")
    warm_up: float = Field(0.0, ge=0, lt=1)
    prune_until: float = Field(0.5, gt=0, le=1, description="fraction of the epochs at which units are removed")
    events: int = Field(1, ge=1)


def soft_threshold(s: Tensor, by: Tensor | float) -> Tensor:
    """Return sign(s) max(0, |s| - by)."""
    return s.sign() * (s.abs() - by).clamp_min(0)


class Slimming(Criterion[SlimmingSettings]):
    """Scales s [R, n] per slot; |s| is the score of a unit."""

    Settings = SlimmingSettings

    def __init__(self, settings: SlimmingSettings, context: Context):
        super().__init__(settings, context)
        self.parameters = self.filled("scale", 1.0)
        self.learning_rate = settings.gate_learning_rate

    @classmethod
    def check(cls, settings: SlimmingSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        super().check(settings, architecture, gated)
        check_slots("ratios", settings.ratios, architecture)

    def phase(self, moment: Moment) -> str:
        return "fine-tuning" if self.settings.over(moment) else "sparse"

    def gate(self, slot: str, h: Tensor) -> Tensor:
        name = f"{slot}.scale"
        return h * spread(self.parameters[name].unsqueeze(1), h) if name in self.parameters else h

    def constrain(self, network: StackedNetwork) -> None:
        if self.phase(self.moment) == "sparse":
            rate = self.context.learning_rate if self.learning_rate is None else self.learning_rate
            by = torch.tensor(self.moment.rate * rate * self.settings.l1)
            for slot in self.context.gated:
                scale = self.parameters[f"{slot}.scale"]
                scale.copy_(soft_threshold(scale, in_ratio(by, slot, self.settings.ratios)))

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: self.parameters[f"{slot}.scale"].detach().abs() for slot in self.context.gated}

    def gates(self) -> dict[str, Tensor]:
        return {slot: self.parameters[f"{slot}.scale"].detach() for slot in self.context.gated}

    def final_gates(self) -> dict[str, Tensor]:
        return self.gates()
