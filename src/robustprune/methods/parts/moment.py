"""A moment of training: what a method may know about how far training is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """A moment between two training steps.

    step: training steps done; total: training steps of the whole training; rate: factor on every learning rate that the
    schedule applies to the next step. Fractions are fractions of the whole training.
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
        """Whether this fraction of the training is done."""
        return self.step >= round(fraction * self.total)

    def crossed(self, fraction: float) -> bool:
        """Whether the last step reached this fraction: true at one moment, after the first step at the earliest."""
        return self.step == max(1, round(fraction * self.total))

    def in_last(self, fraction: float) -> bool:
        """Whether training is in its last part of this size; never before the first step, nor where the part is 0."""
        return fraction > 0 and self.step > 0 and self.reached(1 - fraction)

    def ramp(self, first: float, last: float) -> float:
        """How far the next step is on the way from one fraction to another, 0 to 1: the weight in a warm-up."""
        begin, end = round(first * self.total), round(last * self.total)
        return min(1.0, max(0.0, (self.step - begin + 1) / max(1, end - begin)))
