"""Methods that gate whole sections: estimator `flip`, prices of sections, cells of the tracks layers and joint."""

import itertools
from dataclasses import replace

import pytest
import torch
import two_sections
from conftest import after

from robustprune.engine.evaluation import evaluate
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.gathering.job_checks import check_job
from robustprune.methods.parts.estimators import COMBINE, EstimatedGate, exact
from robustprune.methods.parts.flip import flip, passes, turns
from robustprune.methods.parts.prices import Reference, complexity, complexity_prices
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.methods.parts.schedule import remove_to_budget
from robustprune.methods.taylor import gate_gradient
from robustprune.networks.architecture import architecture
from robustprune.networks.latency import Latency
from robustprune.networks.size import macs, parameters
from robustprune.networks.stacked import Gated, every_unit

THETA = (0.7, 0.4)
GATES = two_sections.GATES
LAYERS = {"architecture": "mlp_residual", "track": "layers", "depth": 3, "width": 0.2, "batch_size": 32}
JOINT = {**LAYERS, "track": "joint"}


# the estimators, on the network worked out by hand (docs/layers.md)


def test_the_mean_of_flip_is_exact():
    expected, mean, loss = torch.zeros(1, 2).double(), torch.zeros(1, 2).double(), 0.0
    for chance, xi in two_sections.draws(THETA):
        own = two_sections.losses(xi)
        loss += chance * float(own.detach().mean())
        for number, gate in enumerate(GATES):
            mean[:, [number]] += chance * flip(own, xi, {gate: [True]}, two_sections.losses)[gate]
            expected[:, [number]] += chance * exact(two_sections.losses, {**xi})[gate]
    assert loss == pytest.approx(0.852238, abs=5e-7)
    torch.testing.assert_close(mean, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(mean, torch.tensor([[0.335458, -0.407914]]).double(), rtol=0, atol=5e-7)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [("trapezoid", (0.322036, -0.319868)), ("first_order", (0.358316, -0.482212))],
)
def test_estimates_from_slopes_are_biased_for_sections(estimator, expected):
    """One gate multiplies two units: the sums of g are over both."""
    mean = torch.zeros(2).double()
    for chance, xi in two_sections.draws(THETA):
        theta = {gate: torch.tensor([[t]]).double() for gate, t in zip(GATES, THETA, strict=True)}
        sums = {gate: (torch.empty(1, 1).double(), torch.empty(1, 1).double()) for gate in GATES}

        def gate(slot, h, xi=xi, sums=sums, theta=theta):
            if slot not in xi:
                return h
            return EstimatedGate.apply(h, xi[slot], theta[slot].requires_grad_(), *sums[slot], False)

        scores = two_sections.network().forward(two_sections.X, Gated(gate))
        two_sections.cross_entropy(scores, two_sections.Y).mean().backward()
        for number, name in enumerate(GATES):
            mean[number] += chance * COMBINE[estimator](*sums[name], theta[name].detach()).item()
    torch.testing.assert_close(mean, torch.tensor(expected).double(), rtol=0, atol=5e-7)


def test_whether_a_section_pays_depends_on_the_others():
    """From both sections open, closing either alone costs more, although no section is best (c = 0.01)."""
    loss = {
        gates: float(
            two_sections.losses(
                {name: torch.full((1, 1, 1), float(own)).double() for name, own in zip(GATES, gates, strict=True)}
            )
            .detach()
            .mean()
        )
        for gates in itertools.product((0, 1), repeat=2)
    }
    assert loss[1, 1] - loss[1, 0] == pytest.approx(-0.584939, abs=1e-6)
    assert loss[0, 1] - loss[0, 0] == pytest.approx(0.005143, abs=1e-6)
    cost = {gates: value + 0.01 * sum(gates) for gates, value in loss.items()}
    assert list(cost.values()) == pytest.approx([0.615360, 0.630503, 1.196851, 0.621912], abs=5e-7)
    assert min(cost, key=cost.get) == (0, 0)
    assert cost[1, 1] < min(cost[1, 0], cost[0, 1])
    assert loss[1, 1] + 0.04 > loss[0, 1] + 0.02  # with c = 0.02 it is no local minimum


