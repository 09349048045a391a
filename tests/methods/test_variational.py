"""The variational and stochastic-gate methods: test values of docs/baselines.md, gradients, limits, phases, removal."""

import itertools
import math

import pytest
import torch
from conftest import SETTINGS, TRACKS, after
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustprune.engine.compaction import extract
from robustprune.engine.evaluation import finish
from robustprune.engine.training import Training
from robustprune.methods import beta_bernoulli, generalized_dropout, l0_hc, vib
from robustprune.methods.parts import truncated
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.estimators import arm_gradient
from robustprune.methods.parts.group_sizes import weights_per_gate
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.noise import Noise
from robustprune.methods.parts.phased import PhasedGates
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.networks.architecture import architecture
from robustprune.networks.plain import plain_network
from robustprune.study.strict import Strict

PHASED = [name for name in method_names() if issubclass(find_method(name), PhasedGates)]


def number(value: float) -> torch.Tensor:
    return torch.tensor(float(value), dtype=torch.float64)


def make(name: str, arch: str = "lenet_300_100", steps: int = 10, epochs: int = 8, replicates: int = 1, **values):
    method, network = find_method(name), architecture(arch)
    gated, units = network.gated(values.pop("track", TRACKS.get(name, "full"))), network.units()
    context = Context(
        architecture=network,
        gated=gated,
        units=units,
        replicates=replicates,
        train_size=60000,
        batch_size=8,
        moment=Moment(0, epochs * steps, steps),
        noise=Noise([torch.Generator().manual_seed(r) for r in range(replicates)], {s: units[s] for s in gated}),
        dtype=torch.float64,
    )
    chosen: Strict = method.Settings(**(SETTINGS.get(name, {}) | values))
    return method(chosen, context)


# docs/baselines.md 1


@pytest.mark.parametrize(
    ("log_alpha", "closed", "opened", "fully_open", "expected", "test_gate"),
    [
        (0, 0.168178, 0.831822, 0.168178, 0.500000, 0.500000),
        (1, 0.069229, 0.930771, 0.354665, 0.707054, 0.777270),
        (-1, 0.354665, 0.645335, 0.069229, 0.292946, 0.222730),
        (math.log(4), 0.048113, 0.951887, 0.447123, 0.773599, 0.860000),
        (math.log(0.01), 0.952870, 0.047130, 0.002018, 0.013117, 0),
    ],
)
def test_hard_concrete_table(log_alpha, closed, opened, fully_open, expected, test_gate):
    value = number(log_alpha)
    assert l0_hc.probability_open(value).item() == pytest.approx(opened, abs=1e-6)
    assert l0_hc.test_gate(value).item() == pytest.approx(test_gate, abs=1e-6)
    u = (torch.arange(400_000, dtype=torch.float64) + 0.5) / 400_000
    z = l0_hc.hard_concrete(value, u)
    assert (z == 0).double().mean().item() == pytest.approx(closed, abs=1e-5)
    assert (z == 1).double().mean().item() == pytest.approx(fully_open, abs=1e-5)
    assert z.mean().item() == pytest.approx(expected, abs=1e-5)


def test_l0_penalties_at_the_start():
    """Noise-free start, N = 60000: 0.416117; LeNet-5 (weights only) 1.490348 and 0.596832."""
    value = number(0.0).requires_grad_()
    (slope,) = torch.autograd.grad(l0_hc.probability_open(value), value)
    assert slope.item() == pytest.approx(0.139894, abs=1e-6)

    def total(arch, lambdas, bias):
        network = architecture(arch)
        units = network.units()
        starts = {slot: 0.2 if slot == "input" else 0.5 for slot in network.gated("full")}
        return sum(
            lambdas[slot]
            * weights_per_gate(network, units, slot, bias)
            * units[slot]
            * l0_hc.probability_open(number(math.log((1 - p) / p))).item()
            / 60000
            for slot, p in starts.items()
        )

    assert total("lenet_300_100", dict.fromkeys(("input", "fc1", "fc2"), 0.1), True) == pytest.approx(
        0.416117, abs=2e-6
    )
    per_layer = {"conv1": 10, "conv2": 0.5, "flat": 0.1, "fc1": 10}
    assert total("lenet5", per_layer, False) == pytest.approx(1.490348, abs=2e-6)
    assert total("lenet5", dict.fromkeys(per_layer, 0.1), False) == pytest.approx(0.596832, abs=2e-6)


