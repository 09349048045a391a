"""Options of the method that are off by default (docs/method.md section 9), each against a closed form."""

import copy
import math

import pytest
import torch
from conftest import after
from test_bernoulli import found, make_method, step

from robustprune.engine.evaluation import evaluate
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.parts.ball import initial_weights, project_onto_ball
from robustprune.methods.parts.estimators import COMBINE, arm, spread, trapezoid_normalized, with_less_noise
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.window import RemovalWindow
from robustprune.networks.architecture import architecture
from robustprune.networks.latency import Latency
from robustprune.networks.size import macs
from robustprune.networks.stacked import Gated
from robustprune.starts.parts.registry import check_cell

THETA = torch.tensor([0.0, 0.01, 0.05, 0.3, 0.5, 0.95, 0.99, 1.0], dtype=torch.float64)


def mean_estimate(combine, theta, slope_at):
    """The mean over a gate's two values of an estimate from slope_at(value), the slope of the loss."""
    zero = torch.zeros_like(theta)
    return theta * combine(slope_at(1) + zero, zero, theta) + (1 - theta) * combine(zero, slope_at(0) + zero, theta)


def trained(training):
    while not training.finished:
        training.run_epoch()
    return training


# estimators


def test_normalized_trapezoid_sees_the_whole_slope_at_the_ends_too():
    """For L(x) = a x + b x^2 it sees a + b = DL inside [0.05, 0.95], and the slope at the end for theta = 0 and 1."""
    for a, b in ((-0.7, 0.0), (-0.7, 0.4)):
        mean = mean_estimate(trapezoid_normalized, THETA, lambda x, a=a, b=b: a + 2 * b * x)
        torch.testing.assert_close(mean[2:6], torch.full_like(mean[2:6], a + b))
        assert mean[0].item() == pytest.approx(a)
        assert mean[-1].item() == pytest.approx(a + 2 * b)
        plain = mean_estimate(COMBINE["trapezoid"], THETA, lambda x, a=a, b=b: a + 2 * b * x)
        torch.testing.assert_close(plain[2:6], mean[2:6])
        assert plain[-1].item() == pytest.approx((a + 2 * b) / 1.9)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("estimator", ["trapezoid", "trapezoid_normalized"])
def test_with_less_noise_the_estimate_is_the_derivative_of_the_expected_loss(estimator, noise):
    """L(x) = -x + 0.8 x^2 under xi' = theta + noise (xi - theta): by autograd, for theta in [0.05, 0.95]."""
    theta = THETA[2:6].clone().requires_grad_()

    def loss(x):
        return -x + 0.8 * x * x

    ends = [theta + noise * (xi - theta) for xi in (0, 1)]
    (expected,) = torch.autograd.grad(((1 - theta) * loss(ends[0]) + theta * loss(ends[1])).sum(), theta)
    theta, total = theta.detach(), torch.zeros(4, dtype=torch.float64)
    for xi, weight in ((0, 1 - theta), (1, theta)):
        value = theta + noise * (xi - theta)
        slope = -1 + 1.6 * value
        total += weight * with_less_noise(estimator, slope * value, slope * (1 - value), theta, noise)
    torch.testing.assert_close(total, expected)


def test_arm_is_unbiased_for_the_effect_of_a_gate():
    """f(z) = (z1 + 2 z2 - 1.5)^2 + 0.5 z1 z2: the mean over uniform u is E[f | z_i = 1] - E[f | z_i = 0]."""

    def f(z):
        return (z[..., 0] + 2 * z[..., 1] - 1.5).square() + 0.5 * z[..., 0] * z[..., 1]

    theta = torch.tensor([0.6, 0.3], dtype=torch.float64)
    grid = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    u = torch.cartesian_prod(grid, grid).unsqueeze(0)
    estimate = arm(f((u < theta).double()), f((u > 1 - theta).double()), u, theta.unsqueeze(0))[0]
    corners = {(a, b): f(torch.tensor([a, b], dtype=torch.float64)).item() for a in (0, 1) for b in (0, 1)}
    first = sum(p * (corners[1, b] - corners[0, b]) for b, p in ((0, 0.7), (1, 0.3)))
    second = sum(p * (corners[a, 1] - corners[a, 0]) for a, p in ((0, 0.4), (1, 0.6)))
    assert estimate.tolist() == pytest.approx([first, second], abs=5e-3)