def test_sections_take_turns_on_a_cpu():
    left = [["a", "b", "c"]]
    assert [passes(left, step, False) for step in range(4)] == [[{gate: [True]}] for gate in "abca"]
    assert passes(left, 1, True) == [{"a": [True]}, {"b": [True]}, {"c": [True]}]
    assert passes([[], []], 1, False) == passes([[], []], 1, True) == []
    like = {"unit": torch.zeros(1, 4), "a": torch.zeros(1, 1), "b": torch.zeros(1, 1)}
    factors = turns(like, [["a", "b"]], {"b": [True]})
    assert factors["unit"].tolist() == [[1] * 4]
    assert (factors["a"].item(), factors["b"].item()) == (0, 2)


def test_every_network_tries_its_own_sections_in_turn():
    left = [["a", "b", "c"], ["b"], [], ["a", "c"]]
    tries = [passes(left, step, False)[0] for step in range(6)]
    for network, own in enumerate(left):
        turn = [[gate for gate, networks in tried.items() if networks[network]] for tried in tries]
        assert turn == [[own[step % len(own)]] if own else [] for step in range(6)]
    like = {"unit": torch.zeros(4, 2), **{gate: torch.zeros(4, 1) for gate in "abc"}}
    moved = sum(torch.cat(list(turns(like, left, tried).values())[1:], 1) for tried in tries) / 6
    assert moved.tolist() == [[1, 1, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]]


def test_flips_of_some_networks_leave_the_others(digits, make_cell):
    """One pass in which two networks try different sections estimates what a pass for each of them does."""
    training = Training(make_cell(**LAYERS, settings={"price": 1e-2}), digits, dtype=torch.float64)
    training.batches.start_epoch()
    x, y = training.batches.next()
    training.method.draw(x.shape[1])
    xi = training.method.xi

    def losses(gates):
        with torch.no_grad():
            return training.losses(x, y, Gated(lambda slot, h: h * gates[slot] if slot in gates else h))

    own = losses(xi)
    found = flip(own, xi, {"block1_gate": [True, False], "block3_gate": [False, True]}, losses)
    for network, gate, other in ((0, "block1_gate", "block3_gate"), (1, "block3_gate", "block1_gate")):
        alone = flip(own, xi, {gate: [True, True]}, losses)[gate]
        assert found[gate][network].item() == pytest.approx(alone[network].item(), rel=1e-12)
        assert found[gate][network] != 0
        assert found[other][network] == 0


def test_a_network_does_not_depend_on_the_others_of_its_cell(make_cell, digits):
    """The four end with other sections at other times. Their seeds are those of a cell of one."""
    ends = {}
    for replicates in (1, 4):
        cell = make_cell(**LAYERS, settings={"price": 0.3, "drift_layers": 1e-2}, replicates=replicates, epochs=4)
        training = Training(cell, digits, dtype=torch.float64)
        seen = []
        while not training.finished:
            training.run_epoch()
            by_slot = training.method.by_slot(training.method.theta)
            left = {gate: training.network.counts()[gate].tolist() for gate in training.architecture.sections}
            seen.append(({gate: by_slot[gate][0].sum().item() for gate in left}, left, training.arithmetic.total[0]))
        ends[replicates] = seen
    apart = False
    for (theta, left, macs_), (theta_of_four, left_of_four, macs_of_four) in zip(ends[1], ends[4], strict=True):
        assert theta_of_four == pytest.approx(theta, abs=1e-6)
        assert {gate: count[0] for gate, count in left_of_four.items()} == {g: count[0] for g, count in left.items()}
        assert macs_of_four == macs_
        apart |= any(len(set(count)) > 1 for count in left_of_four.values())
    assert apart


# prices (docs/layers.md)

SIZES = {"input": 300.0, "stem": 80.0, "block1": 40.0, "block1_gate": 0.9, "block2": 25.5, "block2_gate": 0.3}
DEPTH_2 = architecture("mlp_residual", 2)
DENSE_2 = Reference.of(DEPTH_2, DEPTH_2.units())


def tensors(sizes):
    return {slot: torch.tensor([float(count)], dtype=torch.float64) for slot, count in sizes.items()}


def test_expected_counts_and_prices_by_hand():
    expected = tensors(SIZES)
    assert (DENSE_2.macs, DENSE_2.params, DENSE_2.sections) == (119_400, 119_710, 2)
    assert macs(DEPTH_2, expected).item() == pytest.approx(31_784.00)
    assert parameters(DEPTH_2, expected).item() == pytest.approx(31_917.65)
    assert 0.2 * complexity(DEPTH_2, expected, DENSE_2, 0.5, 0.1).item() == pytest.approx(0.065282, abs=5e-7)
    prices = {
        slot: price.item() for slot, price in complexity_prices(DEPTH_2, expected, DENSE_2, 0.2, 0.5, 0.1).items()
    }
    assert prices["block1_gate"] == pytest.approx(0.020740, abs=5e-7)
    assert prices["block2_gate"] == pytest.approx(0.016847, abs=5e-7)
    assert prices["block1"] == pytest.approx(2.41646e-4, rel=2e-6)
    assert prices["block2"] == pytest.approx(8.05485e-5, rel=2e-6)
    assert prices["input"] == pytest.approx(1.33830e-4, rel=4e-6)


