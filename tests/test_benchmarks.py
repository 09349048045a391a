"""The benchmarks' arithmetic: what holds, what a power law's exponent is, that sizes asked for are sizes timed."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import public_loops
from engine import Steps, kept_units, prune, training_of
from floors import step_floor, step_flops
from public_l0 import Dense, Gated, L0Loop
from public_l0_arm import ArmDense, ArmLoop
from reference import NETWORKS, Reference
from scaling import exponents, points
from timing import Timing, entry, paired, ratio, summary, timed

from robustprune.gathering.timings import PRUNED
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs


def test_targets_hold_or_not():
    assert entry("a", 2.4, "ratio", 0.0, "<= 2.5")["holds"] is True
    assert entry("a", 2.6, "ratio", 0.0, "<= 2.5")["holds"] is False
    assert entry("a", 4.4, "ratio", 0.0, ">= 4.5")["holds"] is False
    assert entry("a", 4.4, "ratio", 0.0)["holds"] is None
    row = ratio("a", summary([2.0, 1.9, 2.1]), ">= 2")
    assert (row["value"], row["holds"], row["spread"]) == (2.0, True, pytest.approx(0.1))
    assert (Timing(3.0, 0.3) + Timing(1.5, 0.4)).times(2) == Timing(9.0, 1.0)
    turns = []
    assert len(paired(lambda: turns.append("a"), lambda: turns.append("b"), budget=0.0, least=3)) == 3
    assert "".join(turns) == "abababab"
    assert summary([1.0, 2.0, 3.0, 4.0, 100.0]) == Timing(3.0, 2.0)


def test_exponents_of_a_power_law():
    rows = [
        {"axis": "width", "method": "dense", "width": w, "seconds": 3 * w**1.7, "memory_mib": 50 * w**0.4}
        for w in (0.5, 1, 2, 4, 8)
    ]
    law = exponents(pd.DataFrame(rows)).iloc[0]
    assert law["seconds_exponent"] == pytest.approx(1.7)
    assert law["memory_mib_exponent"] == pytest.approx(0.4)
    assert law["seconds_standard_error"] == pytest.approx(0, abs=1e-9)
    assert {point["axis"] for point in points()} == {"width", "replicates", "images"}


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_steps_are_timed_at_the_sizes_asked_for(digits, name):
    training = prune(training_of(digits, "bernoulli", name, 2, {"price": 1e-3}, dataset="digits"), [PRUNED[name]] * 2)
    assert {slot: count.tolist() for slot, count in training.network.counts().items()} == {
        slot: [count] * 2 for slot, count in PRUNED[name].items()
    }
    assert timed(Steps(training), budget=0.0).seconds > 0
    kept = kept_units(architecture(name), PRUNED[name])
    if "flat" in kept:
        assert len(np.unique(kept["flat"] // 16)) == PRUNED[name]["conv2"]


def test_second_passes_follow_every_step(digits, monkeypatch):
    training = training_of(digits, "dense", "mlp_residual", 5, {}, track="layers", depth=2, dataset="digits")
    losses, passes = training.losses, []
    monkeypatch.setattr(
        training, "losses", lambda x, y, hooks: passes.append(torch.is_grad_enabled()) or losses(x, y, hooks)
    )
    steps = Steps(training, second_passes=2)
    steps()
    assert passes == steps.steps * [True, False, False]


def test_floor_grows_with_the_work():
    """A dense step needs ten times the operations of the pruned one, and its products at least twice the time."""
    arch = architecture("lenet_300_100")
    dense, pruned = arch.units(), PRUNED["lenet_300_100"]
    assert step_flops(macs(arch, dense)) == 6 * 128 * 266200
    assert step_floor(arch, dense).seconds > 2 * step_floor(arch, pruned).seconds


@pytest.fixture
def images(digits):
    """Pairs of image and label, as torchvision's data sets have them."""
    pixels, labels = digits.train_images.float().view(-1, 1, 28, 28) / 255, digits.train_labels
    return list(zip(pixels, labels.tolist(), strict=True))