def begun(digits, make_cell, arch="lenet_300_100", **settings):
    """A training that has drawn the gates of its first batch; returns it with the batch."""
    cell = make_cell("bernoulli", arch, settings={"price": 1e-3, **settings}, width=0.2)
    training = Training(cell, digits, dtype=torch.float64)
    training.method.theta.uniform_(0.0, 1.0, generator=torch.Generator().manual_seed(0))
    training.batches.start_epoch()
    x, y = training.batches.next()
    training.method.draw(x.shape[1])
    return training, x, y


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
@pytest.mark.parametrize(("noise", "gates_per"), [(1.0, "batch"), (0.4, "example"), (0.4, "batch")])
def test_the_sums_of_a_step_are_those_of_its_gates(digits, make_cell, arch, noise, gates_per):
    """Against plain autograd with the same gates: sums of g weighted by the gate and by one minus the gate."""
    training, x, y = begun(digits, make_cell, arch, noise=noise, gates_per=gates_per)
    method, rows = training.method, x.shape[1]
    z = {slot: xi.detach().expand(-1, rows, -1).clone().requires_grad_() for slot, xi in method.xi.items()}
    assert all(xi.shape[1] == (1 if gates_per == "batch" else rows) for xi in method.xi.values())
    theta = method.by_slot(method.theta)
    for slot, gate in z.items():
        lowest, highest = (1 - noise) * theta[slot], (1 - noise) * theta[slot] + noise
        at_end = torch.isclose(gate, lowest.unsqueeze(1)) | torch.isclose(gate, highest.unsqueeze(1))
        assert at_end.all()
    open_ = Gated(lambda slot, h: h * spread(z[slot], h) if slot in z else h)
    training.losses(x, y, open_).mean(1).sum().backward()
    training.losses(x, y, method).mean(1).sum().backward()
    for slot, (opened, closed) in method.sums.items():
        torch.testing.assert_close(opened, (z[slot].grad * z[slot]).sum(1).detach())
        torch.testing.assert_close(closed, (z[slot].grad * (1 - z[slot])).sum(1).detach())


def test_arm_uses_the_step_itself_as_first_pass(digits, make_cell):
    training, x, y = begun(digits, make_cell, estimator="arm")
    method = training.method
    theta = method.by_slot(method.theta)
    with torch.no_grad():
        losses = training.losses(x, y, method)
        found_ = method.estimate(losses, lambda hooks, networks=None: training.losses(x, y, hooks))
        passes = []
        for choose in (lambda u, t: u < t, lambda u, t: u > 1 - t):
            z = {slot: choose(method.u[slot], theta[slot].unsqueeze(1)).double() for slot in theta}
            hooks = Gated(lambda slot, h, z=z: h * spread(z[slot], h) if slot in z else h)
            passes.append(training.losses(x, y, hooks))
    torch.testing.assert_close(losses, passes[0])
    expected = torch.cat([arm(*passes, method.u[slot], theta[slot]) for slot in theta], 1)
    torch.testing.assert_close(found_, expected)
    assert found_.abs().max() > 0


def test_averaged_estimates_weigh_the_last_steps_exponentially():
    """Weights (1 - 1/T)^age, normalised: the first step counts in full."""
    slopes, over = [-3e-4, 1e-4, -2e-3, 5e-4], 4.0
    method, theta = make_method(average_over=over, drift=1e-4), 0.5
    for number, slope in enumerate(slopes):
        step(method, slope)
        ages = range(number, -1, -1)
        weights = [(1 - 1 / over) ** age for age in ages]
        mean = sum(w * s for w, s in zip(weights, slopes, strict=False)) / sum(weights)
        theta -= 1e-4 / 1e-3 * (mean + 1e-3)
        assert method.theta[0, 0].item() == pytest.approx(theta, abs=1e-9)  # prices are float32


# phases