def test_counts_change_with_each_gate_as_by_hand():
    """The derivatives of MACs and parameters in the expected units of each slot."""
    expected = {slot: size.requires_grad_() for slot, size in tensors(SIZES).items()}
    slots = ["block1_gate", "block2_gate", "block1", "block2", "input"]
    for count, by_hand in (
        (macs, [6400, 4080, 144, 48, 80]),
        (parameters, [6440, 4105.5, 144.9, 48.3, 80]),
    ):
        found = torch.autograd.grad(count(DEPTH_2, expected).sum(), [expected[slot] for slot in slots])
        assert [slope.item() for slope in found] == pytest.approx(by_hand)


def test_the_whole_network_costs_nu_times_one_plus_r():
    whole = 0.2 * complexity(DEPTH_2, tensors(DEPTH_2.units()), DENSE_2, 0.5, 0.1)
    assert whole.item() == pytest.approx(0.22)
    nothing = dict.fromkeys(SIZES, 0.0)
    assert 0.2 * complexity(DEPTH_2, tensors(nothing), DENSE_2, 0.5, 0.1).item() == pytest.approx(8.35352e-6, rel=1e-6)


def test_expected_counts_are_those_of_all_gate_draws():
    """3 inputs, a stream of 2, one section of 2 units: E[MACs] 27.04, E[params] 39.95 over all 64 states."""
    made = architecture("mlp_residual", 1)
    theta = {"input": (0.3, 0.8, 0.6), "block1": (0.4, 0.9), "block1_gate": (0.7,)}
    means = [0.0, 0.0]
    for states in itertools.product((0, 1), repeat=6):
        flat = [t for values in theta.values() for t in values]
        chance = 1.0
        for t, state in zip(flat, states, strict=True):
            chance *= t if state else 1 - t
        units = {"input": sum(states[:3]), "stem": 2, "block1": sum(states[3:5]), "block1_gate": states[5]}
        means = [means[0] + chance * macs(made, units), means[1] + chance * parameters(made, units)]
    expected = {"input": 1.7, "stem": 2.0, "block1": 1.3, "block1_gate": 0.7}
    assert means == pytest.approx([27.04, 39.95])
    assert [macs(made, expected), parameters(made, expected)] == pytest.approx(means)


def method_of(cell, digits):
    return Training(cell, digits, dtype=torch.float64).method


def test_the_standard_reference_has_width_1_and_depth_4(make_cell, digits):
    settings = {"cost": "complexity", "nu": 0.2, "reference": "standard", "r": 0.5}
    method = method_of(make_cell(**JOINT | {"depth": 2}, settings=settings), digits)
    assert (method.reference.params, method.reference.sections) == (159_910, 4)
    method.theta.fill_(1)
    price = method.by_slot(method.prices())["block1_gate"][0, 0].item()
    assert price == pytest.approx(0.2 * (0.5 * 800 / 159_400 + 0.5 * 820 / 159_910 + 0.5 / 4))


def test_steps_of_a_unit_do_not_grow_without_bound_as_its_section_closes(make_cell, digits):
    """eta = drift / max(c, c0 / 20); gates of sections have a drift of their own."""
    settings = {"cost": "complexity", "nu": 0.2, "drift": 3e-3, "drift_layers": 1e-3}
    method = method_of(make_cell(**JOINT, settings=settings), digits)
    method.theta.fill_(1)
    whole = method.by_slot(method.prices())
    columns = method.by_slot(method.theta)
    columns["block2_gate"].fill_(0.01)
    divisors = method.by_slot(method.divisors(method.prices()))
    torch.testing.assert_close(divisors["block2"], whole["block2"] / 20)
    torch.testing.assert_close(divisors["block1"], whole["block1"])
    torch.testing.assert_close(divisors["block1_gate"], 3 * whole["block1_gate"])


