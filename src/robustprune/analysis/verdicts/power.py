"""The probability that a question of equivalence over widths can be answered, before the runs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from robustprune.analysis.verdicts.decision import LEVEL
from robustprune.analysis.verdicts.effect import simultaneous
from robustprune.analysis.verdicts.equal_size import MARGIN as NOT_WORSE
from robustprune.analysis.verdicts.over_starts import ERROR_MARGIN, SIZE_MARGIN, SIZE_MARGINS, SLOT_MARGIN

SEED = 0
DRAWS = 4_000
WIDTHS = 4
"""Widths beside width 1: 0.5, 2, 4 and 8."""
BASELINES = 12
NS = (3, 5, 10)


@dataclass(frozen=True)
class Question:
    """What is asked: the quantity, its standard deviation over seeds, and the margin, all in one unit.

    paired: not the widths of one method are compared but the method with each of `count` baselines, by seed and on one
    side; sd is then that of the difference. quantities: of size, error and slots, which one verdict compares together.
    """

    title: str
    sd: float
    margin: float
    count: int = WIDTHS
    paired: bool = False
    quantities: int = 1

    @property
    def family(self) -> int:
        """The comparisons of the verdict, at whose simultaneous level a no is told (docs/protocol.md, B8)."""
        return self.count * self.quantities


TOGETHER = 5
"""Size, error and the three slots of LeNet-300-100 share one verdict; LeNet-5 has one slot more."""
QUESTIONS = (
    Question("LeNet-300-100, size, sd 3.5 %", 0.035, float(np.log1p(SIZE_MARGIN)), quantities=TOGETHER),
    Question("LeNet-5, size, sd 5 %", 0.05, float(np.log1p(SIZE_MARGINS["lenet5"])), quantities=TOGETHER + 1),
    Question("LeNet-5, size, sd 8 %", 0.08, float(np.log1p(SIZE_MARGINS["lenet5"])), quantities=TOGETHER + 1),
    Question("units of one slot, sd 5 %", 0.05, float(np.log1p(SLOT_MARGIN)), quantities=TOGETHER),
    Question("units of one slot, sd 10 %", 0.10, float(np.log1p(SLOT_MARGIN)), quantities=TOGETHER),
    Question("test error, sd 0.07 points", 0.07, ERROR_MARGIN, quantities=TOGETHER),
    Question("test error, sd 0.10 points", 0.10, ERROR_MARGIN, quantities=TOGETHER),
    Question("not worse than one baseline, sd 0.10 points", 0.10 * 2**0.5, NOT_WORSE, 1, paired=True),
    Question(f"not worse than {BASELINES} baselines, sd 0.10 points", 0.10 * 2**0.5, NOT_WORSE, BASELINES, paired=True),
)


@dataclass(frozen=True)
class Power:
    """Probabilities in percent: of yes where nothing differs or all by half the margin, of no at twice the margin."""

    question: Question
    n: int
    yes_without_difference: float
    yes_at_half: float
    no_at_twice: float


def power_table() -> Iterator[Power]:
    """Yield the power of every question at every n, by simulation of normal samples with a fixed seed."""
    for question in QUESTIONS:
        for n in NS:
            same, half, twice = (answers(question, n, shift * question.margin) for shift in (0.0, 0.5, 2.0))
            yield Power(question, n, 100 * same[0], 100 * half[0], 100 * twice[1])


def answers(question: Question, n: int, shift: float, draws: int = DRAWS) -> tuple[float, float]:
    """Return the shares of yes and of no where every comparison's true value is `shift`.

    The rules are those of `decision`, for many simulated studies at once.
    """
    values, errors, freedom = _simulated(question, n, shift, draws)

    def ends(level: float) -> tuple[np.ndarray, np.ndarray]:
        half = special.stdtrit(freedom, (1 + level) / 2) * errors  # Student's t quantile
        return values - half, values + half

    low, high = ends(LEVEL)
    inside = (high < question.margin) & ((low > -question.margin) | question.paired)
    low, high = ends(simultaneous(LEVEL, question.family))
    outside = (low >= question.margin) | ((high <= -question.margin) & (not question.paired))
    return float(inside.all(axis=1).mean()), float(outside.any(axis=1).mean())


def _simulated(question: Question, n: int, shift: float, draws: int) -> tuple[np.ndarray, ...]:
    """Return estimates, standard errors and degrees of freedom, each [draws, count].

    The differences share the sample of width 1, or of the method that is compared with the baselines.
    """
    rng = np.random.default_rng(SEED)
    sd = question.sd / np.sqrt(2) if question.paired else question.sd
    samples = sd * rng.standard_normal((draws, question.count + 1, n))
    if question.paired:
        differences = samples[:, :1] - samples[:, 1:] + shift
        errors = differences.std(axis=2, ddof=1) / np.sqrt(n)
        return differences.mean(axis=2), errors, np.full_like(errors, n - 1)
    means, variances = samples.mean(axis=2), samples.var(axis=2, ddof=1) / n
    both = variances[:, 1:] + variances[:, :1]
    freedom = both**2 / ((variances[:, 1:] ** 2 + variances[:, :1] ** 2) / (n - 1))
    return means[:, 1:] - means[:, :1] + shift, np.sqrt(both), freedom
