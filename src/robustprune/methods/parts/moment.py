"""The progress of training, as far as a method may know it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """A moment between two training steps.

    step: number of training steps done. total: number of steps of the whole training. rate: factor that the schedule
    applies to every learning rate in the next step. Fractions are fractions of the whole training.
    """

    step: int
    total: int
    steps_per_epoch: int
    rate: float = 1.0

    @property
    def epoch_end(self) -> bool:
        """Whether the last step ended an epoch."""
        return self.step > 0 and self.step % self.steps_per_epoch == 0

    def reached(self, fraction: float) -> bool:
        """Return whether this fraction of the training is done."""
        return self.step >= round(fraction * self.total)

    def crossed(self, fraction: float) -> bool:
        """Return whether the last step reached this fraction: true at one moment, after the first step or later."""
        return self.step == max(1, round(fraction * self.total))

    def in_last(self, fraction: float) -> bool:
        """Return whether training is in its last part of this size: never before the first step, never for size 0."""
        return fraction > 0 and self.step > 0 and self.reached(1 - fraction)

    def ramp(self, first: float, last: float) -> float:
        """Return the weight of a linear warm-up in the next step: 0 before the fraction `first`, 1 after `last`."""
        begin, end = round(first * self.total), round(last * self.total)
        return min(1.0, max(0.0, (self.step - begin + 1) / max(1, end - begin)))
