"""Network slimming (Liu et al., ICCV 2017; docs/baselines.md section 10).

A factor s per unit multiplies it and is trained with an L1 penalty lambda sum |s|; then the units of smallest |s| over
all slots leave at once, and the rest is fine-tuned without the penalty. Changed: the LeNets have no batch
normalisation, so s is a bare scale, started at 1, after ReLU and pooling (L2 on the weights holds their common scale);
proximal steps (soft thresholding by the learning rate times lambda, which is then in units of Adam's normalised
gradient) instead of sub-gradients; the threshold comes from a share of parameters or MACs instead of units; inputs and
flattened features have factors too on track full.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.estimators import spread
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.stacked import StackedNetwork


class Settings(ScheduleSettings):
    """Sparsity while training, then one cut."""

    l1: float = Field(0.05, gt=0, description="lambda of the L1 penalty on the factors")
    warm_up: float = Field(0.0, ge=0, lt=1)
    prune_until: float = Field(0.5, gt=0, le=1, description="fraction of the epochs at which the cut falls")
    events: int = Field(1, ge=1)


def soft_threshold(s: Tensor, by: float) -> Tensor:
    """sign(s) max(0, |s| - by)."""
    return s.sign() * (s.abs() - by).clamp_min(0)


class Slimming(Criterion):
    """s [R, n] per slot."""

    Settings = Settings

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        self.parameters = self.filled("scale", 1.0)

    def phase(self, moment: Moment) -> str:
        return "fine-tuning" if self.settings.over(moment) else "sparse"

    def gate(self, slot: str, h: Tensor) -> Tensor:
        name = f"{slot}.scale"
        return h * spread(self.parameters[name].unsqueeze(1), h) if name in self.parameters else h

    def constrain(self, network: StackedNetwork) -> None:
        if self.phase(self.moment) == "fine-tuning":
            return
        by = torch.tensor(self.moment.rate * self.context.learning_rate * self.settings.l1)
        for scale in self.parameters.values():
            scale.copy_(soft_threshold(scale, by))

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: self.parameters[f"{slot}.scale"].detach().abs() for slot in self.context.gated}

    def gates(self) -> dict[str, Tensor]:
        return {slot: self.parameters[f"{slot}.scale"].detach() for slot in self.context.gated}

    def final_gates(self) -> dict[str, Tensor]:
        return self.gates()
