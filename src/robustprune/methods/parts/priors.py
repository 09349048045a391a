"""Priors of Bernoulli gates: the slope that each adds to DL, and the domain of theta (docs/method.md 2 and 7)."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.study.strict import Strict

EDGE = 1e-6  # a prior pi in (0, 1) needs a finite logit(theta)
BySlot = Callable[[Tensor], Mapping[str, Tensor]]


class PriorSettings(Strict):
    """Prior on the gates."""

    prior: Literal["flattening", "fixed"] = Field(
        "flattening",
        description="fixed: Bern(pi) without a hyper-prior; without pi it is the ablation of the shipped results, "
        "pi = sigmoid(-N c) and no removal during training",
    )
    pi: float | Literal["learned"] | None = Field(
        None, description="pi of the fixed prior, or learned: the minimiser of the KL, one pi per slot"
    )
    k: float = Field(1.0, gt=0, description="strength of the fixed prior: factor on its KL")

    @model_validator(mode="after")
    def _prior(self) -> "PriorSettings":
        if self.prior == "flattening" and self.pi is not None:
            raise ValueError("pi is that of prior: fixed; the flattening hyper-prior takes no pi")
        if self.pi is None and self.k != 1:
            raise ValueError("k is the strength of prior: fixed with a pi; give pi as well, or leave k out")
        if isinstance(self.pi, float) and not 0 < self.pi < 1:
            raise ValueError(f"pi: {self.pi:g} is not between 0 and 1; the prior needs a finite logit(pi)")
        return self


class Prior(ABC):
    """A prior on theta [R, all gates].

    removes: whether units are removed during training.
    """

    removes = True

    @abstractmethod
    def slope(self, estimate: Tensor, theta: Tensor, price: Tensor) -> Tensor:
        """Return the slope of the objective in theta: the estimate of DL plus that of the prior."""

    def move(self, theta: Tensor, slope: Tensor, price: Tensor, size: float) -> None:
        """Apply the projected step theta <- P(theta - size * slope / price), in place; P clips to [0, 1]."""
        theta.addcdiv_(slope, price, value=-size).clamp_(0, 1)


class FlatteningPrior(Prior):
    """The hyper-prior whose cost is linear: its slope is the price c, and theta may reach 0 and 1."""

    def slope(self, estimate: Tensor, theta: Tensor, price: Tensor) -> Tensor:
        return estimate + price


class InteriorPrior(Prior):
    """A prior Bern(pi) without a hyper-prior: it pulls theta towards pi, so no theta reaches 0 or 1.

    theta of a unit is at least EDGE, so theta = 0 marks the padding.
    """

    def move(self, theta: Tensor, slope: Tensor, price: Tensor, size: float) -> None:
        padding = theta == 0
        theta.addcdiv_(slope, price, value=-size).clamp_(EDGE, 1 - EDGE).masked_fill_(padding, 0)


class FixedPrior(InteriorPrior):
    """The cost (k / N) KL(Bern(theta) || Bern(pi)); the price sets the step size only."""

    def __init__(self, weight: float, pi: float | str, by_slot: BySlot):
        """weight: k / N. pi: the prior's parameter, or "learned". by_slot: slot -> view of a tensor [R, all gates]."""
        self.weight, self.by_slot = weight, by_slot
        self.logit_pi = None if isinstance(pi, str) else math.log(pi) - math.log1p(-pi)

    def slope(self, estimate: Tensor, theta: Tensor, price: Tensor) -> Tensor:
        logit_pi = self._learned(theta) if self.logit_pi is None else self.logit_pi
        return estimate + self.weight * (logit(theta) - logit_pi)

    def _learned(self, theta: Tensor) -> Tensor:
        """Return logit(pi) of every gate; the slot's mean of theta minimises the sum of its gates' KL over pi."""
        slots = self.by_slot(theta).values()
        means = [(part.sum(1, keepdim=True) / (part > 0).sum(1, keepdim=True)).expand_as(part) for part in slots]
        return logit(torch.cat(means, 1))


class PricedPrior(InteriorPrior):
    """The fixed prior of the shipped ablation: k = 1, pi = sigmoid(-N c), and no removal during training."""

    removes = False

    def __init__(self, train_size: int):
        self.train_size = train_size

    def slope(self, estimate: Tensor, theta: Tensor, price: Tensor) -> Tensor:
        return (estimate + price).add_(logit(theta) / self.train_size)


def logit(theta: Tensor) -> Tensor:
    """Return log(theta / (1 - theta)) with theta kept in [EDGE, 1 - EDGE]."""
    return torch.logit(theta.clamp(EDGE, 1 - EDGE))


def make_prior(settings: PriorSettings, train_size: int, by_slot: BySlot) -> Prior:
    """Return the prior that the settings name; train_size: N."""
    if settings.prior == "flattening":
        return FlatteningPrior()
    if settings.pi is None:
        return PricedPrior(train_size)
    return FixedPrior(settings.k / train_size, settings.pi, by_slot)
