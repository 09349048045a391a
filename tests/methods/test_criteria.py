"""Taylor, random, slimming and group lasso: test values of docs/baselines.md 9, 10, 12 and 13."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.group_lasso import shrink
from robustprune.methods.parts.base import incoming_norm
from robustprune.methods.parts.schedule import SIZES, remove_to_budget, smallest_units
from robustprune.methods.slimming import soft_threshold
from robustprune.methods.taylor import gate_gradient
from robustprune.networks.architecture import Architecture, Layer, Slot, architecture
from robustprune.networks.layers import cross_entropy
from robustprune.networks.size import macs, parameters
from robustprune.networks.stacked import Gated, StackedNetwork, every_unit
from robustprune.starts.parts.registry import check_cell

TINY = Architecture(
    "tiny",
    (Slot("input", 2, hidden=False), Slot("fc1", 2)),
    (Layer("fc1", "input", "fc1"), Layer("fc2", "fc1", None)),
    classes=2,
)


def trained(cell, digits, epochs=None) -> Training:
    training = Training(cell, digits, dtype=torch.float64)
    while not training.finished and training.epoch != epochs:
        training.run_epoch()
    return training


# Taylor


def test_three_ways_to_the_gradient_of_a_gate():
    """Outgoing weights, incoming weights and bias, and the gate itself: (-0.132914, 0.491712), CE 0.740657."""
    weights = {
        "fc1.weight": [[1.0, -2.0], [0.5, 1.0]],
        "fc1.bias": [0.1, -0.2],
        "fc2.weight": [[1.0, -1.0], [0.5, 2.0]],
        "fc2.bias": [0.0, 0.0],
    }
    weights = {name: torch.tensor([values], dtype=torch.float64) for name, values in weights.items()}
    network = StackedNetwork(TINY, weights, every_unit(TINY.units(), 1))
    x, y = torch.tensor([[[1.0, 0.2], [0.3, 1.0]]], dtype=torch.float64), torch.tensor([[0, 1]])
    z = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(network.forward(x, Gated(lambda slot, h: h * z if slot == "fc1" else h)), y).mean()
    loss.backward()
    assert loss.item() == pytest.approx(0.740657, abs=1e-6)
    expected = pytest.approx([-0.132914, 0.491712], abs=1e-6)
    assert z.grad.flatten().tolist() == expected
    assert gate_gradient(network, "fc1")[0].tolist() == expected
    incoming = (network.parameters["fc1.weight"] * network.parameters["fc1.weight"].grad).sum(2)
    incoming = incoming + network.parameters["fc1.bias"] * network.parameters["fc1.bias"].grad
    assert incoming[0].tolist() == expected


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_gate_gradients_of_every_slot_also_in_a_compacted_network(digits, make_cell, arch):
    training = trained(make_cell("taylor", arch, epochs=4, width=0.3), digits, 3)
    network = training.network
    training.batches.start_epoch()
    x, y = training.batches.next()
    gates = {
        slot: torch.ones(2, 1, count, dtype=torch.float64, requires_grad=True)
        for slot, count in network.places().items()
    }

    def gate(slot, h):
        return h * gates[slot].view(2, 1, -1, *[1] * (h.dim() - 3))

    training.optimizer.clear()
    cross_entropy(network.forward(x, Gated(gate)), y).mean(1).sum().backward()
    for slot, z in gates.items():
        found = gate_gradient(network, slot)
        real = network.kept[slot] >= 0
        torch.testing.assert_close(found[real], z.grad.squeeze(1)[real], rtol=1e-9, atol=1e-12)


def test_taylor_averages_squares_of_mini_batches_with_momentum(digits, make_cell):
    cell = make_cell("taylor", epochs=2, settings={"target": 0.5, "warm_up": 0.0, "prune_until": 1.0, "events": 2})
    training = Training(cell, digits, dtype=torch.float64)
    method, squares, step = training.method, [], training.method.step

    def watched(network, losses, loss):
        squares.append(gate_gradient(network, "fc2").square())
        step(network, losses, loss)

    method.step = watched
    training.batches.start_epoch()
    for _ in range(3):
        training.step()
    first = torch.stack(squares).mean(0)
    torch.testing.assert_close(method.scores(training.network)["fc2"], first)
    events = training.batches.steps
    method.moment = replace(method.moment, step=events)
    method.after_step(training.network)
    training.step()
    torch.testing.assert_close(method.scores(training.network)["fc2"], 0.9 * first + 0.1 * squares[-1])


@pytest.mark.parametrize("name", ["taylor", "random", "slimming", "magnitude"])
@pytest.mark.parametrize("measure", ["params", "macs"])
def test_criteria_meet_their_budget(digits, make_cell, name, measure):
    cell = make_cell(name, "lenet5", epochs=4, batch_size=128, width=0.3, settings={"target": 0.3, "measure": measure})
    training = trained(cell, digits)
    size = SIZES[measure]
    dense = size(training.architecture, training.units)
    for replicate in range(2):
        units = {slot: int(count[replicate]) for slot, count in training.network.counts().items()}
        assert 0.2 * dense < size(training.architecture, units) <= 0.3 * dense


@pytest.mark.parametrize("name", ["taylor", "random", "slimming", "magnitude"])
def test_a_number_of_parameters_is_the_same_from_every_width(digits, make_cell, name):
    for width in (0.2, 0.5):
        settings = {"target_params": 12_000}
        training = trained(make_cell(name, epochs=4, width=width, settings=settings), digits)
        for replicate in range(2):
            units = {slot: int(count[replicate]) for slot, count in training.network.counts().items()}
            assert 11_000 < parameters(training.architecture, units) <= 12_000


def test_numbers_of_parameters_that_cannot_be_are_refused(make_cell):
    for settings, message in (
        ({"target_params": 1000, "target": 0.1}, "exactly one of target and target_params"),
        ({}, "exactly one of target and target_params"),
        ({"target_params": 1000, "measure": "macs"}, "takes no measure macs"),
        ({"target_params": 130_000}, "130000 is more than the 125810 parameters of the starting lenet_300_100"),
    ):
        with pytest.raises(StudyError, match=message):
            check_cell(make_cell("magnitude", width=0.5, settings=settings))


@pytest.mark.parametrize("track", ["full", "hidden"])
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
@pytest.mark.parametrize("measure", ["params", "macs"])
def test_a_budget_below_the_smallest_network_is_refused(make_cell, arch, track, measure):
    network = architecture(arch)
    gated, size = network.gated(track), SIZES[measure]
    places = every_unit(network.units(), 1)
    scores = {slot: torch.rand(places[slot].shape, generator=torch.Generator().manual_seed(1)) for slot in gated}
    kept = dict(places)
    remove = remove_to_budget(network, kept, scores, 0.0, measure)
    left = {slot: int((~remove[slot]).sum()) if slot in remove else len(places[slot][0]) for slot in places}
    if "flat" in left:  # features and channels leave together; on track full one feature of one channel remains
        left["flat"] = 1 if "flat" in gated else 16 * left["conv2"]
        left["conv2"] = 1
    least = size(network, left)
    assert size(network, smallest_units(network, network.units(), gated)) == least
    start = size(network, network.units())
    check_cell(
        make_cell("magnitude", arch, track=track, settings={"target": (least + 0.5) / start, "measure": measure})
    )
    with pytest.raises(StudyError, match=f"target: asks for .* but {least} remain with one unit .* give at least"):
        check_cell(
            make_cell("magnitude", arch, track=track, settings={"target": (least - 1) / start, "measure": measure})
        )
    if measure == "params":
        check_cell(make_cell("random", arch, track=track, settings={"target_params": least}))
        with pytest.raises(StudyError, match=f"target_params: asks for {least - 1} .* give at least {least}"):
            check_cell(make_cell("random", arch, track=track, settings={"target_params": least - 1}))


@pytest.mark.parametrize("flat", [5, 6, 40, 80])
def test_random_keeps_exactly_the_units_asked_for(digits, make_cell, flat):
    """A channel would leave with its last feature, so each channel that stays keeps one."""
    units = {"conv1": 4, "conv2": 5, "flat": flat, "fc1": 20}
    settings = {"units": units, "events": 5, "warm_up": 0.0, "prune_until": 0.5}
    training = trained(make_cell("random", "lenet5", epochs=2, width=0.3, settings=settings), digits)
    for slot, count in training.network.counts().items():
        assert count.tolist() == [units[slot]] * 2, slot


def test_units_that_no_network_has_are_refused(make_cell):
    units = {"conv1": 4, "conv2": 5, "flat": 40, "fc1": 20}
    for change, message in (
        ({"flat": 4}, "flat: 4 of the 80 units of 5 channels of conv2; expected 5 to 80"),
        ({"flat": 81}, "flat: 81 of the 80 units of 5 channels of conv2; expected 5 to 80"),
        ({"fc1": 0}, "fc1: 0 of the 150 units of the starting network; expected 1 to 150"),
    ):
        with pytest.raises(StudyError, match=message):
            check_cell(make_cell("random", "lenet5", width=0.3, settings={"units": units | change}))


def test_mac_budgets_spare_linear_layers_and_cut_convolutions():
    arch = architecture("lenet5")
    kept = every_unit(arch.units(), 1)
    scores = {
        slot: torch.rand(places.shape, generator=torch.Generator().manual_seed(1)) for slot, places in kept.items()
    }
    remove = remove_to_budget(arch, kept, scores, 0.5 * macs(arch, arch.units()), "macs")
    assert remove["conv2"].sum() > 0


# random


def test_random_matches_given_widths(digits, make_cell):
    units = {"conv1": 8, "conv2": 13, "flat": 88, "fc1": 13}
    cell = make_cell("random", "lenet5", epochs=2, width=0.5, settings={"units": units})
    training = trained(cell, digits)
    counts = training.network.counts()
    assert {slot: count.tolist() for slot, count in counts.items()} == {slot: [n, n] for slot, n in units.items()}
    first, second = training.network.kept["fc1"]
    assert first.tolist() != second.tolist()
    assert not bool(training.guarded.any())


def test_random_scores_do_not_depend_on_weights_and_follow_the_seed(digits, make_cell):
    one, two = (Training(make_cell("random", settings={"target": target}), digits) for target in (0.1, 0.5))
    assert torch.equal(one.method.buffers["fc1.score"], two.method.buffers["fc1.score"])
    assert not torch.equal(one.method.buffers["fc1.score"][0], one.method.buffers["fc1.score"][1])


def test_random_needs_one_aim(make_cell):
    for settings in ({}, {"target": 0.1, "units": {"fc1": 3}}):
        with pytest.raises(StudyError, match="exactly one of target, target_params and units"):
            check_cell(make_cell("random", settings=settings))
    with pytest.raises(StudyError, match="a count for each of input, fc1, fc2, found fc1"):
        check_cell(make_cell("random", settings={"units": {"fc1": 3}}))
    for count in (301, -1):
        with pytest.raises(StudyError, match=f"units: fc1: {count} of the 300 units of the starting network"):
            check_cell(make_cell("random", settings={"units": {"input": 3, "fc1": count, "fc2": 3}}))


# slimming


def test_soft_threshold():
    s = torch.tensor([0.5, -0.5, 0.05, -0.05, 0.0])
    assert soft_threshold(s, 0.1).tolist() == pytest.approx([0.4, -0.4, 0.0, 0.0, 0.0])


def test_slimming_cuts_once_and_then_trains_without_penalty(digits, make_cell):
    cell = make_cell("slimming", epochs=4, settings={"target": 0.3, "l1": 0.5})
    training = trained(cell, digits, 2)
    assert training.method.phase(training.moment) == "fine-tuning"
    before = training.network.places()
    scales = training.method.parameters["fc1.scale"].detach().clone()
    with torch.no_grad():
        training.method.constrain(training.network)
    assert torch.equal(training.method.parameters["fc1.scale"].detach(), scales)
    while not training.finished:
        training.run_epoch()
    assert training.network.places() == before


def test_slimming_removes_the_smallest_factors(digits, make_cell):
    training = Training(make_cell("slimming", settings={"target": 0.3}), digits)
    scale = training.method.parameters["fc1.scale"]
    scale.data[:, ::2] = -3.0  # large in size, whatever the sign
    remove = remove_to_budget(
        training.architecture, training.network.kept, training.method.scores(training.network), 200_000
    )
    assert not remove["fc1"][:, ::2].any()


# group lasso


def test_proximal_step_of_a_group():
    for threshold, expected in ((1.0, [2.4, 3.2]), (5.0, [0.0, 0.0]), (6.0, [0.0, 0.0])):
        w = torch.tensor([[[3.0, 4.0]]])
        zero = shrink([w], threshold)
        assert w.flatten().tolist() == pytest.approx(expected)
        assert zero.item() == (threshold >= 5)


def test_proximal_steps_find_the_minimiser_of_a_quadratic():
    """(1/2) ||w - c||^2 + lambda ||w||: c max(0, 1 - lambda / ||c||), by proximal gradient steps."""
    c = torch.tensor([[[3.0, 4.0]]])
    for lam, expected in ((1.0, [2.4, 3.2]), (7.0, [0.0, 0.0])):
        w = torch.zeros(1, 1, 2)
        for _ in range(300):
            w -= 0.1 * (w - c)
            shrink([w], 0.1 * lam)
        assert w.flatten().tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_groups_are_rows_with_bias_and_columns_of_inputs(digits, make_cell, arch):
    training = Training(make_cell("group_lasso", arch), digits)
    network, method = training.network, training.method
    slot, size = ("fc1", 785) if arch == "lenet_300_100" else ("conv2", 501)
    tensors = method.groups(network, slot)
    assert method.group_size(network, slot).tolist() == [[size], [size]]
    assert sum(tensor[0, 0].numel() for tensor in tensors) == size
    tensors[0][0, 3] = 7.0
    assert (network.parameters[f"{slot}.weight"][0, 3] == 7).all()
    slot, size = ("input", 300) if arch == "lenet_300_100" else ("flat", 500)
    tensors = method.groups(network, slot)
    assert method.group_size(network, slot).tolist() == [[size], [size]]
    tensors[0][0, 5] = 0.0
    assert not network.parameters["fc1.weight"][0, :, 5].any()


def test_group_lasso_zeroes_groups_removes_them_and_fine_tunes_without_penalty(digits, make_cell):
    settings = {"group_lambda": 0.4, "fine_tune": 0.25, "patience": 1}
    training = trained(make_cell("group_lasso", epochs=8, settings=settings), digits, 6)
    assert training.method.phase(training.moment) == "fine-tuning"
    places = training.network.places()
    assert places["input"] < 784
    norms = incoming_norm(training.network, "fc1")
    with torch.no_grad():
        training.method.constrain(training.network)
    assert torch.equal(incoming_norm(training.network, "fc1"), norms)
    while not training.finished:
        training.run_epoch()
    assert training.network.places() == places


def test_settings_out_of_range_are_refused(make_cell):
    with pytest.raises(StudyError, match=r"strengths.group_lasso.key: group_lambda"):
        check_cell(make_cell("group_lasso", settings={"group_lambda": 0.0}))
    with pytest.raises(ValidationError):
        make_cell("slimming", replicates=0)