def test_pretraining_is_dense_training(digits, make_cell):
    """Half of four epochs: the weights of dense training, theta at rest, nothing removed; then the gates move."""
    settings = {"price": 2e-3, "pretrain": 0.5, "drift": 0.02}
    training = Training(make_cell("bernoulli", settings=settings, epochs=4, width=0.2), digits)
    dense = Training(make_cell("dense", epochs=4, width=0.2), digits)
    for _ in range(2):
        training.run_epoch()
        dense.run_epoch()
    for name, tensor in dense.network.parameters.items():
        assert torch.equal(tensor, training.network.parameters[name])
    assert (training.method.theta == 0.5).all()
    assert training.noise.position.item() == 0
    training.run_epoch()
    assert (training.method.theta != 0.5).all()
    assert training.method.windows[0][0] == RemovalWindow.after(0.5, 0.02, begin=2 * training.batches.steps)


def test_windows_begin_when_theta_does():
    """Ten steps an epoch, theta moves from step 14 and an idle gate is at zero after 4 more: windows end at 30, 40."""
    window = RemovalWindow.after(0.5, 0.125, begin=14)
    lengths = {step: window.length(Moment(step, 100, 10)) for step in range(1, 41)}
    assert {step: length for step, length in lengths.items() if length} == {10: 10, 30: 12, 40: 10}
    assert window.opens(Moment(18, 100, 10))
    # an idle gate needs 30 steps: the epoch that ends at 20 has six steps with gates
    slow = RemovalWindow.after(0.5, 0.5 / 30, begin=14)
    assert slow.length(Moment(20, 100, 10)) == 6


def test_a_noise_free_end_rounds_once_and_then_trains_without_gates(digits, make_cell):
    settings = {"price": 3e-4, "drift": 0.02, "noise_free_last": 0.25}
    training = Training(make_cell("bernoulli", settings=settings, epochs=8, batch_size=32, width=0.5), digits)
    method, seen = training.method, {}
    settle = method._settle

    def watched():
        seen.setdefault("theta", method.theta.clone())
        return settle()

    method._settle = watched
    for _ in range(6):
        training.run_epoch()
    for replicate in range(2):
        left = sum(int((kept[replicate] >= 0).sum()) for slot, kept in training.network.kept.items())
        assert left == int((seen["theta"][replicate] > 0.5).sum()) > 0
    assert (seen["theta"] < 0.5).any()
    assert torch.logical_and(seen["theta"] > 0.5, seen["theta"] < 1).any()
    position, sizes = training.noise.position.item(), training.network.places()
    trained(training)
    assert training.noise.position.item() == position
    assert training.network.places() == sizes
    entry, _ = evaluate(training, 0, Latency(1.0, 1.0))
    assert entry.status == "ok"
    assert entry.undetermined_fraction == 0
    assert entry.rounding_error_change_percent == 0


# prices, ball, removal


def test_complexity_prices_relative_to_the_standard_network():
    """s = 1 counts MACs only: prices at width 2 are those relative to the start times MACs(width 2) / MACs(width 1)."""
    arch = architecture("lenet_300_100")
    prices = {}
    for reference in ("start", "standard"):
        method = make_method(width=2.0, price=None, cost="complexity", nu=1.0, s=1.0, reference=reference)
        prices[reference] = method.prices()
    ratio = macs(arch, arch.units(2.0)) / macs(arch, arch.units())
    assert ratio > 2
    torch.testing.assert_close(prices["standard"], ratio * prices["start"])


