"""The method's formulas (docs/method.md), its step, its pruning condition, its ablation."""

import math

import pytest
import torch
from conftest import after
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.bernoulli import Bernoulli, BernoulliSettings
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.noise import Noise
from robustprune.networks.architecture import architecture
from robustprune.starts.parts.registry import check_cell
from robustprune.study.training_settings import TrainingSettings


def make_method(replicates=2, steps=4, examples=1000, width=1.0, **values) -> Bernoulli:
    arch = architecture("lenet_300_100")
    context = Context(
        architecture=arch,
        gated=arch.gated("full"),
        units=arch.units(width),
        replicates=replicates,
        train_size=examples,
        batch_size=8,
        moment=Moment(0, steps, steps),
        noise=Noise([torch.Generator().manual_seed(r) for r in range(replicates)], arch.units(width)),
        dtype=torch.float64,
    )
    return Bernoulli(BernoulliSettings(**({"price": 1e-3} | values)), context)


def found(method, slope):
    """Let the backward pass have found a mean gradient of `slope` at every gate, open or closed."""
    t = method.theta.clamp(0.05, 0.95)
    method.buffers["gated.opened"].copy_(slope * t)
    method.buffers["gated.closed"].copy_(slope * (1 - t))


def step(method, slope):
    """One step in which the estimator found DL = slope everywhere."""
    found(method, slope)
    method.step(None, None, None)


def test_hyper_prior_flattens_the_entropy():
    """Section 2: the density integrates to one, and min over pi of KL - ln p is theta ln(gamma) up to a constant."""
    gamma, theta = 3.0, 0.3

    def density(pi):
        return (gamma - 1) / (math.log(gamma) * (1 + (gamma - 1) * pi))

    def cost(pi):
        kl = theta * math.log(theta / pi) + (1 - theta) * math.log((1 - theta) / (1 - pi))
        return kl - math.log(density(pi))

    assert quad(density, 0, 1)[0] == pytest.approx(1)
    found = minimize_scalar(cost, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-10})
    assert found.x == pytest.approx(theta / (gamma - (gamma - 1) * theta), abs=1e-6)
    assert found.x == pytest.approx(0.125, abs=1e-6)
    assert found.fun + math.log((gamma - 1) / math.log(gamma)) == pytest.approx(theta * math.log(gamma), abs=1e-9)
    assert theta * math.log(gamma) == pytest.approx(0.329584, abs=1e-6)


def test_an_idle_gate_moves_by_the_drift_whatever_its_price():
    method = make_method(price={"input": 1e-4, "fc1": 1e-3, "fc2": 1e-2}, drift=3e-3)
    step(method, 0.0)
    assert torch.allclose(method.theta, torch.tensor(0.5 - 3e-3, dtype=torch.float64))


def test_gates_are_projected_onto_the_unit_interval():
    method = make_method()
    for slope, end in ((-1.0, 1.0), (1.0, 0.0)):
        step(method, slope)
        assert (method.theta == end).all()


def test_removal_needs_a_low_mean_over_the_epoch_and_a_positive_slope():
    """A single visit to zero is not enough, nor is a low mean while the data want the unit back."""
    method = make_method(steps=4)
    for number in range(1, 5):
        method.theta[:, :2] = 0.0
        method.theta[:, 2] = 0.0 if number == 2 else 0.5  # visits zero once: stays
        slope = torch.full_like(method.theta, -1.0)
        slope[:, 0] = 0.0  # at zero all epoch, its price not earned: goes
        slope[:, 1] = -1.0 if number == 4 else 0.0  # at zero, but the data ask for it: stays
        found(method, slope)
        method.step(None, None, None)
        removal = after(method, number)
        assert (removal is None) == (number < 4)
    assert removal["input"].nonzero().tolist() == [[0, 0], [1, 0]]
    assert not removal["fc1"].any()
    assert (method.buffers["gated.theta_sum"] == 0).all()


def test_the_window_opens_when_an_idle_gate_can_be_at_zero():
    """theta starts at 0.5 and falls 0.1 a step: five steps do not count, and a window is at least half an epoch."""
    for steps, found in ((12, [12]), (8, [16]), (6, [12])):
        method = make_method(steps=steps, drift=0.1)
        removed = []
        for number in range(1, 17):
            step(method, 0.0)
            removal = after(method, number)
            if removal is not None and removal["fc2"].all():
                removed.append(number)
        assert removed[0] == found[0]


def test_the_mean_is_over_the_window_not_the_epoch():
    """Seven of twelve steps at 0.03: the mean is above 0.02, a twelfth of the sum is not."""
    method = make_method(steps=12, drift=0.1)
    for number in range(1, 13):
        method.theta.fill_(0.03)
        step(method, 0.0)
        removal = after(method, number)
    assert not any(slot.any() for slot in removal.values())


def test_fixed_prior_settles_inside():
    """Section 2's contrast: with a fixed prior the optimum is theta = sigmoid(logit(pi) - N DL), never 0 or 1."""
    price, examples = 2e-3, 1000
    method = make_method(examples=examples, price=price, prior="fixed", drift=0.05)
    for _ in range(4000):
        step(method, -1.5e-3)
        assert after(method, 4) is None
    expected = 1 / (1 + math.exp(examples * (price - 1.5e-3)))
    assert torch.allclose(method.theta, torch.tensor(expected, dtype=torch.float64), atol=1e-6)
    assert 0.01 < expected < 0.99


