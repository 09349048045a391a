"""Adam over a stacked network: one fused kernel for R networks, whose state follows them through compactions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from robustprune.engine.compaction import Selection, select_own, select_parameters
from robustprune.methods.parts.base import Method
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.cells import Cell

OWN = "method/"
Moments = dict[str, dict[str, Tensor]]
"""Adam's state by parameter name; those of a method's own parameters begin with OWN."""


class StackedAdam:
    """torch's fused Adam over the weights (with L2) and the method's own parameters (without)."""

    def __init__(self, cell: Cell, network: StackedNetwork, method: Method, rate: float, moments: Moments | None):
        """rate: the schedule's factor on every learning rate; moments: the state to go on from."""
        own = {OWN + name: tensor.requires_grad_() for name, tensor in method.parameters.items()}
        self.named = {**network.parameters, **own}
        settings = cell.training
        groups = [{"params": list(network.parameters.values()), "weight_decay": settings.l2}]
        if own:
            groups.append({"params": list(own.values()), "lr": method.learning_rate or settings.learning_rate})
        on_gpu = next(iter(network.parameters.values())).is_cuda
        self.adam = torch.optim.Adam(groups, lr=settings.learning_rate, fused=True, capturable=on_gpu)
        self.base = [group["lr"] for group in self.adam.param_groups]
        self.set_rate(rate)
        for name, state in (moments or {}).items():
            self.adam.state[self.named[name]] = state

    def set_rate(self, rate: float) -> None:
        """Multiply every learning rate by the schedule's factor."""
        self.rate = rate
        for group, base in zip(self.adam.param_groups, self.base, strict=True):
            group["lr"] = base * rate

    def clear(self) -> None:
        """Forget the gradients."""
        for tensor in self.named.values():
            tensor.grad = None

    def step(self) -> None:
        """Update every parameter from its gradient."""
        self.adam.step()

    def moments(self) -> Moments:
        """The state by parameter name."""
        return {name: dict(self.adam.state[tensor]) for name, tensor in self.named.items()}

    def selected_moments(self, network: StackedNetwork, gated: Sequence[str], chosen: Selection) -> Moments:
        """The state after a compaction of `network`, indexed like the parameters."""
        old = {name: values for name, values in self.moments().items() if values}  # none before a first gradient
        new: Moments = {name: {"step": values["step"]} for name, values in old.items()}
        for moment in ("exp_avg", "exp_avg_sq"):
            values = {name: state[moment] for name, state in old.items()}
            weights = {name: tensor for name, tensor in values.items() if name in network.parameters}
            own = {name.removeprefix(OWN): values[name] for name in values.keys() - weights.keys()}
            selected = select_parameters(network.architecture, weights, chosen) if weights else {}
            for name, tensor in selected.items():
                new[name][moment] = tensor
            for name, tensor in select_own(network, gated, own, chosen).items():
                new[OWN + name][moment] = tensor
        return new
