"""Group lasso, structured sparsity learning (Wen et al., NIPS 2016; docs/baselines.md section 9), with proximal steps.

Objective: cross-entropy + lambda sum_g sqrt|g| ||w_g||_2. The group of a unit holds its incoming weights and bias.
Inputs and flattened features have no incoming weights: their group holds the weights that read them. |g| counts the
weights that the network still has, or with `price_of: standard` those of the unpruned network of width 1. After every
step of Adam the groups shrink by its learning rate times lambda sqrt|g|, so that whole groups become exactly zero.
Groups that are zero at `patience` consecutive ends of epochs are removed. All groups that are zero at the start of the
fine-tuning phase are removed then; this phase has no penalty. Changed: proximal steps, because the paper's
sub-gradients never reach zero. The scalar learning rate replaces Adam's metric in the proximal step, so lambda is in
units of Adam's normalised gradient.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, Method
from robustprune.methods.parts.freedom import RatioSettings, check_slots, in_ratio
from robustprune.methods.parts.moment import Moment
from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.stacked import StackedNetwork


class GroupLassoSettings(RatioSettings):
    """Strength and phases."""

    group_lambda: float = Field(gt=0, description="lambda, per square root of a group's size")
    price_of: Literal["kept", "standard"] = Field(
        "kept", description="whose weights make a group's size: the network's own, or those of width 1"
    )
    fine_tune: float = Field(0.25, ge=0, lt=1, description="last fraction of the epochs: no penalty")
    patience: int | None = Field(
        3, ge=1, description="consecutive epochs that a group must be zero for early removal; null: none"
    )


def shrink(weights: list[Tensor], threshold: Tensor | float) -> Tensor:
    """Apply the proximal step of the L2 norm to groups, in place, and return which groups [R, n] are zero now.

    weights: tensors [R, n, ...]; group [r, i] holds the entries [r, i, ...] of all of them. threshold: on the norm, a
    number or [R, 1].
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

    @classmethod
    def check(cls, settings: GroupLassoSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        check_slots("ratios", settings.ratios, architecture)

    def phase(self, moment: Moment) -> str:
        return "fine-tuning" if moment.in_last(self.settings.fine_tune) else "penalised"

    def groups(self, network: StackedNetwork, slot: str) -> list[Tensor]:
        """Return the tensors [R, n, ...] of a slot's groups, as views."""
        parameters = network.parameters
        writer = self._writer(slot)
        if writer:
            weight, bias = (parameters[f"{writer.name}.{kind}"].detach() for kind in ("weight", "bias"))
            return [weight, bias.unsqueeze(2)]
        return [parameters[f"{self.context.architecture.reader(slot).name}.weight"].detach().transpose(1, 2)]

    def group_size(self, network: StackedNetwork, slot: str) -> Tensor:
        """Return the number of weights in a group of a slot per replicate [R, 1]; padding does not count."""
        architecture, first = self.context.architecture, network.kept[slot][:, :1]
        writer = self._writer(slot)
        other = writer.reads if writer else architecture.reader(slot).writes
        if other is None:
            count = torch.full_like(first, 1 if writer else architecture.classes)  # the image, or the class scores
        elif self.settings.price_of == "standard":
            count = torch.full_like(first, architecture.units()[other])
        else:
            count = (network.kept[other] >= 0).sum(1, keepdim=True)
        return count * writer.kernel**2 + 1 if writer else count

    def _writer(self, slot: str) -> Layer | None:
        """Return the layer that computes the units of a slot, None for inputs and flattened features."""
        architecture = self.context.architecture
        return architecture.writer(slot) if architecture.slot(slot).hidden else None

    def constrain(self, network: StackedNetwork) -> None:
        if self.phase(self.moment) == "fine-tuning":
            return
        step = self.moment.rate * self.context.learning_rate * self.settings.group_lambda
        for slot in self.context.gated:
            threshold = step * self.group_size(network, slot).to(self.context.dtype).sqrt()
            zero = shrink(self.groups(network, slot), in_ratio(threshold, slot, self.settings.ratios))
            self.buffer(slot, "zero").copy_(zero)

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        zero = {slot: self.buffer(slot, "zero") for slot in self.context.gated}
        if self.phase(self.moment) == "fine-tuning":
            return zero if self.moment.crossed(1 - self.settings.fine_tune) else None
        if not self.moment.epoch_end or self.settings.patience is None:
            return None
        for slot, mask in zero.items():
            self.buffers[f"{slot}.zero_for"] = torch.where(mask, self.buffer(slot, "zero_for") + 1, 0)
        return {slot: self.buffer(slot, "zero_for") >= self.settings.patience for slot in zero}
