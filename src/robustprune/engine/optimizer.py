"""The optimizer over a stacked network: one fused kernel for R networks; its state is compacted with them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from robustprune.engine.compaction import Selection, select_own, select_parameters
from robustprune.methods.parts.base import Method
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.cells import Cell
from robustprune.study.training_settings import MOMENTUM

OWN = "method/"
Moments = dict[str, dict[str, Tensor]]
"""The optimizer's state by parameter name; names of a method's own parameters begin with OWN."""


class StackedOptimizer:
    """torch's fused Adam or SGD over the weights (with L2) and the method's own parameters (without).

    The L2 term is added to the gradient, or (weight_decay: decoupled) the weights shrink by lr * l2 before each step.
    """

    def __init__(self, cell: Cell, network: StackedNetwork, method: Method, rate: float, moments: Moments | None):
        """rate: the schedule's factor on every learning rate. moments: the state to continue from, if any."""
        own = {OWN + name: tensor.requires_grad_() for name, tensor in method.parameters.items()}
        # what has no entries belongs to a section that is gone; it gets no gradient
        self.named = {name: tensor for name, tensor in {**network.parameters, **own}.items() if tensor.numel()}
        settings = cell.training
        self.weights = [tensor for name, tensor in self.named.items() if name not in own]
        self.decay = settings.l2 if settings.weight_decay == "decoupled" else 0.0
        groups = [{"params": self.weights, "weight_decay": 0.0 if self.decay else settings.l2}]
        if trained := [tensor for name, tensor in self.named.items() if name in own]:
            rate_of_method = settings.learning_rate if method.learning_rate is None else method.learning_rate
            groups.append({"params": trained, "lr": rate_of_method})
        make = _Adam if settings.optimizer == "adam" else _sgd
        self.inner: torch.optim.Optimizer = make(groups, settings.learning_rate)
        self.update = self.inner.update if isinstance(self.inner, _Adam) else self.inner.step
        self.base = [group["lr"] for group in self.inner.param_groups]
        self.set_rate(rate)
        for name, state in (moments or {}).items():
            if name in self.named:
                self.inner.state[self.named[name]] = state

    def set_rate(self, rate: float) -> None:
        """Multiply every learning rate by the schedule's factor."""
        self.rate = rate
        for group, base in zip(self.inner.param_groups, self.base, strict=True):
            group["lr"] = base * rate

    def clear(self) -> None:
        """Drop all gradients."""
        for tensor in self.named.values():
            tensor.grad = None

    def step(self) -> None:
        """Update every parameter from its gradient."""
        if self.decay:
            torch._foreach_mul_(self.weights, 1 - self.inner.param_groups[0]["lr"] * self.decay)
        self.update()

    def moments(self) -> Moments:
        """Return the state by parameter name."""
        return {name: dict(self.inner.state[tensor]) for name, tensor in self.named.items()}

    def selected_moments(self, network: StackedNetwork, gated: Sequence[str], chosen: Selection) -> Moments:
        """Return the state after a compaction of `network`, indexed as the parameters are."""
        old = {name: values for name, values in self.moments().items() if values}  # none before a first gradient
        new: Moments = {name: {} for name in old}
        for moment in dict.fromkeys(key for state in old.values() for key in state):
            values = {name: state[moment] for name, state in old.items()}
            # step is one number per tensor
            selected = values if moment == "step" else self._selected(values, network, gated, chosen)
            for name, tensor in selected.items():
                new[name][moment] = tensor
        return new

    def _selected(
        self, values: dict[str, Tensor], network: StackedNetwork, gated: Sequence[str], chosen: Selection
    ) -> dict[str, Tensor]:
        """Return tensors in the shape of the parameters after a compaction, by parameter name."""
        weights = {name: tensor for name, tensor in values.items() if name in network.parameters}
        own = {name.removeprefix(OWN): values[name] for name in values.keys() - weights.keys()}
        selected = select_parameters(network.architecture, weights, chosen) if weights else {}
        return selected | {OWN + name: t for name, t in select_own(network, gated, own, chosen).items()}


class _Adam(torch.optim.Adam):
    """torch's fused Adam. On small networks `step` spends more time on its lists than on its one kernel."""

    def __init__(self, groups: list[dict], learning_rate: float):
        on_gpu = groups[0]["params"][0].is_cuda
        super().__init__(groups, lr=learning_rate, fused=True, capturable=on_gpu)

    def update(self) -> None:
        """Do what `step` does, by torch's functional form; by `step` itself where a gradient or a state is missing."""
        tensors = [tensor for group in self.param_groups for tensor in group["params"]]
        if any(tensor.grad is None or not self.state[tensor] for tensor in tensors):
            self.step()
            return
        for group in self.param_groups:
            states = [self.state[tensor] for tensor in group["params"]]
            adam(
                group["params"],
                [tensor.grad for tensor in group["params"]],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],  # without amsgrad there is no maximum of the averages
                [state["step"] for state in states],
                fused=True,
                capturable=group["capturable"],
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )


def _sgd(groups: list[dict], learning_rate: float) -> torch.optim.SGD:
    """Return SGD whose momentum begins at zero for every parameter.

    That equals torch's, which begins with the first gradient. Parameters that get their first gradient later than
    others then need no case of their own.
    """
    sgd = torch.optim.SGD(groups, lr=learning_rate, momentum=MOMENTUM, fused=True)
    for tensor in (tensor for group in groups for tensor in group["params"]):
        sgd.state[tensor]["momentum_buffer"] = torch.zeros_like(tensor)
    return sgd
