"""The priors of Bernoulli gates (docs/method.md sections 2 and 7): slopes, optima, and the learned pi."""

import math

import pytest
import torch
from conftest import after
from scipy.optimize import minimize_scalar
from test_bernoulli import found, make_method, step

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.starts.parts.registry import check_cell


def kl(theta, pi):
    """KL(Bern(theta) || Bern(pi))."""
    return theta * (theta.log() - math.log(pi)) + (1 - theta) * (torch.log1p(-theta) - math.log1p(-pi))


@pytest.mark.parametrize("pi", [0.1, 0.5, 0.9, math.exp(-18)])
def test_the_fixed_prior_adds_the_gradient_of_its_kl(pi):
    k, examples = 3.0, 500
    prior = make_method(prior="fixed", pi=pi, k=k, examples=examples).prior
    theta = torch.linspace(0.01, 0.99, 9, dtype=torch.float64).requires_grad_()
    (k / examples * kl(theta, pi)).sum().backward()
    estimate = torch.linspace(-1e-2, 1e-2, 9, dtype=torch.float64)
    torch.testing.assert_close(prior.slope(estimate, theta.detach(), None), estimate + theta.grad, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("pi", "k"), [(0.1, 1.0), (0.5, 2.0), (0.9, 0.5)])
@pytest.mark.parametrize("price", [1e-3, 2e-3])
def test_gates_settle_at_the_interior_optimum(pi, k, price):
    """theta = sigmoid(logit(pi) - N DL / k), whatever the price: it scales the steps only."""
    examples, slope = 1000, -1.5e-3
    method = make_method(examples=examples, price=price, prior="fixed", pi=pi, k=k, drift=0.02)
    for _ in range(3000):
        step(method, slope)
    expected = 1 / (1 + math.exp(examples * slope / k) * (1 - pi) / pi)
    assert torch.allclose(method.theta, torch.tensor(expected, dtype=torch.float64), atol=1e-6)


def test_the_learned_pi_minimises_the_kl_of_each_slot():
    """The mean of theta over the units that are left, per slot and replicate; padding does not count."""
    method = make_method(prior="fixed", pi="learned", examples=100)
    generator = torch.Generator().manual_seed(0)
    theta = method.theta.uniform_(0.05, 0.95, generator=generator)
    theta[1, 784 + 200 : 784 + 300] = 0.0  # padding in fc1
    slope = method.by_slot(method.prior.slope(torch.zeros_like(theta), theta, None))
    for slot, values in method.by_slot(theta).items():
        for replicate in range(2):
            own = values[replicate][values[replicate] > 0]

            def total(pi, own=own):
                return float(kl(own, pi).sum())

            best = minimize_scalar(total, bounds=(1e-4, 1 - 1e-4), method="bounded", options={"xatol": 1e-10}).x
            expected = (torch.logit(own) - math.log(best / (1 - best))) / 100
            torch.testing.assert_close(slope[slot][replicate][: len(own)], expected, rtol=0, atol=1e-7)


def test_removal_under_a_fixed_prior_follows_the_same_rule():
    """The first gate stays at 0.01 and its slope is positive; without pi, the shipped ablation, nothing leaves."""
    removed = {}
    for pi in (1e-3, None):
        method = make_method(steps=4, prior="fixed", pi=pi, drift=0.5)
        for number in range(1, 5):
            method.theta.fill_(0.5)
            method.theta[:, :2] = 0.01
            slope = torch.zeros_like(method.theta)
            slope[:, 1] = -1.0  # the data ask for it
            found(method, slope)
            method.step(None, None, None)
            removal = after(method, number)
        removed[pi] = removal
    assert removed[1e-3]["input"].nonzero().tolist() == [[0, 0], [1, 0]]
    assert removed[None] is None


def test_padding_stays_closed_under_a_fixed_prior(digits, make_cell):
    settings = {"price": 2e-3, "prior": "fixed", "pi": 0.05, "k": 4.0, "drift": 0.05}
    training = Training(make_cell("bernoulli", settings=settings, width=0.1, epochs=5), digits)
    remove = {"fc1": torch.zeros(2, 30, dtype=torch.bool)}
    remove["fc1"][0, ::2] = True
    training.remove(remove)
    training.run_epoch()
    theta = training.method.gates()["fc1"]
    assert (theta[0, 15:] == 0).all()
    assert (theta[1] > 0).all()
    assert theta.max() < 1


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"pi": 0.5}, "takes no pi"),
        ({"prior": "fixed", "k": 2.0}, "give pi as well"),
        ({"prior": "fixed", "pi": 1.0}, "not between 0 and 1"),
        ({"prior": "fixed", "pi": "learnt"}, "learned"),
    ],
)
def test_wrong_priors_name_the_key(make_cell, settings_, message):
    with pytest.raises(StudyError, match=message):
        check_cell(make_cell(settings={"price": 1e-3, **settings_}))