def test_each_kind_of_gate_has_a_window_of_its_own(make_cell, digits):
    """Sections move slower: their first window opens later. What is idle goes at the end of its own window."""
    settings = {"price": 1e-3, "drift": 0.25, "drift_layers": 0.01, "removal_at": "window", "window": 3}
    method = method_of(make_cell(**JOINT, settings=settings), digits)
    for name in ("theta_sum", "slope_sum"):
        method.buffers[f"gated.{name}"].fill_(0 if name == "theta_sum" else 1)
    units = after(method, 5)  # the window of units: steps 2 to 5
    assert set(units) == {"input", "block1", "block2", "block3"}
    assert all(bool(gone.all()) for gone in units.values())
    assert method.by_slot(method.buffers["gated.slope_sum"])["block1_gate"].eq(1).all()
    sections = after(method, 53)
    assert sections["block1_gate"].all()


# cells


def trained(cell, digits, epochs=None):
    training = Training(cell, digits)
    while not training.finished and training.epoch != epochs:
        training.run_epoch()
    return training


def entries(training):
    return [evaluate(training, replicate, Latency(1.0, 1.0))[0] for replicate in range(training.cell.replicates)]


def test_a_price_above_all_value_closes_every_section(make_cell, digits):
    """784-20-10 is left: no collapse; nothing of a section is left to train or to count."""
    cell = make_cell(**LAYERS, settings={"price": 3.0, "drift_layers": 3e-2}, epochs=4)
    training = trained(cell, digits)
    assert training.network.places() == {"input": 784, "stem": 20} | dict.fromkeys(
        [f"block{n}{end}" for n in (1, 2, 3) for end in ("", "_gate")], 0
    )
    assert set(training.optimizer.named) == {"stem.weight", "stem.bias", "head.weight", "head.bias"}
    assert (training.arithmetic.forward == 784 * 20 + 20 * 10).all()
    for entry in entries(training):
        assert entry.status == "ok"
        assert entry.depth_kept == 0
        assert entry.units_kept == "784-20-0-0-0-0-0-0"
        assert entry.error_test_percent < 30


def test_one_more_pass_per_step_while_sections_are_tried(make_cell, digits):
    training = trained(make_cell(**LAYERS, settings={"price": 1e-9}, epochs=1), digits)
    network = training.architecture
    units, steps = training.units, training.batches.steps
    forward, first = macs(network, units), 784 * units["stem"]
    assert training.arithmetic.total.tolist() == [32 * steps * (4 * forward - first)] * 2


def test_a_section_moves_in_its_turn_as_far_as_all_would_together(make_cell, digits):
    training = Training(make_cell(**LAYERS, settings={"price": 1e-2, "drift_layers": 1e-2}), digits)
    training.batches.start_epoch()
    seen = [training.method.theta.clone()]
    for _ in range(3):
        training.step()
        training._set_moment(training.budget.after_step(training.moment, training.arithmetic.total))
        seen.append(training.method.theta.clone())
    for number, (before, now) in enumerate(itertools.pairwise(seen)):
        moved = (before != now).all(0).tolist()
        assert moved == [place == number for place in range(3)]
    estimate = training.method.buffers["gated.slope_sum"] / 3 - 1e-2
    torch.testing.assert_close(seen[-1], (0.5 - 3 * (estimate + 1e-2)).clamp(0, 1), rtol=0, atol=1e-6)


def test_a_gpu_tries_all_sections_in_every_step(make_cell, digits):
    """Told to on a CPU: a pass for each section, counted for the networks that have it, and every section moves."""
    training = Training(make_cell(**LAYERS, settings={"price": 1e-2}), digits, dtype=torch.float64)
    training.method.all_at_once = True
    training.remove({"block2_gate": torch.tensor([[False], [True]])})
    training.arithmetic.measure(training.network)
    training.batches.start_epoch()
    before = training.method.theta.clone()
    training.step()
    training.arithmetic.count_step()
    assert training.method.turn is None
    assert training.arithmetic.calls.tolist() == [3, 2]
    moved = before != training.method.theta
    assert moved[0].all()
    assert moved[1, [0, 2]].all()


MOSTLY_KEPT = {"target": 0.98}
"""Pixels and streams, which tracks layers and hidden leave alone, hold most params of a narrow network."""
CELLS = {
    "bernoulli": {"price": 0.3, "drift": 3e-2, "drift_layers": 3e-2},
    "generalized_dropout": {"b": 30.0, "gate_learning_rate": 0.1, "patience": 1},
    "taylor": {"target": 0.5},
    "random": {"target": 0.5},
}