def test_l0_starts_near_its_keep_probabilities():
    method = make("l0_hc")
    assert method.own("input", "log_alpha").mean().item() == pytest.approx(math.log(4), abs=2e-3)
    assert method.own("fc1", "log_alpha").std().item() == pytest.approx(0.01, rel=0.2)
    assert sum(method.cost(slot).sum().item() for slot in method.context.gated) == pytest.approx(0.416117, abs=2e-3)


# docs/baselines.md 2


def test_arm_is_unbiased_on_the_toy():
    """f(z) = (z1 + 2 z2 - 1.5)^2 + 0.5 z1 z2: the estimator's mean is the gradient, 7 times it at k = 7."""

    def f(z):
        return (z[..., 0] + 2 * z[..., 1] - 1.5).square() + 0.5 * z[..., 0] * z[..., 1]

    pi = torch.sigmoid(torch.tensor([0.3, -0.7], dtype=torch.float64))
    assert pi.tolist() == pytest.approx([0.574443, 0.331812], abs=1e-6)
    side = 1500
    grid = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    u = torch.cartesian_prod(grid, grid).unsqueeze(0)
    f_a, f_b = f((u < pi).double()), f((u > 1 - pi).double())
    assert f_a.mean().item() == pytest.approx(1.295222, abs=2e-3)
    for k, expected in ((1.0, (-0.123902, 0.129700)), (7.0, (-0.867317, 0.907901))):
        found = arm_gradient(f_a, f_b, u, k)[0]
        assert found.tolist() == pytest.approx(expected, abs=2e-3 * k)
    single = (f_b - f_a).unsqueeze(2) * (u - 0.5)
    assert single.var(1)[0].tolist() == pytest.approx((0.104434, 0.077097), abs=2e-3)


def test_arm_penalty_at_the_start_and_its_gradient_in_training(digits, make_cell):
    network = architecture("lenet5")
    lambdas = {"conv1": 10, "conv2": 0.5, "flat": 0.1, "fc1": 10}
    total = sum(
        lam * weights_per_gate(network, network.units(), slot, False) * network.units()[slot] * 0.5 / 60000
        for slot, lam in lambdas.items()
    )
    assert total == pytest.approx(0.895833, abs=1e-6)
    training = Training(make_cell("l0_arm"), digits, dtype=torch.float64)
    training.batches.start_epoch()
    method = training.method
    before = {slot: method.own(slot, "phi").detach().clone() for slot in method.context.gated}
    training.step()
    for slot in method.context.gated:
        pi = torch.sigmoid(7 * before[slot])
        from_penalty = method.prices[slot] * 7 * pi * (1 - pi)
        assert not torch.allclose(method.own(slot, "phi").grad, from_penalty)  # the data take part
    assert training.network.parameters["fc1.weight"].grad.abs().max() > 0


# docs/baselines.md 3


def test_generalised_dropout_prior():
    for a, b, value, slope in (
        (1, 2, 0.356675, 1.428571),
        (0.5, 0.5, -0.780324, 0.952381),
        (2, 1, 1.203973, -3.333333),
    ):
        theta = number(0.3).requires_grad_()
        found = generalized_dropout.negative_log_prior(theta, a, b)
        assert found.item() == pytest.approx(value, abs=1e-6)
        assert torch.autograd.grad(found, theta)[0].item() == pytest.approx(slope, abs=1e-6)


def test_generalised_dropout_is_straight_through():
    method = make("generalized_dropout")
    theta = method.own("fc1", "theta").requires_grad_()
    method.draw(8)
    z = method.sampled("fc1")
    torch.testing.assert_close(z.detach().round(), z.detach())
    assert 0.75 < z.mean() < 0.85
    (grad,) = torch.autograd.grad((3 * z).sum(), theta)
    assert (grad == 24).all()


def test_beta_bernoulli_values():
    assert beta_bernoulli.kl(number(2), number(3), 0.5).item() == pytest.approx(0.443240, abs=1e-6)
    assert beta_bernoulli.kl(number(0.5), number(1), 0.5).item() == pytest.approx(0, abs=1e-12)
    assert beta_bernoulli.mean(number(2), number(3)).item() == pytest.approx(0.457143, abs=1e-6)
    a, b = make("beta_bernoulli").shape("fc1")
    assert a[0, 0].item() == pytest.approx(0.313262, abs=1e-6)
    assert b[0, 0].item() == pytest.approx(0.999984, abs=2e-6)
    assert beta_bernoulli.kl(a, b, 1e-4)[0, 0].item() == pytest.approx(7.049953, abs=1e-6)
    assert beta_bernoulli.mean(a, b)[0, 0].item() == pytest.approx(0.238541, abs=1e-6)
    v = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    assert beta_bernoulli.sample(number(2), number(3), v).mean().item() == pytest.approx(0.457143, abs=1e-5)


