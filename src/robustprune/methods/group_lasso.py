"""Group lasso, structured sparsity learning (Wen et al., NIPS 2016; baselines.md section 9), with proximal steps.

Objective: cross-entropy + lambda sum_g sqrt|g| ||w_g||_2. A group is what computes a unit: its incoming weights and
bias; for inputs and flattened features, which are not computed, the weights that read them. After every step of Adam
the groups shrink by its learning rate times lambda sqrt|g|, so that whole groups become exactly zero. They leave for
good when they have been zero at `patience` consecutive ends of epochs, all that are zero at the start of the
fine-tuning phase, which has no penalty. Changed: the paper's sub-gradients never reach zero; the scalar learning rate
stands for Adam's metric in the proximal step, so lambda is in units of Adam's normalised gradient.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, Method, Selection
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.config import Strict


class Settings(Strict):
    """Strength and phases."""

    group_lambda: float = Field(gt=0, description="lambda, per square root of a group's size")
    fine_tune: float = Field(0.25, ge=0, lt=1, description="last fraction of the epochs: no penalty")
    patience: int = Field(3, ge=1, description="consecutive epochs that a group must be zero to leave early")


def shrink(weights: list[Tensor], threshold: Tensor | float) -> Tensor:
    """Proximal step of the L2 norm on groups along all but the first two axes, in place: tensors [R, n, ...] that make
    up the groups together, threshold on the norm. Returns which groups [R, n] are zero now."""
    norm = sum(weight.flatten(2).square().sum(2) for weight in weights).sqrt()
    factor = (1 - threshold / norm.clamp_min(torch.finfo(norm.dtype).tiny)).clamp_min(0)
    for weight in weights:
        weight.mul_(factor.view(*factor.shape, *[1] * (weight.dim() - 2)))
    return factor == 0


class GroupLasso(Method):
    """No gates: the weights themselves become zero."""

    Settings = Settings

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        self.fine_tune_from = round((1 - settings.fine_tune) * context.steps_per_epoch * context.epochs)
        self.fine_tuning = torch.zeros((), dtype=torch.bool, device=context.device)
        shape = {slot: (context.replicates, context.units[slot]) for slot in context.gated}
        device = context.device
        self.zero = {slot: torch.zeros(size, dtype=torch.bool, device=device) for slot, size in shape.items()}
        self.zero_for = {slot: torch.zeros(size, dtype=torch.int64, device=device) for slot, size in shape.items()}

    def groups(self, network: StackedNetwork, slot: str) -> tuple[list[Tensor], int]:
        """The tensors [R, n, ...] that make up the groups of a slot, as views, and how many weights a group holds."""
        architecture, parameters = self.context.architecture, network.parameters
        if architecture.slot(slot).hidden:
            name = architecture.writer(slot).name
            weight, bias = parameters[f"{name}.weight"].detach(), parameters[f"{name}.bias"].detach()
            return [weight, bias.unsqueeze(2)], weight[0, 0].numel() + 1
        weight = parameters[f"{architecture.reader(slot).name}.weight"].detach().transpose(1, 2)
        return [weight], weight[0, 0].numel()

    def constrain(self, network: StackedNetwork, rate: float) -> None:
        step = rate * self.context.learning_rate * self.settings.group_lambda * ~self.fine_tuning
        for slot in self.zero:
            tensors, size = self.groups(network, slot)
            self.zero[slot].copy_(shrink(tensors, step * size**0.5))

    def removals(self, network: StackedNetwork, step: int) -> dict[str, Tensor] | None:
        if step == self.fine_tune_from and self.settings.fine_tune:
            self.fine_tuning.fill_(True)
            return self.zero
        if step % self.context.steps_per_epoch or bool(self.fine_tuning):
            return None
        self.zero_for = {slot: torch.where(zero, self.zero_for[slot] + 1, 0) for slot, zero in self.zero.items()}
        return {slot: count >= self.settings.patience for slot, count in self.zero_for.items()}

    def select(self, selection: Selection) -> None:
        for slot in self.zero:
            self.zero[slot] = selection.take(self.zero[slot], slot)
            self.zero_for[slot] = selection.take(self.zero_for[slot], slot)

    def state(self) -> dict[str, Tensor]:
        zero = {f"zero {slot}": mask for slot, mask in self.zero.items()}
        return zero | {f"zero_for {slot}": n for slot, n in self.zero_for.items()} | {"fine_tuning": self.fine_tuning}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.fine_tuning = state["fine_tuning"]
        for slot in self.zero:
            self.zero[slot], self.zero_for[slot] = state[f"zero {slot}"], state[f"zero_for {slot}"]