def test_projection_onto_the_ball():
    """Per replicate: W0 + r (W - W0) / |W - W0| outside; bit-identical inside."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"fc1.weight": (2, 4, 3), "fc1.bias": (2, 4)}
    start = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    offset = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    for tensor in offset.values():
        tensor[1] *= 0.01
    moved = {name: start[name] + offset[name] for name in start}
    before = {name: tensor.clone() for name, tensor in moved.items()}
    project_onto_ball(moved, initial_weights(start), 1.0)
    norm = math.sqrt(sum(float(tensor[0].square().sum()) for tensor in offset.values()))
    assert norm > 1
    for name in start:
        torch.testing.assert_close(moved[name][0], start[name][0] + offset[name][0] / norm)
        assert torch.equal(moved[name][1], before[name][1])


def test_weights_stay_in_the_ball_through_removals_and_checkpoints(digits, make_cell):
    settings = {"price": 3e-4, "drift": 0.02, "ball": 2.0}
    cell = make_cell("bernoulli", settings=settings, epochs=6, batch_size=32, width=0.5)
    first = Training(cell, digits).network.parameters
    training = Training(cell, digits)
    for _ in range(5):
        training.run_epoch()
    assert training.network.places()["fc1"] < 150
    other = Training(cell, digits)
    other.restore(copy.deepcopy(training.state()))
    for run in (training, other):
        run.run_epoch()
    for name, tensor in training.network.parameters.items():
        assert torch.equal(tensor, other.network.parameters[name])
    kept = {**training.network.kept, None: torch.arange(10).expand(2, -1)}
    for replicate in range(2):
        square = 0.0
        for layer in training.architecture.layers:
            rows, columns = (kept[slot][replicate] for slot in (layer.writes, layer.reads))
            rows, columns = rows[rows >= 0], columns[columns >= 0]
            weight = training.network.parameters[f"{layer.name}.weight"][replicate, : len(rows), : len(columns)]
            square += (weight - first[f"{layer.name}.weight"][replicate][rows][:, columns]).square().sum().item()
            bias = training.network.parameters[f"{layer.name}.bias"][replicate, : len(rows)]
            square += (bias - first[f"{layer.name}.bias"][replicate][rows]).square().sum().item()
        assert 1.0 < math.sqrt(square) < 2.0 + 1e-5


def test_removal_at_the_end_of_a_window_of_any_length():
    """An idle gate is at zero after 5 steps; windows of 3 end at 8, 11, 14, in the middle of the epoch."""
    method = make_method(steps=20, drift=0.1, removal_at="window", window=3)
    removed = []
    for number in range(1, 15):
        method.theta.fill_(0.5 if number < 9 else 0.0)
        found(method, 0.0)
        method.step(None, None, None)
        removal = after(method, number)
        assert (removal is not None) == (number in (8, 11, 14))
        if removal is not None and removal["fc2"].all():
            removed.append(number)
    assert removed == [11, 14]


def test_removal_by_windows_makes_training_cheaper(digits, make_cell):
    spent = {}
    for window in (None, 5):
        when = {"removal_at": "window", "window": window} if window else {}
        settings = {"price": 2e-3, "drift": 0.05, **when}
        training = trained(Training(make_cell("bernoulli", settings=settings, epochs=2, width=0.2), digits))
        spent[window] = training.arithmetic.total.sum()
    assert spent[5] < 0.9 * spent[None]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"noise": 0.5, "estimator": "fisher"}, "linear in the gradient"),
        ({"pretrain": 0.6, "noise_free_last": 0.4}, "leave no epoch"),
        ({"reference": "standard"}, "cost complexity"),
        ({"removal_at": "window"}, "both or neither"),
        ({"window": 100}, "both or neither"),
        ({"ball": 0.0}, "greater than 0"),
    ],
)
def test_wrong_options_name_the_key(make_cell, settings_, message):
    with pytest.raises(StudyError, match=message):
        check_cell(make_cell(settings={"price": 1e-3, **settings_}))


# prices by complexity


def test_a_slot_whose_gates_are_all_closed_gives_its_neighbours_no_price_and_no_nan():
    method = make_method(price=None, cost="complexity", nu=10.0)
    method.by_slot(method.theta)["fc1"].zero_()
    price = method.prices()
    assert (method.by_slot(price)["input"] == 0).all()
    divisors = method.divisors(price)
    assert (divisors > 0).all()
    method.prior.move(method.theta, torch.zeros_like(price), divisors, 1e-3)
    assert method.theta.isfinite().all()


def test_arm_leaves_padding_closed_where_prices_count_gates(make_cell, digits):
    """Two networks that keep unequal numbers of units: the columns of padding have theta 0 to the end."""
    settings = {"cost": "complexity", "nu": 30.0, "drift": 4e-3, "estimator": "arm", "remove_below": 0.3}
    training = Training(make_cell(settings=settings, epochs=5, batch_size=32), digits)
    padded = 0
    while not training.finished:
        training.run_epoch()
        for slot, theta in training.method.by_slot(training.method.theta).items():
            empty = training.network.kept[slot] < 0
            padded += int(empty.sum())
            assert (theta[empty] == 0).all(), slot
    assert padded