# docs/baselines.md 4 and 5

SBP_TABLE = [
    (0, math.exp(-5), 7.269941, 0.994647, 246.699),
    (-1, 1, 1.893348, 0.360453, 1.488420),
    (-3, 2, 1.056882, 0.121630, 0.656031),
    (-5, 0.5, 2.269941, 0.00763509, 1.876380),
    (-10, 5, 0.127053, 0.0172291, 0.210990),
    (-15, 1, 1.576798, 5.04348e-7, 0.762874),
    (-20, 1, 2.269941, 5.71823e-9, 1.068199),
    (2, 1, 2.986763, 0.722858, 3.655521),
    (-10, math.exp(5), 2.28951e-7, 0.0499448, 0.333165),
]


@pytest.mark.parametrize(("mu", "sigma", "divergence", "mean", "ratio"), SBP_TABLE)
def test_truncated_log_normal_table(mu, sigma, divergence, mean, ratio):
    mu, sigma = number(mu), number(sigma)
    assert truncated.kl(mu, sigma).item() == pytest.approx(divergence, rel=1e-5, abs=1e-6)
    assert truncated.mean(mu, sigma).item() == pytest.approx(mean, rel=1e-5)
    assert truncated.signal_to_noise(mu, sigma).item() == pytest.approx(ratio, rel=1e-5)


def test_truncated_log_normal_where_float32_fails():
    assert truncated.kl(number(8), number(1)).item() == pytest.approx(4.104759, abs=1e-6)
    assert truncated.kl(number(5), number(0.5)).item() == pytest.approx(5.010760, abs=1e-6)
    wide = number(math.exp(5))
    assert truncated.mean(number(-10), wide).item() == pytest.approx((1 - math.exp(-20)) / 20, rel=2e-3)
    assert truncated.signal_to_noise(number(-10), wide).item() == pytest.approx(1 / 3, abs=2e-3)
    assert truncated.sample(number(-1), number(1), number(0.5)).item() == pytest.approx(0.3011419, abs=1e-7)


def test_truncated_log_normal_squeezed_against_one():
    """The exponential form takes over without a step, and KL grows as the logarithm of the rate."""
    for mu in (0.5, 5.0):
        inside, beyond = (number(mu / x) for x in (0.999e3, 1.001e3))
        for function in (truncated.kl, truncated.mean):
            a, b = function(number(mu), inside).item(), function(number(mu), beyond).item()
            assert a == pytest.approx(b, rel=5e-3)
    tiny = number(math.exp(-20))
    assert truncated.kl(number(5), tiny).item() == pytest.approx(math.log(20 * 5) + 40 - 1, rel=1e-9)
    assert truncated.mean(number(5), tiny).item() == 1


@pytest.mark.parametrize(
    ("mu", "sigma", "spike", "eight", "four"),
    [
        (-1, 1, -178.2504, -11.978981, -2.675710),
        (-5, 5, -3.858284, 0.012719, 0.173155),
        (-10, 5, -1.486076, 0.338649, 0.251819),
        (-10, 10, -0.344076, 0.109160, 0.083933),
        (-18, 1, 0.099808, -3.244181, -3.480570),
        (-20, 1, 2.769941, -9.257800, -9.494189),
    ],
)
def test_model_reduction_table(mu, sigma, spike, eight, four):
    mu, sigma, left = number(mu), number(sigma), -23 * math.log(2)
    assert truncated.log_evidence_spike(mu, sigma).item() == pytest.approx(spike, abs=1e-4)
    for bits, expected in ((8, eight), (4, four)):
        found = truncated.log_evidence_uniform(mu, sigma, left, -bits * math.log(2)).item()
        assert found == pytest.approx(expected, abs=1e-6)


def test_a_gate_squeezed_at_the_edge_is_pruned_by_every_criterion():
    """(mu, sigma) = (-20, 1): a signal-to-noise ratio above 1 and no mass above 2^-23, but a gate of 6e-9."""
    for name in ("sbp", "bmrs_n", "bmrs_u"):
        method = make(name)
        method.own("fc1", "mu").fill_(-20.0)
        method.own("fc1", "log_sigma").fill_(0.0)
        assert not method.settled("fc1").any()
        assert method.settled("fc2").all()


