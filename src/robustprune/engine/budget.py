"""What a cell may spend on training, in epochs or in multiply-accumulates, and how far it is (docs/protocol.md B5)."""

from dataclasses import replace

import numpy as np

from robustprune.engine.arithmetic import dense_training_macs
from robustprune.methods.parts.moment import Moment
from robustprune.starts.parts.base import Start
from robustprune.study.cells import Cell
from robustprune.study.training_settings import LONGEST


class Budget:
    """The budget of a cell. It belongs to the cell: what counts is the mean over its replicates.

    epochs: the number of epochs; where MACs are the budget, the largest number. macs: what dense training of the same
    start spends in the common epochs, None where epochs are the budget.
    """

    def __init__(self, cell: Cell, start: Start | None, images: int):
        """start: the start that the cell names as its method. images: the number of training images."""
        common = cell.training.epochs
        self.macs: float | None = None
        if cell.budget == "macs":
            self.macs = dense_training_macs(cell, images)
            self.epochs = start.longest(common) if start else LONGEST * common
        else:
            self.epochs = start.epochs(common) if start else common
        self.steps = images // cell.training.batch_size  # per epoch

    def first(self) -> Moment:
        """Return the moment before the first step."""
        return Moment(0, self.epochs * self.steps, self.steps, spent=None if self.macs is None else 0.0)

    def after_step(self, moment: Moment, spent: np.ndarray) -> Moment:
        """Return the moment after one more step; spent: the MACs of each replicate so far [R]."""
        return moment.after_step(self._share(spent))

    def after_epoch(self, moment: Moment, epoch: int, spent: np.ndarray) -> Moment:
        """Return the moment after an epoch, to resume from; spent as in after_step."""
        share = self._share(spent)
        resumed = replace(moment, step=epoch * self.steps, spent=share)
        return resumed if share is None else replace(resumed, before=resumed.progress)

    def _share(self, spent: np.ndarray) -> float | None:
        return None if self.macs is None else float(spent.mean() / self.macs)