def test_complexity_prices_follow_the_expected_network():
    """With all gates open a price is nu times the relative saving of docs/baselines.md 16.2."""
    method = make_method(price=None, cost="complexity", nu=2.0, s=0.25)
    method.theta.fill_(1.0)
    prices = method.by_slot(method.prices())
    for slot, params, macs in (("input", 300, 300), ("fc1", 885, 884), ("fc2", 311, 310)):
        expected = 2.0 * (0.25 * macs / 266200 + 0.75 * params / 266610)
        assert torch.allclose(prices[slot], torch.tensor(expected, dtype=torch.float64))
    method.theta[:, :784] = 0.25  # fewer inputs make units of fc1 cheaper
    cheaper = method.by_slot(method.prices())["fc1"][0, 0]
    assert cheaper.item() == pytest.approx(2.0 * (0.25 * (196 + 100) / 266200 + 0.75 * (196 + 1 + 100) / 266610))


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({}, "needs price"),
        ({"price": 1e-3, "nu": 1.0}, "takes no nu"),
        ({"cost": "complexity", "price": 1e-3}, "needs nu"),
        ({"price": -1e-3}, "must be positive"),
        ({"price": 1e-3, "drif": 1}, "did you mean 'drift'"),
        ({"price": {"input": 1e-3, "fc1": 1e-3}}, "no entry for slot 'fc2'"),
        ({"price": {"input": 1e-3, "fc1": 1e-3, "fc3": 1e-3}}, "no slot 'fc3'"),
        ({"price": 1e-3, "estimator": "trapezium"}, "estimator"),
        ({"price": 1e-3, "s": 0.9}, "s: cost uniform counts neither"),
    ],
)
def test_wrong_settings_name_the_key(make_cell, settings_, message):
    with pytest.raises(StudyError, match=message) as caught:
        check_cell(make_cell(settings=settings_))
    assert "strengths.bernoulli.key" in str(caught.value)


def test_pretraining_whose_last_step_is_not_known_is_refused(make_cell):
    check_cell(make_cell(settings={"price": 1e-3, "pretrain": 0.1}))
    macs = TrainingSettings(epochs=2, budget="macs")
    check_cell(make_cell(settings={"price": 1e-3}, training=macs))
    with pytest.raises(StudyError, match="pretrain: its removal windows count steps"):
        check_cell(make_cell(settings={"price": 1e-3, "pretrain": 0.1}, training=macs))


@pytest.mark.parametrize("cost", [{"price": 1e-3}, {"cost": "complexity", "nu": 0.5}])
def test_arm_leaves_theta_of_padding_at_rest(digits, make_cell, cost):
    """The history counts gates by theta, whatever the cost."""
    cell = make_cell(settings={"estimator": "arm", "drift": 0.05} | cost, epochs=2)
    training = Training(cell, digits)
    places = training.network.kept["fc1"].shape[1]
    remove = {"fc1": torch.zeros(cell.replicates, places, dtype=torch.bool)}
    remove["fc1"][0, 5:] = True
    training.remove(remove)
    while not training.finished:
        training.run_epoch()
    assert bool((training.network.kept["fc1"][0] < 0).any())
    theta = training.method.by_slot(training.method.theta)["fc1"]
    assert not bool(theta[0][training.network.kept["fc1"][0] < 0].any())


def test_exact_estimator_agrees_with_the_cheap_ones_in_training(digits, make_cell):
    """On one large batch the two-pass estimate and the back-propagated second-order one rank the gates alike."""
    found = {}
    for estimator in ("exact", "trapezoid"):
        settings_ = {"price": 1e-3, "estimator": estimator}
        values = {"settings": settings_, "width": 0.1, "track": "hidden", "batch_size": 1437, "epochs": 1}
        training = Training(make_cell("bernoulli", **values), digits, dtype=torch.float64)
        training.batches.start_epoch()
        training.step()
        found[estimator] = training.method.buffers["gated.slope_sum"] - training.method.prices()
    for exact_, cheap in zip(found["exact"], found["trapezoid"], strict=True):
        assert torch.corrcoef(torch.stack([exact_, cheap]))[0, 1] > 0.8


def test_fixed_prior_keeps_gates_until_the_end(digits, make_cell):
    """The ablation: no unit leaves during training, gates stay off 0 and 1, the cut at 1/2 comes at the end."""
    cell = make_cell("bernoulli", settings={"price": 5e-4, "prior": "fixed", "drift": 0.01}, epochs=4)
    training = Training(cell, digits)
    while not training.finished:
        training.run_epoch()
    assert training.network.places() == {"input": 784, "fc1": 300, "fc2": 100}
    theta = torch.cat(list(training.method.gates().values()), 1)
    assert theta.min() > 0
    assert theta.max() < 1
    final = torch.cat(list(training.method.final_gates().values()), 1)
    assert 0 < final.mean() < 1
    assert torch.equal(final == 1, theta > 0.5)
