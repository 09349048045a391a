"""Probes: what an experiment reads of a training while it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustprune.engine.training import Training


class Probe:
    """Callbacks into a training for experiments; these read nothing.

    A probe may read everything and change nothing: no parameter, no buffer, no draw from `training.noise`, a generator
    or `training.batches`. Records are then the same with and without it. Its time does not count as training time.
    """

    def after_step(self, training: "Training") -> None:
        """Look at the training after a step, and after the removal that may follow the step."""

    def after_epoch(self, training: "Training") -> None:
        """Look at the training after an epoch, when the history has noted it."""

    def write(self, folder: Path) -> None:
        """Write what was read beside the cell's record."""


def untimed(look: Callable[["Training"], None], training: "Training") -> float:
    """Let a probe look at a training; return the seconds that this took on the training's clock."""
    before = training.clock()
    look(training)
    return training.clock() - before