# docs/baselines.md 6


def test_information_penalty():
    for mu, log_variance, expected in ((1, -9, 4.500062), (1, 0, 0.346574), (0.5, 0, 0.111572), (0, -3, 0)):
        assert vib.information(number(mu), number(log_variance)).item() == pytest.approx(expected, abs=1e-6)
    log_variance = number(-9).requires_grad_()
    (slope,) = torch.autograd.grad(vib.information(number(1), log_variance), log_variance)
    assert slope.item() == pytest.approx(-0.499938, abs=1e-6)
    method = make("vib", kappa=1.0)
    assert sum(method.cost(slot).sum().item() for slot in method.context.gated) == pytest.approx(5328.073, abs=5)
    assert make("vib", "lenet5").map_side == {"conv1": 24, "conv2": 8, "flat": 1, "fc1": 1}


# all of them


@pytest.mark.parametrize("name", PHASED)
def test_penalty_gradient_by_finite_differences(name):
    method = make(name)
    for slot, parameter in itertools.product(("input", "fc2"), method.parameters):
        if not parameter.startswith(f"{slot}."):
            continue
        values = method.parameters[parameter].clone().requires_grad_()
        method.parameters[parameter] = values
        (grad,) = torch.autograd.grad(method.cost(slot).sum(), values, allow_unused=True)
        if grad is None:
            continue
        step = 1e-5
        ends = []
        for sign in (1, -1):
            method.parameters[parameter] = values.detach() + sign * step
            ends.append(method.cost(slot).sum().item())
        method.parameters[parameter] = values
        assert grad.sum().item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-9)


OPEN = {
    "l0_hc": {"log_alpha": 50.0},
    "l0_arm": {"phi": 50.0},
    "generalized_dropout": {"theta": 1.0},
    "vib": {"mu": 1.0, "log_variance": -80.0},
    "sbp": {"mu": 5.0, "log_sigma": -20.0},
    "bmrs_n": {"mu": 5.0, "log_sigma": -20.0},
    "bmrs_u": {"mu": 5.0, "log_sigma": -20.0},
    "beta_bernoulli": {"a": 1e9, "b": 0.5413},
    "bc_gnj": {"mu": 1.0, "log_variance": -80.0},
    "bc_ghs": {"gamma_log_variance": -80.0, "inverse_log_variance": -80.0},
    "ss_ig": {"t": 50.0},
}


@pytest.mark.parametrize("name", PHASED)
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_open_gates_leave_the_network_as_it_is(make_network, name, arch):
    method = make(name, arch, pretrain=0.0)
    for key, value in OPEN[name].items():
        for slot in method.context.gated:
            method.own(slot, key).fill_(value)
    for key, tensor in method.parameters.items():
        if "/" in key or " " in key:  # the spread of weights, and of scales that a slot shares
            tensor.fill_(0.0 if "_mean " in key else -80.0)
    network, images = make_network(arch, replicates=1), torch.rand(1, 6, 784, dtype=torch.float64)
    method.draw(6)
    if "outputs" in method.streams:
        method.eps = {layer: torch.zeros_like(eps) for layer, eps in method.eps.items()}
    with torch.no_grad():
        torch.testing.assert_close(network.forward(images, method), network.forward(images), rtol=0, atol=1e-5)


def own_name(key: str) -> str:
    """What a parameter is, without slot and layer."""
    return key.split("/")[0] if "/" in key else key.split(".")[-1].split(" ")[0]


@pytest.mark.parametrize("name", [name for name in PHASED if name != "l0_arm"])
@given(first=st.floats(-25, 10), second=st.floats(-25, 10))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_in_the_clamped_domain_is_not_finite(make_network, name, first, second):
    """Values and gradients of sample, penalty and test gate, in float32 too."""
    method = make(name, pretrain=0.0)
    names = sorted({own_name(key) for key in method.parameters})
    for dtype in (torch.float64, torch.float32):
        method.context.noise.position.zero_()
        object.__setattr__(method.context, "dtype", dtype)
        for key in list(method.parameters):
            value = (first, second)[names.index(own_name(key)) % 2]
            method.parameters[key] = torch.full_like(method.parameters[key], value).to(dtype)
        network = make_network("lenet_300_100", 1, dtype)
        method.constrain(network)
        method.draw(3)
        method.parameters = {key: tensor.requires_grad_() for key, tensor in method.parameters.items()}
        total = method.sampled("fc2").sum() + 60000 * method.cost("fc2").sum() + method.settled("fc2").sum()
        total = total + torch.as_tensor(method.network_cost(network)).sum()
        assert total.isfinite()
        for grad in torch.autograd.grad(total, list(method.parameters.values()), allow_unused=True):
            assert grad is None or grad.isfinite().all()
        method.parameters = {key: tensor.detach() for key, tensor in method.parameters.items()}