@pytest.mark.parametrize("method", CELLS)
@pytest.mark.parametrize("network", ["mlp_residual", "lenet5_residual"])
def test_units_and_sections_leave_together_and_a_training_resumes(method, network, make_cell, digits):
    """Killed and resumed in the middle, it ends in the same bits."""
    cell = make_cell(
        method,
        **JOINT | {"architecture": network, "depth": 2 if network == "mlp_residual" else 1},
        settings=CELLS[method],
        epochs=4,
    )
    small = replace(digits, train_images=digits.train_images[:320], train_labels=digits.train_labels[:320])
    whole, middle = trained(cell, small), trained(cell, small, epochs=2)
    resumed = Training(cell, small)
    resumed.restore(middle.state())
    while not resumed.finished:
        resumed.run_epoch()
    assert resumed.network.places() == whole.network.places()
    for name, tensor in whole.network.parameters.items():
        assert torch.equal(tensor, resumed.network.parameters[name]), name
    for gate, inside in whole.architecture.sections.items():
        counts = whole.network.counts()
        assert ((counts[gate] > 0) == (counts[inside] > 0)).all()
    assert any(bool((count < whole.units[slot]).any()) for slot, count in whole.network.counts().items())


@pytest.mark.parametrize("method", [name for name in method_names() if not find_method(name).chains_only])
def test_every_method_of_layers_gates_units_inside_sections(method, make_cell, digits):
    own = {"bernoulli": {"price": 3e-2}, "generalized_dropout": CELLS["generalized_dropout"]}
    own |= dict.fromkeys(("taylor", "random", "magnitude", "slimming"), MOSTLY_KEPT)
    given = {"settings": own[method]} if method in own else {}
    cell = make_cell(method, **LAYERS | {"track": "hidden", "depth": 1}, **given, epochs=2)
    small = replace(digits, train_images=digits.train_images[:160], train_labels=digits.train_labels[:160])
    for entry in entries(trained(cell, small)):
        assert entry.status in ("ok", "collapsed")
        assert entry.units_kept.startswith("784-20-")


def test_taylor_sees_the_slope_in_the_gate_of_a_section():
    """sum of w dL/dw over the weights that add to the stream = dL/dz of a gate z = 1 of the section."""
    network = two_sections.network()
    z = {gate: torch.ones(1, 1, 1, dtype=torch.float64, requires_grad=True) for gate in GATES}
    loss = two_sections.cross_entropy(network.forward(two_sections.X, two_sections.gated(z)), two_sections.Y).mean()
    loss.backward()
    for gate in GATES:
        torch.testing.assert_close(gate_gradient(network, gate), z[gate].grad.view(1, 1))


def test_a_budget_closes_whole_sections():
    """The section of lowest score goes with its units; the last unit of a section takes its gate along."""
    made = architecture("mlp_residual", 3)
    kept = every_unit(made.units(0.2), 1)
    scores = {f"block{n}_gate": torch.tensor([[float(value)]]) for n, value in ((1, 3), (2, 1), (3, 2))}
    whole = parameters(made, made.units(0.2))
    gone = remove_to_budget(made, kept, scores, whole - 1)
    assert [bool(gone[f"block{n}_gate"]) for n in (1, 2, 3)] == [False, True, False]
    inside = {f"block{n}": torch.arange(20.0).unsqueeze(0) + 100 * n for n in (1, 2, 3)}
    gone = remove_to_budget(made, kept, inside, parameters(made, made.units(0.2) | {"block1_gate": 0}))
    assert bool(gone["block1"].all())
    assert not bool(gone["block2"].any())


# refusals, before any job