@pytest.mark.parametrize(("loop_of", "name"), [(L0Loop, "lenet5"), (ArmLoop, "lenet_300_100")])
def test_open_gates_leave_the_plain_network(images, loop_of, name):
    """Every gate of a public program at 1: its network is the reference with the same weights."""
    loop, plain = loop_of(images, 1), NETWORKS[name]()
    gated = loop.layers
    for layer, other in zip(gated, [module for module in plain if hasattr(module, "weight")], strict=True):
        gates = layer.log_alpha if isinstance(layer, Gated) else layer.phi
        gates.data.fill_(50.0)
        weight = layer.weight.data
        other.weight.data.copy_(weight.T if weight.dim() == 2 else weight)
        other.bias.data.zero_()
    batch = torch.stack([image for image, _ in images[:7]])
    torch.testing.assert_close(loop.network(batch), plain(batch))


@pytest.mark.parametrize(("loop_of", "batch_size"), [(L0Loop, 100), (ArmLoop, 128)])
def test_public_loops_learn(images, loop_of, batch_size):
    torch.manual_seed(0)
    loop = loop_of(images, 1)
    assert loop.calls_per_epoch == -(-len(images) // batch_size)
    for _ in range(60):
        loop()
    assert len(loop.wrong) == len(loop.losses) == len(loop.expected) == 60
    assert np.mean(loop.wrong[:5]) - np.mean(loop.wrong[-5:]) > 0.2
    assert np.mean(loop.losses[:5]) - np.mean(loop.losses[-5:]) > 0.3


def test_l0_gates_by_hand():
    """A gate is open with the probability of its formula, and its parameter stays in its range."""
    torch.manual_seed(0)
    layer = Dense(5, 2)
    layer.log_alpha.data = torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0])
    layer.weight.data.fill_(1.0)
    drawn = torch.stack([layer.gated_weight()[:, 0] > 0 for _ in range(4000)]).float().mean(0)
    torch.testing.assert_close(drawn, layer.open().data, atol=0.03, rtol=0)
    assert 0.4 < layer.open()[1] < layer.open()[2] < 0.9
    layer.constrain()
    assert layer.log_alpha.tolist() == pytest.approx([np.log(0.01), -1, 0, 1, np.log(100)])


def test_two_passes_estimate_the_gradient_of_the_expected_loss():
    """The mean of the estimates over many draws against the sum over the four states of two gates."""
    torch.manual_seed(0)
    layer, h = ArmDense(2, 1), torch.tensor([[1.0, 2.0]])
    layer.weight.data, layer.bias.data, layer.phi.data = (
        torch.tensor([[0.5], [1.0]]),
        torch.zeros(1),
        torch.tensor([0.05, -0.1]),
    )

    def loss(scores):
        return (scores - 1).pow(2).mean()

    estimates = []
    for _ in range(6000):
        layer.antithetic = False
        plain = loss(layer(h).data)
        layer.antithetic = True
        layer.estimate(loss(layer(h).data), plain)
        estimates.append(layer.phi.grad)
    phi = layer.phi.detach().requires_grad_()
    share = torch.sigmoid(7 * phi)
    states = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    chances = torch.where(states > 0, share, 1 - share).prod(1)
    (chances * torch.stack([loss((h * state) @ layer.weight.data) for state in states])).sum().backward()
    torch.testing.assert_close(torch.stack(estimates).mean(0), phi.grad, atol=0.03, rtol=0)


def test_times_cheaper_by_hand(images, monkeypatch):
    """Two of their calls take as long as four of the reference."""
    monkeypatch.setattr(public_loops, "paired", lambda one, other, **effort: [(0.2, 0.1)] * 9)
    reference = Reference("lenet_300_100", images)
    theirs = 2 * ArmLoop(images, 10).calls_per_epoch / reference.calls_per_epoch
    rows = list(public_loops.public_rows("lenet_300_100", Timing(4.0, 0.4), 40, reference))
    assert [row["value"] for row in rows[1:]] == pytest.approx([200 * theirs / 4, 40 * theirs / 4])
    assert rows[1]["spread"] == pytest.approx(0.1 * rows[1]["value"])
    assert (rows[1]["bound"], rows[2]["bound"]) == (">= 100", None)