@pytest.mark.parametrize("name", PHASED)
def test_mean_of_the_sampled_pre_activation(name):
    """Over many draws the mean input of the next layer is that of the mean gate, within four standard errors."""
    method = make(name, pretrain=0.0)
    for key, value in {
        "log_alpha": 0.4,
        "t": 0.4,
        "phi": 0.1,
        "mu": -1.0,
        "log_sigma": -0.5,
        "log_variance": -1.0,
    }.items():
        for slot in method.context.gated:
            if f"{slot}.{key}" in method.parameters:
                method.own(slot, key).fill_(value)
    h, weight = torch.rand(2, 1, 1, 100, dtype=torch.float64)  # all positive: a wrong mean gate cannot average out
    weight = weight.flatten()
    means = []
    draws = 300 if name == "ss_ig" else 100  # one mask per draw, not per example
    for _ in range(draws):
        method.draw(100)
        means.append((method.gate("fc2", h.expand(1, 100, 100)).detach() @ weight).mean().item())
    means = torch.tensor(means)
    if name == "beta_bernoulli":
        a, b = method.shape("fc2")
        expected = beta_bernoulli.mean(a, b)[0, 0]
    elif name == "l0_hc":
        grid = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
        expected = l0_hc.hard_concrete(number(0.4), grid).mean()
    elif name in ("sbp", "bmrs_n", "bmrs_u"):
        expected = truncated.mean(number(-1), number(math.exp(-0.5)))
    elif name == "bc_ghs":
        expected = math.exp(0.5 * math.exp(-9))
    elif name == "ss_ig":
        expected = torch.sigmoid(number(0.4))
    else:
        own = {"vib": "mu", "bc_gnj": "mu"}.get(name, "theta")
        expected = method.pi("fc2")[0, 0] if name == "l0_arm" else method.own("fc2", own)[0, 0]
    error = means.std() / math.sqrt(len(means))
    assert abs(means.mean() - (expected * h[0, 0] @ weight).item()) < 4 * error


def test_phases_follow_each_other():
    method = make("vib", steps=10, epochs=8, pretrain=0.25, warm_up=0.25, fine_tune=0.25)
    phases, weights = [], []
    for step in range(1, 81):
        phases.append(method.phase(method.moment))
        weights.append(method.buffers["weight"].item())
        after(method, step)
    assert [len(list(group)) for _, group in itertools.groupby(phases)] == [20, 40, 20]
    assert phases[0], phases[-1] == ("open", "settled")
    assert weights[19] == 0
    assert weights[20] == pytest.approx(1 / 20)
    assert weights[39] == weights[59] == 1
    assert weights[60] == 0


def test_gates_go_for_good_after_patience():
    method = make("l0_hc", steps=2, epochs=10)
    method.own("fc1", "log_alpha")[:, 0] = -4.5
    method.own("fc1", "log_alpha")[:, 1] = -4.5
    gone = []
    for step in range(1, 9):
        method.own("fc1", "log_alpha")[:, 1] = 0.0 if step == 4 else -4.5  # open at the end of one epoch
        removal = after(method, step)
        gone.append(None if removal is None else removal["fc1"][0, :3].tolist())
    assert gone[::2] == [None] * 4
    assert gone[1::2] == [[False] * 3, [False] * 3, [True, False, False], [True, False, False]]


