"""When rules of removal would have removed each unit, in a training that removes none (docs/theory.md 8)."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from robustprune.engine.training import Training
from robustprune.experiments.probes.base import GateProbe, long, method_of, places
from robustprune.methods.bernoulli import Bernoulli
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.window import RemovalWindow


@dataclass(frozen=True)
class MeanRule:
    """Remove where the mean of theta over a window is at most `below`, and its mean slope is positive.

    every: the steps of a window; None: an epoch. sloped: whether the slope counts.
    """

    below: float
    every: int | None = None
    sloped: bool = True

    def asks(self, theta: Tensor, slope: Tensor) -> Tensor:
        """Return for which units [R, gates] it asks, given the means over a window."""
        asked = theta <= self.below
        return asked & (slope > 0) if self.sloped else asked


MEANS = {
    "mean_0p01": MeanRule(0.01),
    "mean_0p02": MeanRule(0.02),
    "mean_0p05": MeanRule(0.05),
    "mean_0p1": MeanRule(0.1),
    "mean_0p2": MeanRule(0.2),
    "mean_0p02_any_slope": MeanRule(0.02, sloped=False),
    "mean_0p02_100_steps": MeanRule(0.02, 100),
    "mean_0p1_100_steps": MeanRule(0.1, 100),
}
"""The method's rule is mean_0p02."""
VISIT = "visit"
"""Remove when theta is 0 once."""
ENDS = {"end_0p02": 0.02, "end_0p5": 0.5}
"""Remove where theta is below this at the end of an epoch."""
CLOSED = "closed"
"""No rule: the gate is closed at the end of training."""
RULES = (*MEANS, VISIT, *ENDS, CLOSED)


class Window:
    """Sums of theta and of its slope since the windows of one length opened; they end where the method's would."""

    def __init__(self, method: Bernoulli, every: int | None):
        settings = method.settings
        begin = round(settings.pretrain * method.context.moment.total)
        self.window = RemovalWindow.after(settings.theta_start, settings.drift, begin, every)
        self.before = tuple(torch.zeros_like(total) for total in _sums(method))

    def after_step(self, method: Bernoulli) -> tuple[Tensor, Tensor] | None:
        """Return mean theta and mean slope [R, all gates] of the window that ends with this step, or None."""
        if self.window.opens(method.moment):
            self.before = _sums(method)
        length = self.window.length(method.moment)
        if length is None:
            return None
        sums, before = _sums(method), self.before
        self.before = sums
        theta, slope = ((now - then) / length for now, then in zip(sums, before, strict=True))
        return theta, slope


def _sums(method: Bernoulli) -> tuple[Tensor, Tensor]:
    """Return copies of the sums of theta and slope over the training."""
    return method.buffers["gated.theta_sum"].clone(), method.buffers["gated.slope_sum"].clone()


class Removals(GateProbe):
    """Notes the epoch in which each rule first asks for each unit; rules look from the first window on."""

    columns = ("replicate", "slot", "unit", "rule", "epoch", "theta_end")

    def __init__(self) -> None:
        self.epochs: dict[str, Tensor] = {}
        self.windows: dict[int | None, Window] = {}
        self.theta: Tensor | None = None

    def after_step(self, training: Training) -> None:
        """Let every rule look at the gates."""
        method = method_of(training)
        if not self.epochs:
            self._begin(method)
        if not method.sampling:
            return
        for rule, asked in self._asked(method):
            self._note(rule, asked, method.moment)
        if training.moment.reached(1):
            self._end(method)

    def _begin(self, method: Bernoulli) -> None:
        self.epochs = {rule: torch.full_like(method.theta, torch.nan) for rule in RULES}
        self.windows = {every: Window(method, every) for every in {rule.every for rule in MEANS.values()}}
        self.first = self.windows[None].window.first
        self.at = places(method)

    def _asked(self, method: Bernoulli) -> Iterator[tuple[str, Tensor]]:
        """Yield rule and bool [R, all gates]: the units that it asks for after this step."""
        if method.moment.step > self.first:
            yield VISIT, method.theta == 0
            if method.moment.epoch_end:
                yield from ((rule, method.theta < below) for rule, below in ENDS.items())
        for every, window in self.windows.items():
            ended = window.after_step(method)
            if ended is not None:
                yield from ((name, rule.asks(*ended)) for name, rule in MEANS.items() if rule.every == every)

    def _note(self, rule: str, asked: Tensor, moment: Moment) -> None:
        first = asked & self.epochs[rule].isnan()
        self.epochs[rule].masked_fill_(first, moment.step / moment.steps_per_epoch)

    def _end(self, method: Bernoulli) -> None:
        self._note(CLOSED, method.theta <= 0.5, method.moment)
        self.theta = method.theta.clone()

    def table(self) -> pd.DataFrame:
        """Return a row per unit and rule that asked for it; theta_end: its keep probability after training."""
        if self.theta is None:  # the training has stopped before its end
            return pd.DataFrame(columns=list(self.columns))
        tables = [long(self.at, epoch=epochs, theta_end=self.theta) for epochs in self.epochs.values()]
        rows = pd.concat(tables, keys=self.epochs, names=["rule"]).reset_index("rule")
        return rows.dropna(subset="epoch").reset_index(drop=True)[list(self.columns)]
