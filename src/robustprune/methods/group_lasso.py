"""Group lasso, structured sparsity learning (Wen et al., NIPS 2016; docs/baselines.md section 9), with proximal steps.

Objective: cross-entropy + lambda sum_g sqrt|g| ||w_g||_2. The group of a unit holds its incoming weights and bias.
Inputs and flattened features have no incoming weights: their group holds the weights that read them. After every step
of Adam the groups shrink by its learning rate times lambda sqrt|g|, so that whole groups become exactly zero. Groups
that are zero at `patience` consecutive ends of epochs are removed. All groups that are zero at the start of the
fine-tuning phase are removed then; this phase has no penalty. Changed: proximal steps, because the paper's
sub-gradients never reach zero. The scalar learning rate replaces Adam's metric in the proximal step, so lambda is in
units of Adam's normalised gradient.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, Method
from robustprune.methods.parts.moment import Moment
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.strict import Strict


class GroupLassoSettings(Strict):
    """Strength and phases."""

    group_lambda: float = Field(gt=0, description="lambda, per square root of a group's size")
    fine_tune: float = Field(0.25, ge=0, lt=1, description="last fraction of the epochs: no penalty")
    patience: int = Field(3, ge=1, description="consecutive epochs that a group must be zero for early removal")


def shrink(weights: list[Tensor], threshold: Tensor | float) -> Tensor:
    """Apply the proximal step of the L2 norm to groups, in place, and return which groups [R, n] are zero now.

    weights: tensors [R, n, ...]; group [r, i] holds the entries [r, i, ...] of all of them. threshold: on the norm.
    """
    first, *others = (weight.flatten(2).square().sum(2) for weight in weights)
    norm = sum(others, start=first).sqrt()
    factor = (1 - threshold / norm.clamp_min(torch.finfo(norm.dtype).tiny)).clamp_min(0)
    for weight in weights:
        weight.mul_(factor.view(*factor.shape, *[1] * (weight.dim() - 2)))
    return factor == 0


class GroupLasso(Method[GroupLassoSettings]):
    """Weights that become zero in groups; there are no gates.

    Buffers per slot: `zero`, which groups are zero now; `zero_for`, at how many consecutive ends of epochs they were.
    """

    Settings = GroupLassoSettings

    def __init__(self, settings: GroupLassoSettings, context: Context):
        super().__init__(settings, context)
        self.buffers = self.filled("zero", False, torch.bool) | self.filled("zero_for", 0, torch.int64)

    def phase(self, moment: Moment) -> str:
        return "fine-tuning" if moment.in_last(self.settings.fine_tune) else "penalised"

    def groups(self, network: StackedNetwork, slot: str) -> tuple[list[Tensor], int]:
        """Return the tensors [R, n, ...] of a slot's groups, as views, and the number of weights in a group."""
        architecture, parameters = self.context.architecture, network.parameters
        writer = architecture.writer(slot)
        if writer and architecture.slot(slot).hidden:
            weight, bias = (parameters[f"{writer.name}.{kind}"].detach() for kind in ("weight", "bias"))
            return [weight, bias.unsqueeze(2)], weight[0, 0].numel() + 1
        weight = parameters[f"{architecture.reader(slot).name}.weight"].detach().transpose(1, 2)
        return [weight], weight[0, 0].numel()

    def constrain(self, network: StackedNetwork) -> None:
        if self.phase(self.moment) == "fine-tuning":
            return
        step = torch.tensor(self.moment.rate * self.context.learning_rate * self.settings.group_lambda)
        for slot in self.context.gated:
            tensors, size = self.groups(network, slot)
            self.buffer(slot, "zero").copy_(shrink(tensors, step * size**0.5))

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        zero = {slot: self.buffer(slot, "zero") for slot in self.context.gated}
        if self.phase(self.moment) == "fine-tuning":
            return zero if self.moment.crossed(1 - self.settings.fine_tune) else None
        if not self.moment.epoch_end:
            return None
        for slot, mask in zero.items():
            self.buffers[f"{slot}.zero_for"] = torch.where(mask, self.buffer(slot, "zero_for") + 1, 0)
        return {slot: self.buffer(slot, "zero_for") >= self.settings.patience for slot in zero}