@pytest.mark.parametrize("name", PHASED)
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_trained_gates_fold_into_the_compact_network(digits, make_cell, name, arch):
    """Some gates closed by hand: masked network with settled gates = compact plain network; then training goes on."""
    training = Training(
        make_cell(name, arch, epochs=2, settings=SETTINGS.get(name, {}) | {"pretrain": 0.0, "fine_tune": 0.0}),
        digits,
        dtype=torch.float64,
    )
    training.batches.start_epoch()
    training.step()
    method = training.method
    closed = {"log_alpha": -4.5, "phi": -1.0, "theta": 0.01, "log_variance": 4.0, "mu": -20.0, "a": -10.0}
    closed |= {"t": -5.0, "inverse_mean": -30.0}
    for slot in method.context.gated:
        for key, value in closed.items():
            if f"{slot}.{key}" in method.parameters and not (name in ("vib", "bc_gnj") and key == "mu"):
                method.own(slot, key).data[:, ::3] = value
    gates = method._test_gates()
    for slot, gate in gates.items():
        assert (gate[:, ::3] == 0).all(), slot
        assert (gate[:, 1::3] != 0).any(), slot
    method.buffers |= {f"{slot}.fixed": gate for slot, gate in gates.items()}
    method.phase = lambda moment: "settled"
    images = torch.rand(2, 12, 784, dtype=torch.float64)
    with torch.no_grad():
        masked = training.network.forward(images, method)
        for replicate in range(2):
            network = finish(training, replicate)
            assert (network.plain(images[replicate]) - masked[replicate]).abs().max() < 1e-10
    training.remove({slot: gate == 0 for slot, gate in gates.items()})
    read = images
    if "input" in training.network.kept:
        kept = training.network.kept["input"]
        read = images.gather(2, kept.clamp_min(0).unsqueeze(1).expand(-1, 12, -1)) * (kept >= 0).unsqueeze(1)
    with torch.no_grad():
        torch.testing.assert_close(training.network.forward(read, method), masked, rtol=0, atol=1e-10)
    training.batches.start_epoch()
    training.step()
    weights, kept = extract(training.network, 0)
    assert all(w.isfinite().all() for w in weights.values())
    assert plain_network(training.architecture, weights, kept)


CLOSED = {
    "l0_hc": ("log_alpha", -8.0, -7.0),
    "l0_arm": ("phi", -1.0, -0.9),
    "generalized_dropout": ("theta", 0.01, 0.02),
    "sbp": ("mu", -18.0, -17.0),
    "bmrs_n": ("mu", -18.0, -17.0),
    "vib": ("mu", 1e-4, 1e-3),
    "bc_gnj": ("mu", 1e-4, 1e-3),
    "beta_bernoulli": ("b", 40.0, 30.0),
    "ss_ig": ("t", -8.0, -7.0),
}
"""Method -> a gate parameter, its value in gates that are all closed, and that of the one that is nearest to open."""


@pytest.mark.parametrize("name", CLOSED)
def test_of_a_slot_whose_gates_all_close_the_best_unit_stays_and_is_tuned(name):
    """The test gates are all 0 then, and rank nothing."""
    method = make(name, replicates=2)
    parameter, closed, best = CLOSED[name]
    if name in ("sbp", "bmrs_n"):
        method.parameters["fc2.log_sigma"].data.fill_(1.0)
    if name == "beta_bernoulli":
        method.parameters["fc2.a"].data.fill_(-8.0)
    method.parameters[f"fc2.{parameter}"].data.fill_(closed)
    method.parameters[f"fc2.{parameter}"].data[:, 7] = best
    remove = method._settle()
    assert bool(remove["fc2"].all())  # so that the network counts as collapsed
    assert method.scores(None)["fc2"].argmax(1).tolist() == [7, 7]
    assert method.buffer("fc2", "fixed").nonzero().tolist() == [[0, 7], [1, 7]]
    assert method.buffer("fc2", "fixed").max() == 1


def test_a_closed_slot_keeps_its_best_unit_through_training(digits, make_cell):
    resting = {"a": 0.1, "b": 2.0, "gate_learning_rate": 1e-12, "patience": None}
    training = Training(make_cell("generalized_dropout", settings=resting, epochs=4), digits)
    theta = training.method.parameters["fc2.theta"].data
    theta.fill_(0.01)
    theta[:, 5] = 0.02
    expected = training.network.kept["fc2"][:, 5].tolist()
    while not training.finished:
        training.run_epoch()
    for replicate, unit in enumerate(expected):
        assert finish(training, replicate).kept["fc2"].tolist() == [unit]
    assert bool(training.guarded.all())


def test_phases_that_leave_no_epoch_for_the_gates_are_refused():
    with pytest.raises(ValueError, match="leave no epoch for the gates"):
        make("sbp", pretrain=0.75, fine_tune=0.25)
