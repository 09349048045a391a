"""The hyper-prior, its flattened objective and its uniqueness, against quadrature and numerical minima."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from robustprune.analysis.theory.hyper_prior import (
    best_prior,
    cost,
    divergence,
    fixed_prior_optimum,
    flattened,
    log_constant,
    log_density,
    log_moment,
    profile,
    supported_posterior,
)

LOG_GAMMAS = st.floats(-12, 12).filter(lambda a: abs(a) > 1e-3)
CHANCES = st.floats(1e-4, 1 - 1e-4)
THREE = np.log(3)


def test_values_of_gamma_3_at_theta_0p3():
    assert best_prior(0.3, THREE) == pytest.approx(0.125, abs=1e-12)
    assert divergence(0.3, 0.125) == pytest.approx(0.106440, abs=5e-7)
    assert log_moment(0.125, THREE) == pytest.approx(0.223144, abs=5e-7)
    assert cost(0.3, 0.125, THREE) + log_constant(THREE) == pytest.approx(0.329584, abs=5e-7)
    assert flattened([0, 0.3, 1], THREE) + log_constant(THREE) == pytest.approx([0, 0.3 * THREE, THREE], abs=1e-12)


def test_a_price_of_real_training_does_not_overflow():
    """c = 3e-2 at N = 60,000 examples: gamma = e^1800."""
    assert log_constant(3e-2 * 60_000) == pytest.approx(1792.504458, abs=5e-7)
    assert flattened(0.5, 1800.0) == pytest.approx(900 - 1792.504458, abs=5e-7)
    assert np.isfinite(log_density([0.0, 0.5, 1.0], 1800.0)).all()


@pytest.mark.parametrize("log_gamma", [-5.0, -1e-6, 0.0, 1e-6, THREE, 9.0])
def test_the_density_integrates_to_one(log_gamma):
    found, _ = quad(lambda pi: np.exp(log_density(pi, log_gamma)), 0, 1, epsabs=1e-13, epsrel=1e-13)
    assert found == pytest.approx(1, abs=1e-12)


@given(theta=CHANCES, log_gamma=LOG_GAMMAS)
def test_the_minimum_over_the_prior_is_linear_in_theta(theta, log_gamma):
    """At pi* the cost is the flattened one to 1e-12, and no other pi costs less."""
    own = cost(theta, best_prior(theta, log_gamma), log_gamma)
    assert own == pytest.approx(flattened(theta, log_gamma), abs=1e-12, rel=1e-12)
    others = np.linspace(1e-6, 1 - 1e-6, 500)
    assert (cost(theta, others, log_gamma) >= own - 1e-12).all()


@given(pi=CHANCES, theta=CHANCES, log_gamma=LOG_GAMMAS)
def test_donsker_and_varadhan(pi, theta, log_gamma):
    """theta a - KL is at most ln E[e^(a xi)], and reaches it, to 1e-12, at one theta."""
    best = supported_posterior(pi, log_gamma)
    reached = best * log_gamma - divergence(best, pi)
    assert reached == pytest.approx(log_moment(pi, log_gamma), abs=1e-12, rel=1e-12)
    assert theta * log_gamma - divergence(theta, pi) <= reached + 1e-12


@given(pi=CHANCES, log_gamma=LOG_GAMMAS)
def test_every_prior_is_the_best_one_of_some_posterior(pi, log_gamma):
    """So equality in g(pi) >= b + ln(1 + (gamma - 1) pi) is forced everywhere, and the density is the only one."""
    assert best_prior(supported_posterior(pi, log_gamma), log_gamma) == pytest.approx(pi, rel=1e-9)


def test_a_linear_profile_gives_the_density_back():
    """The smallest -ln p that allows the profile theta a + b, from a grid of theta, normalised: the hyper-prior."""
    a, theta = 2.0, np.linspace(0, 1, 20_001)

    def allowed(pi):
        return (theta * a - divergence(theta, pi)).max()

    mass, _ = quad(lambda pi: np.exp(-allowed(pi)), 0, 1)
    for pi in (0.01, 0.3, 0.7, 0.99):
        assert -allowed(pi) - np.log(mass) == pytest.approx(log_density(pi, a), abs=1e-6)


OTHERS = {
    "uniform": lambda pi: np.zeros_like(pi),
    "beta(2, 2)": lambda pi: np.log(6 * pi * (1 - pi)),
    "beta(1, 3)": lambda pi: np.log(3) + 2 * np.log1p(-pi),
    "exponential": lambda pi: -2 * pi - np.log((1 - np.exp(-2)) / 2),
    "the hyper-prior squared": lambda pi: 2 * log_density(pi, 2.0),
}


def bend(log_prior):
    """The largest distance of a profile from the straight line through its ends."""
    theta = np.linspace(0, 1, 11)
    found = np.array([profile(log_prior, value) for value in theta])
    return np.abs(found - (found[0] + theta * (found[-1] - found[0]))).max()


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "uniform"])
def test_other_densities_have_a_bent_profile(name):
    assert bend(OTHERS[name]) > 1e-2


def test_the_numerical_profile_of_the_hyper_prior_is_straight():
    """The uniform density is its limit for gamma = 1."""
    for log_gamma in (-2.0, 2.0):
        assert bend(lambda pi, a=log_gamma: log_density(pi, a)) < 1e-9
        assert profile(lambda pi, a=log_gamma: log_density(pi, a), 0.3) == pytest.approx(flattened(0.3, log_gamma))
    assert bend(OTHERS["uniform"]) < 1e-9


@given(pi=st.floats(0.01, 0.99), slope=st.floats(-4, 4), strength=st.floats(0.5, 2))
def test_a_fixed_prior_has_its_optimum_inside(pi, slope, strength):
    examples = 2.0

    def objective(theta):
        return theta * slope + strength / examples * divergence(theta, pi)

    found = float(fixed_prior_optimum(pi, slope, examples, strength))
    assert 0 < found < 1
    numerical = minimize_scalar(objective, bounds=(0, 1), method="bounded", options={"xatol": 1e-12})
    assert objective(found) <= numerical.fun + 1e-12
    assert found == pytest.approx(numerical.x, abs=1e-4)


def test_a_fixed_prior_pulls_like_the_price_at_one_half():
    """The ablation of docs/method.md 7: pi = sigmoid(-N c) has its optimum at 1/2 where DL = -c."""
    examples, price = 60_000, 3e-4
    pi = 1 / (1 + np.exp(examples * price))
    assert fixed_prior_optimum(pi, -price, examples) == pytest.approx(0.5)
