"""The progress of training, as far as a method may know it."""

from dataclasses import dataclass, replace

ROUNDING = 1e-9  # shares such as 3 of 4 epochs reach their fraction although their floats differ


@dataclass(frozen=True)
class Moment:
    """A moment between two training steps.

    step: number of training steps done. total: number of steps of the whole training, or of the longest one where MACs
    are the budget. rate: factor that the schedule applies to every learning rate in the next step. spent: share of the
    MACs that the cell may spend and has spent, None where epochs are the budget. before: progress before the last step,
    kept where MACs are the budget. Fractions are fractions of the whole training.
    """

    step: int
    total: int
    steps_per_epoch: int
    rate: float = 1.0
    spent: float | None = None
    before: float = 0.0

    @property
    def progress(self) -> float:
        """The share of the whole training that is done; training ends with the epoch in which it reaches 1."""
        steps = self.step / self.total
        return steps if self.spent is None else max(self.spent, steps)

    def after_step(self, spent: float | None) -> "Moment":
        """Return the moment after one more step; spent: the share of the MACs that is spent then, if they count."""
        if spent is None:
            return replace(self, step=self.step + 1)
        return replace(self, step=self.step + 1, spent=spent, before=self.progress)

    @property
    def epoch_end(self) -> bool:
        """Whether the last step ended an epoch."""
        return self.step > 0 and self.step % self.steps_per_epoch == 0

    def reached(self, fraction: float) -> bool:
        """Return whether this fraction of the training is done."""
        if self.spent is not None:
            return self.progress >= fraction - ROUNDING
        return self.step >= round(fraction * self.total)

    def crossed(self, fraction: float) -> bool:
        """Return whether the last step reached this fraction: true at one moment, after the first step or later."""
        if self.spent is not None:
            return self.step > 0 and self.reached(fraction) and (self.step == 1 or self.before < fraction - ROUNDING)
        return self.step == max(1, round(fraction * self.total))

    def in_last(self, fraction: float) -> bool:
        """Return whether training is in its last part of this size: never before the first step, never for size 0."""
        return fraction > 0 and self.step > 0 and self.reached(1 - fraction)

    def ramp(self, first: float, last: float) -> float:
        """Return the weight of a linear warm-up in the next step: 0 before the fraction `first`, 1 after `last`."""
        if self.spent is not None:
            return float(self.reached(last)) if last <= first else min(1.0, max(0.0, self._part(first, last)))
        begin, end = round(first * self.total), round(last * self.total)
        return min(1.0, max(0.0, (self.step - begin + 1) / max(1, end - begin)))

    def _part(self, first: float, last: float) -> float:
        """Return how far progress is from the fraction `first` to the fraction `last`."""
        return (self.progress - first) / (last - first)
