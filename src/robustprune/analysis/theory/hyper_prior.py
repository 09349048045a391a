"""The hyper-prior of a gate, its flattened objective and why no other density has one (docs/theory.md 2 and 3).

Everything takes ln(gamma), since a price of 3e-2 at 60,000 examples is ln(gamma) = 1800. Negative values are gamma < 1.
Arguments are numbers or arrays of one shape; divergences and logarithms are in nats.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, rel_entr

Values = NDArray[np.float64]
LOGITS = np.linspace(-30, 30, 601)
"""Logits of prior probabilities on which the minimum for any density is first looked for."""


def log_constant(log_gamma: ArrayLike) -> Values:
    """Return ln((gamma - 1) / ln(gamma)), the logarithm of the density at 0; 0 for gamma = 1."""
    a = np.asarray(log_gamma, dtype=float)
    size = np.where(a == 0, 1, np.abs(a))
    return np.where(a == 0, 0, np.maximum(a, 0) + np.log(-np.expm1(-size)) - np.log(size))


def log_moment(pi: ArrayLike, log_gamma: ArrayLike) -> Values:
    """Return ln E[gamma^xi] = ln(1 + (gamma - 1) pi) for xi ~ Bernoulli(pi).

    By Donsker and Varadhan it is the supremum over theta of theta ln(gamma) - KL(Bern(theta) || Bern(pi)).
    """
    pi = np.asarray(pi, dtype=float)
    with np.errstate(divide="ignore"):
        return np.logaddexp(np.log1p(-pi), np.log(pi) + log_gamma)


def log_density(pi: ArrayLike, log_gamma: ArrayLike) -> Values:
    """Return ln p(pi | gamma) of the hyper-prior, p = (gamma - 1) / (ln(gamma) (1 + (gamma - 1) pi)) on [0, 1]."""
    return log_constant(log_gamma) - log_moment(pi, log_gamma)


def divergence(theta: ArrayLike, pi: ArrayLike) -> Values:
    """Return KL(Bern(theta) || Bern(pi))."""
    theta, pi = np.asarray(theta, dtype=float), np.asarray(pi, dtype=float)
    return rel_entr(theta, pi) + rel_entr(1 - theta, 1 - pi)


def cost(theta: ArrayLike, pi: ArrayLike, log_gamma: ArrayLike) -> Values:
    """Return KL(Bern(theta) || Bern(pi)) - ln p(pi | gamma): what a gate costs before pi is minimised out."""
    return divergence(theta, pi) - log_density(pi, log_gamma)


def best_prior(theta: ArrayLike, log_gamma: ArrayLike) -> Values:
    """Return pi*(theta) = theta / (gamma - (gamma - 1) theta), which minimises the cost.

    Its logit is that of theta minus ln(gamma).
    """
    return expit(logit(np.asarray(theta, dtype=float)) - log_gamma)


def supported_posterior(pi: ArrayLike, log_gamma: ArrayLike) -> Values:
    """Return the only theta at which Donsker and Varadhan's supremum is attained: the inverse of best_prior."""
    return expit(logit(np.asarray(pi, dtype=float)) + log_gamma)


def flattened(theta: ArrayLike, log_gamma: ArrayLike) -> Values:
    """Return the minimum of the cost over pi: theta ln(gamma) - ln((gamma - 1) / ln(gamma)), linear in theta."""
    return np.asarray(theta, dtype=float) * log_gamma - log_constant(log_gamma)


def profile(log_prior: Callable[[Values], Values], theta: float) -> float:
    """Return min over pi of KL(Bern(theta) || Bern(pi)) - log_prior(pi), found numerically, for any density on (0, 1).

    log_prior: takes an array of probabilities; continuous. The minimum is looked for at logits within 30.
    """

    def at(place: float) -> float:
        pi = expit(np.asarray([place]))
        return float((divergence(theta, pi) - log_prior(pi))[0])

    coarse = divergence(theta, expit(LOGITS)) - log_prior(expit(LOGITS))
    nearest = LOGITS[int(np.argmin(coarse))]
    step = LOGITS[1] - LOGITS[0]
    found = minimize_scalar(at, bounds=(nearest - step, nearest + step), method="bounded", options={"xatol": 1e-10})
    return min(float(found.fun), float(coarse.min()))


def fixed_prior_optimum(pi: ArrayLike, slope: ArrayLike, examples: float, strength: float = 1.0) -> Values:
    """Return the theta in (0, 1) that minimises theta * slope + (strength / examples) KL(Bern(theta) || Bern(pi)).

    slope: DL, the mean cross-entropy with the gate open minus that with it closed. This is the objective without a
    hyper-prior: its optimum is never 0 or 1.
    """
    return expit(logit(np.asarray(pi, dtype=float)) - examples * np.asarray(slope, dtype=float) / strength)
