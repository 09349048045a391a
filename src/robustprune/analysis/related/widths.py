"""Smallest widths that fit N images, and their growth with N (docs/related.md 4, docs/protocol.md B27).

A width fits if at least FITTING of its seeds' networks make no error on the training images, at one learning rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from robustprune.analysis.resampling import SEED
from robustprune.analysis.statistics import LEAST, Estimate

FITTING = 2 / 3
RESAMPLES = 2000
CLASSES = 10
PIXELS = 784

Wrong = Mapping[int, ArrayLike]
"""Width -> wrongly classified images [..., seeds], a row per learning rate where there are several; NaN: diverged."""


def fits(wrong: ArrayLike) -> NDArray[np.bool_]:
    """Return for counts of errors [rates, ..., seeds] whether enough seeds fit at some rate, bool [...]."""
    fitted = np.asarray(wrong, float) == 0
    return (fitted.mean(axis=-1) >= FITTING - 1e-9).any(axis=0)


def smallest_width(wrong: Wrong) -> float:
    """Return the first width, from below, that fits; NaN where none does."""
    by_width = {width: np.atleast_2d(np.asarray(counts, float)) for width, counts in wrong.items()}
    return next((float(width) for width in sorted(by_width) if fits(by_width[width])), np.nan)


def resampled_widths(wrong: Wrong) -> NDArray[np.float64]:
    """Return the smallest width [RESAMPLES] for seeds that are drawn again with replacement, all rates with their seed.

    The draws have a fixed seed, the same for every number of images.
    """
    widths = sorted(wrong)
    counts = np.stack([np.atleast_2d(np.asarray(wrong[width], float)) for width in widths])  # [widths, rates, seeds]
    seeds = counts.shape[2]
    drawn = np.random.default_rng(SEED).integers(0, seeds, (RESAMPLES, seeds))
    fitting = np.stack([fits(own[:, drawn]) for own in counts], axis=1)  # [resamples, widths]
    first = np.asarray(widths, float)[fitting.argmax(axis=1)]
    return np.where(fitting.any(axis=1), first, np.nan)


def counting_floor(examples: ArrayLike) -> NDArray[np.float64]:
    """Return the units at which 784-m-10 has as many parameters as N labels have numbers to fit, 10 N = 795 m + 10."""
    return (CLASSES * np.asarray(examples, float) - CLASSES) / (PIXELS + 1 + CLASSES)


def shallow_params(width: Estimate) -> Estimate:
    """Return the parameters of 784-m-10 for a width m."""
    mean, low, high = ((PIXELS + 1 + CLASSES) * units + CLASSES for units in (width.mean, width.low, width.high))
    return Estimate(mean, low, high, width.n)


@dataclass(frozen=True)
class Curve:
    """Smallest widths of one kind of labels.

    examples [k], ascending; widths [k], NaN where none fits; draws [k, RESAMPLES], with seeds drawn again; seeds: how
    many there are.
    """

    examples: NDArray[np.float64]
    widths: NDArray[np.float64]
    draws: NDArray[np.float64]
    seeds: int

    @classmethod
    def of(cls, runs: pd.DataFrame) -> "Curve":
        """Return the curve of networks (rows of experiments/smallest_width) of one kind of labels and one factor."""
        wrong = {int(count): wrong_by_width(own) for count, own in runs.groupby("examples")}
        examples = np.array(sorted(wrong), float)
        widths = np.array([smallest_width(wrong[int(count)]) for count in examples])
        draws = np.stack([resampled_widths(wrong[int(count)]) for count in examples])
        return cls(examples, widths, draws, int(runs["seed"].nunique()))

    def at(self, place: int, confidence: float) -> Estimate:
        """Return a smallest width with its percentile interval over seeds."""
        return self._estimate(float(self.widths[place]), self.draws[place], confidence)

    def only(self, examples: ArrayLike) -> "Curve":
        """Return the curve at these numbers of images."""
        chosen = np.isin(self.examples, np.asarray(examples, float))
        return Curve(self.examples[chosen], self.widths[chosen], self.draws[chosen], self.seeds)

    def slope(self, confidence: float) -> Estimate:
        """Return the slope of log width on log N with its percentile interval; NaN below two numbers of images."""
        if len(self.examples) < 2:
            return Estimate(np.nan, np.nan, np.nan, self.seeds)
        value, draws = (log_line(self.examples, widths)[0] for widths in (self.widths, self.draws.T))
        return self._estimate(float(value), np.asarray(draws), confidence)

    def predicted(self, count: float, confidence: float) -> Estimate:
        """Return the width at another number of images, by the line through the logarithms; NaN as for the slope."""
        if len(self.examples) < 2:
            return Estimate(np.nan, np.nan, np.nan, self.seeds)
        values = []
        for widths in (self.widths, self.draws.T):
            slope, at_one = log_line(self.examples, widths)
            values.append(np.exp(at_one + slope * np.log(count)))
        return self._estimate(float(values[0]), np.asarray(values[1]), confidence)

    def _estimate(self, value: float, draws: NDArray[np.float64], confidence: float) -> Estimate:
        known = draws[~np.isnan(draws)]
        if self.seeds < LEAST or len(known) < len(draws):  # some draws of seeds fit at no width that was tried
            return Estimate(value, np.nan, np.nan, self.seeds)
        low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Estimate(value, float(low), float(high), self.seeds)


def wrong_by_width(runs: pd.DataFrame) -> dict[int, NDArray[np.float64]]:
    """Return width -> wrongly classified images [rates, seeds] of the networks of one number of images."""
    return {
        int(width): own.pivot(index="learning_rate", columns="seed", values="wrong").to_numpy(float)
        for width, own in runs.groupby("width")
    }


def log_line(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slope and intercept of log y [..., k] on log x [k] by least squares."""
    logs, values = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    centred = logs - logs.mean()
    slope = values @ centred / (centred @ centred)
    return slope, values.mean(axis=-1) - slope * logs.mean()
