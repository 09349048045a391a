"""D-Gating: values of docs/baselines.md 9b, dynamics of the factors, groups, removal."""

import math

import pytest
import torch
from conftest import SETTINGS

from robustprune.engine.compaction import extract
from robustprune.engine.training import Training
from robustprune.methods.d_gating import sum_of_squares
from robustprune.methods.parts.outgoing import outgoing_weights, over_outgoing
from robustprune.networks.architecture import architecture


@pytest.mark.parametrize(
    ("v", "gates", "value"),
    [((2.0, 0.0), (2.0, 2.0), 4.0), ((1.2, 1.6), (2.0, 2.0, 2.0), 4.0), ((0.0, 4.0), (1.0, 2.0), 7.0)],
)
def test_values_of_the_penalty(v, gates, value):
    """||w|| = 8 at D = 3 and 16 at D = 4 cost ||w||^(2/D) = 4 at equal factors; factors 4, 1, 2 cost 7."""
    found = sum_of_squares(torch.tensor([v]), [torch.tensor([[gate]]) for gate in gates])
    assert found.item() / (1 + len(gates)) == pytest.approx(value)


@pytest.mark.parametrize("factors", [2, 3, 4])
def test_equal_factors_are_the_cheapest(factors):
    """The minimum over factorisations of ||w|| = 5 is D 5^(2/D), by gradient descent on the logarithms."""
    logs = torch.linspace(-0.5, 0.5, factors - 1, dtype=torch.float64).requires_grad_()
    for _ in range(2000):
        v = math.log(5.0) - logs.sum()
        penalty = sum_of_squares(v.exp().view(1, 1), [log.exp().view(1, 1) for log in logs])
        (grad,) = torch.autograd.grad(penalty.sum(), logs)
        logs = (logs - 0.01 * grad).detach().requires_grad_()
    assert penalty.item() / factors == pytest.approx(5 ** (2 / factors), rel=1e-9)


def test_the_imbalance_decays_with_the_penalty_and_is_conserved_without():
    """Gradient flow of (1/2) |v gamma - 3|^2 + (lambda/2) (v^2 + gamma^2) from v = 2, gamma = 0.5, to time 1."""
    for strength in (0.0, 0.7):
        v, gate = (torch.tensor([[start]], dtype=torch.float64) for start in (2.0, 0.5))
        steps = 4000
        for _ in range(steps):
            v, gate = v.detach().requires_grad_(), gate.detach().requires_grad_()
            objective = (v * gate - 3).square().sum() / 2 + strength / 2 * sum_of_squares(v, [gate]).sum()
            slopes = torch.autograd.grad(objective, (v, gate))
            v, gate = v - slopes[0] / steps, gate - slopes[1] / steps
        imbalance = (v.square() - gate.square()).item()
        assert imbalance == pytest.approx(3.75 * math.exp(-2 * strength), rel=1e-3)


def test_groups_are_the_outgoing_weights(digits, make_cell):
    network = architecture("lenet5")
    found = {slot: outgoing_weights(network, network.units(), slot) for slot in network.gated("full")}
    assert found == {"conv1": 50 * 25, "conv2": 16 * 500, "flat": 500, "fc1": 10}
    training = Training(make_cell("d_gating", "lenet5"), digits, dtype=torch.float64)
    weights = training.network.parameters
    ones = {name: torch.ones_like(weights[f"{name}.weight"]) for name in ("conv2", "fc1", "fc2")}
    for slot, layer in {"conv1": "conv2", "conv2": "fc1", "flat": "fc1", "fc1": "fc2"}.items():
        assert over_outgoing(training.network, slot, ones[layer]).unique().tolist() == [found[slot]]


def test_the_penalty_adds_weights_and_gates_of_every_slot(digits, make_cell):
    training = Training(make_cell("d_gating", settings={"group_lambda": 1e-3}), digits, dtype=torch.float64)
    squares = {
        name: training.network.parameters[f"{name}.weight"].square().sum((1, 2)) for name in ("fc1", "fc2", "fc3")
    }
    expected = 17.320508 * (squares["fc1"] + 2 * 784) + 10 * (squares["fc2"] + 2 * 300)
    expected = 0.5e-3 * (expected + 3.162278 * (squares["fc3"] + 2 * 100))
    torch.testing.assert_close(training.method.penalty(training.network), expected, rtol=1e-6, atol=0)


def test_gates_of_a_unit_scale_its_outgoing_weights(digits, make_cell):
    """Also through negative products: the network equals one whose weights hold the products."""
    training = Training(make_cell("d_gating", "lenet5"), digits, dtype=torch.float64)
    method, network = training.method, training.network
    for slot in training.gated:
        method.parameters[f"{slot}.gate_1"].data.normal_(generator=torch.Generator().manual_seed(1))
    images = torch.rand(2, 5, 784, dtype=torch.float64)
    with torch.no_grad():
        gated = network.forward(images, method)
        weights, products = network.parameters, {slot: method.product(slot) for slot in training.gated}
        weights["conv2.weight"].mul_(products["conv1"].view(2, 1, -1, 1, 1))
        weights["fc1.weight"].mul_((products["conv2"].repeat_interleave(16, 1) * products["flat"]).unsqueeze(1))
        weights["fc2.weight"].mul_(products["fc1"].unsqueeze(1))
        torch.testing.assert_close(network.forward(images), gated, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_units_that_cannot_help_leave_and_training_goes_on(digits, make_cell, arch):
    settings = {"group_lambda": 1e-3, "gate_learning_rate": 0.05, "patience": 1}
    training = Training(make_cell("d_gating", arch, epochs=8, batch_size=32, width=0.2, settings=settings), digits)
    start = training.network.places()
    while training.epoch < 5:
        training.run_epoch()
    before = training.network.counts()
    assert all(int(before[slot].max()) < start[slot] for slot in ("fc1", "flat" if arch == "lenet5" else "input"))
    while not training.finished:
        training.run_epoch()
    assert training.method.penalty(training.network) is None
    assert not bool(training.guarded.any())
    assert training.loss.isfinite().all()
    assert extract(training.network, 0)


def test_without_fine_tuning_closed_units_have_final_gate_zero(digits, make_cell):
    settings = SETTINGS["d_gating"] | {"fine_tune": 0.0, "patience": None}
    training = Training(make_cell("d_gating", epochs=1, width=0.2, settings=settings), digits)
    training.method.parameters["fc1.gate_2"].data[:, :5] = 0
    training.run_epoch()
    training.method.parameters["fc1.gate_2"].data[:, :5] = 1e-9
    training.method.after_step(training.network)
    gates = training.method.final_gates()["fc1"]
    assert not gates[:, :5].any()
    assert (gates[:, 5:] != 0).all()