REFUSED = {
    "a method without gates of sections": ({"method": "vib"}, LAYERS, "vib cannot gate sections; use track full or"),
    "sections of a chain": (
        {"method": "dense"},
        {"architecture": "lenet5", "track": "layers"},
        "track layers of lenet5: the network has no sections",
    ),
    "nothing to gate": (
        {"method": "bernoulli", "settings": {"price": 1e-2}},
        LAYERS | {"depth": 0},
        "track layers of mlp_residual at depth 0: there is no slot to prune",
    ),
    "layers of its own": ({"method": "bc_gnj"}, LAYERS | {"track": "hidden"}, "cannot train a network with sections"),
    "predictors of layers": ({"method": "cafo"}, LAYERS | {"track": "hidden"}, "cafo is for chains of layers"),
    "a control without a factor for the depth": (
        {"method": "width_uniform", "settings": {"of": "bernoulli/c"}},
        JOINT,
        "width_uniform cannot gate sections; use track full or hidden, or one that has layer_gates = True (",
    ),
    "a cap without sections": (
        {"method": "bernoulli", "settings": {"price": 1e-2, "theta_cap": 0.9}},
        LAYERS | {"track": "full"},
        "theta_cap: no slot is the gate of a section here; use track layers or joint, from depth 1",
    ),
    "a cap at which gates are rounded to closed": (
        {"method": "bernoulli", "settings": {"price": 1e-2, "theta_cap": 0.5}},
        LAYERS,
        "theta_cap",
    ),
    "r without sections": (
        {"method": "bernoulli", "settings": {"cost": "complexity", "nu": 0.2, "r": 0.5}},
        LAYERS | {"track": "hidden"},
        "r: no slot is the gate of a section here; use track layers or joint, from depth 1",
    ),
    "r at depth 0": (
        {"method": "bernoulli", "settings": {"cost": "complexity", "nu": 0.2, "r": 0.5}},
        JOINT | {"depth": 0},
        "r: no slot is the gate of a section here; use track layers or joint, from depth 1",
    ),
    "r of a uniform price": ({"method": "bernoulli", "settings": {"price": 1e-2, "r": 0.5}}, JOINT, "r is for cost"),
    "an average": (
        {"method": "bernoulli", "settings": {"price": 1e-2, "average_over": 5}},
        LAYERS,
        "it takes no average_over and no noise",
    ),
    "an estimator from losses": (
        {"method": "bernoulli", "settings": {"price": 1e-2, "estimator": "arm"}},
        JOINT,
        "estimator: where sections are gated it is one of first_order",
    ),
    "no depth": ({"method": "dense"}, LAYERS | {"depth": None}, "give its number of sections"),
    "a depth of a chain": ({"method": "dense"}, {"architecture": "lenet5", "depth": 2}, "lenet5 has no sections"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_trained_is_refused_before_any_job(kind, make_cell):
    own, network, message = REFUSED[kind]
    with pytest.raises(StudyError) as caught:
        check_job(make_cell(**{**network, **own}), "cpu")
    assert message in str(caught.value)


NEEDED = {"bernoulli": {"price": 1e-2}, "generalized_dropout": {"b": 30.0}}
NEEDED |= dict.fromkeys(("taylor", "random", "magnitude"), MOSTLY_KEPT)
OF_SECTIONS = {"bernoulli", "dense", "generalized_dropout", "random", "taylor"}


@pytest.mark.parametrize("method", method_names())
def test_every_method_gates_sections_or_is_refused_before_any_job(method, make_cell):
    """The refusal comes before the settings are looked at: which track a method fits does not depend on them."""
    for track in ("layers", "joint"):
        cell = make_cell(method, **LAYERS | {"track": track}, settings=NEEDED.get(method, {}))
        if method in OF_SECTIONS:
            check_job(cell, "cpu")
        else:
            with pytest.raises(StudyError, match=rf"track {track} of mlp_residual at depth 3: {method} cannot gate"):
                check_job(cell, "cpu")


def test_a_cap_holds_for_sections_alone_and_is_lifted_in_the_last_quarter(make_cell, digits):
    """Every estimate is -1, so that each step opens all gates by drift / price, far beyond 1."""
    settings = {"price": 1e-2, "theta_cap": 0.9}
    training = Training(make_cell(**JOINT, settings=settings, epochs=4), digits)
    method = training.method
    method.estimate = lambda losses, loss: torch.full_like(method.theta, -1.0)
    steps = 4 * training.batches.steps
    for step, largest, phase in ((0, 0.9, True), (3 * steps // 4 - 1, 0.9, True), (3 * steps // 4, 1.0, False)):
        method.moment = replace(training.moment, step=step)
        assert method.phase(method.moment) == ("sampled", phase)
        method.theta.fill_(0.6)
        for _ in range(6):
            method.step(training.network, torch.zeros(2, 1), None)
        theta = method.by_slot(method.theta)
        assert all(float(theta[gate].max()) == pytest.approx(largest) for gate in method.sections)
        assert float(theta["block1"].max()) == 1
    plain = Training(make_cell(**JOINT, settings={"price": 1e-2}, epochs=4), digits).method
    assert plain.phase(plain.moment) == "sampled"


@pytest.mark.parametrize("depth", [0, 1, 8])
def test_dense_training_fits_every_depth_and_track(depth, make_cell):
    for track in ("full", "hidden", "layers", "joint"):
        check_job(make_cell("dense", **LAYERS | {"depth": depth, "track": track}), "cpu")
