"""Equal freedom (docs/baselines.md 0.7): what one self-sizing method may set, the others may set too."""

from dataclasses import replace

import pytest
import torch
from conftest import SETTINGS

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.parts.group_sizes import weights_per_gate
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.networks.architecture import architecture
from robustprune.starts.parts.registry import check_cell

CLOSED = {
    "l0_hc": ("log_alpha", -4.5),
    "l0_arm": ("phi", -1.0),
    "generalized_dropout": ("theta", 0.01),
    "beta_bernoulli": ("a", -10.0),
    "sbp": ("mu", -20.0),
    "bmrs_n": ("mu", -20.0),
    "bmrs_u": ("mu", -20.0),
    "vib": ("log_variance", 4.0),
    "bc_gnj": ("log_variance", 4.0),
    "bc_ghs": ("inverse_mean", -30.0),
    "ss_ig": ("t", -5.0),
    "group_lasso": ("zero", True),
    "d_gating": ("gate_1", 0.0),
}
"""Method -> what closes a unit, by hand."""
SIZING = [*CLOSED, "slimming"]
PENALISED = [name for name in CLOSED if name != "group_lasso"]


def trial(digits, make_cell, name, epochs=10, **values) -> Training:
    settings = SETTINGS.get(name, {}) | values
    return Training(make_cell(name, epochs=epochs, settings=settings), digits, dtype=torch.float64)


def penalty_gradients(training: Training) -> dict[str, torch.Tensor]:
    """Gradient of the penalty by parameter of method and network, where there is one."""
    method, network = training.method, training.network
    method.draw(8)
    tensors = method.parameters | {f"network {name}": tensor for name, tensor in network.parameters.items()}
    found = torch.autograd.grad(method.penalty(network).sum(), list(tensors.values()), allow_unused=True)
    return {name: grad for name, grad in zip(tensors, found, strict=True) if grad is not None}


@pytest.mark.parametrize("name", PENALISED)
def test_a_ratio_scales_the_gradient_of_its_slot_and_no_other(digits, make_cell, name):
    plain, scaled = (penalty_gradients(trial(digits, make_cell, name, ratios=r)) for r in ({}, {"fc1": 3.0}))
    layer = "fc1" if name == "ss_ig" else "fc2"  # ss_ig selects nodes, the others control what reads a unit
    own = [n for n in plain if n.startswith("fc1.") or n.endswith((" fc1", f"/{layer}.weight", f" {layer}.weight"))]
    own += [n for n in plain if n.endswith((f"/{layer}.bias", f" {layer}.bias"))]
    assert own
    assert len(own) < len(plain)
    for parameter, grad in plain.items():
        factor = 3.0 if parameter in own else 1.0
        torch.testing.assert_close(scaled[parameter], factor * grad, rtol=1e-12, atol=0)


def test_a_ratio_scales_the_prices_of_its_slot_and_no_other(digits, make_cell):
    plain, scaled = (trial(digits, make_cell, "bernoulli", ratios=r).method for r in ({}, {"fc1": 3.0}))
    prices, own = (method.by_slot(method.prices()) for method in (plain, scaled))
    for slot, price in prices.items():
        torch.testing.assert_close(own[slot], (3 if slot == "fc1" else 1) * price, rtol=1e-6, atol=0)
    with pytest.raises(StudyError, match="ratios: cost complexity sets the prices"):
        check_cell(make_cell("bernoulli", settings={"cost": "complexity", "nu": 0.1, "ratios": {"fc1": 3.0}}))


def test_ratios_of_proximal_steps(digits, make_cell, monkeypatch):
    """What a step takes from the norm of a group, or from a factor, is three times as much in the slot of ratio 3."""
    for name, function in (("group_lasso", "shrink"), ("slimming", "soft_threshold")):
        taken = []
        for ratios in ({}, {"fc1": 3.0}):
            training = trial(digits, make_cell, name, ratios=ratios)
            thresholds = []

            def recorded(values, threshold, thresholds=thresholds):
                thresholds.append(torch.as_tensor(threshold).flatten()[0].item())
                return torch.zeros(()) if isinstance(values, list) else values.clone()

            monkeypatch.setattr(f"robustprune.methods.{name}.{function}", recorded)
            with torch.no_grad():
                training.method.constrain(training.network)
            taken.append(thresholds)
        assert taken[1] == pytest.approx([taken[0][0], 3 * taken[0][1], taken[0][2]], rel=1e-6)
        assert min(taken[0]) > 0


def test_every_method_with_a_strength_has_the_same_freedom():
    assert "ratios" in find_method("bernoulli").Settings.model_fields
    for name in SIZING:
        fields = find_method(name).Settings.model_fields
        assert "ratios" in fields, name
        assert name == "slimming" or "patience" in fields
        assert name == "group_lasso" or "gate_learning_rate" in fields
    criteria = {"magnitude", "taylor", "random", "cafo"}
    assert set(method_names()) == {*SIZING, *criteria, "dense", "bernoulli"}


@pytest.mark.parametrize("name", [*SIZING, "bernoulli"])
def test_unknown_slots_and_ratios_without_meaning_are_refused(make_cell, name):
    with pytest.raises(StudyError, match=rf"{name}.key: ratios: lenet_300_100 has no slot 'fc'; did you mean 'fc"):
        check_cell(make_cell(name, settings=SETTINGS.get(name, {}) | {"ratios": {"fc": 2.0}}))
    for ratio in (0.0, float("inf")):
        with pytest.raises(StudyError, match=r"ratios.fc1"):
            check_cell(make_cell(name, settings=SETTINGS.get(name, {}) | {"ratios": {"fc1": ratio}}))


@pytest.mark.parametrize(("name", "setting"), [("l0_hc", "l0_lambda"), ("l0_arm", "l0_lambda"), ("sbp", None)])
def test_strengths_by_slot_name_every_gated_slot(make_cell, name, setting):
    if setting is None:
        name, setting = "beta_bernoulli", "kl_scale"
    with pytest.raises(StudyError, match=f"{setting}: no entry for slot 'input'"):
        check_cell(make_cell(name, settings={setting: {"fc1": 1.0, "fc2": 1.0}}))
    with pytest.raises(StudyError, match=f"{setting}: lenet_300_100 has no slot 'inputs'; did you mean 'input'"):
        check_cell(make_cell(name, settings={setting: {"inputs": 1.0, "fc1": 1.0, "fc2": 1.0}}))


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("patience", [2, None])
def test_units_leave_after_patience_and_not_when_they_reopen(digits, make_cell, name, patience):
    """Unit 0 stays closed, unit 1 is open at the end of the second epoch, unit 2 is open."""
    training = trial(digits, make_cell, name, patience=patience)
    method, (key, value) = training.method, CLOSED[name]
    state = (method.parameters | method.buffers)[f"fc1.{key}"].data
    opened, gone = state.clone(), []
    for epoch in range(1, 6):
        state[:, 0] = value
        state[:, 1] = opened[:, 1] if epoch == 2 else value
        method.moment = replace(method.moment, step=epoch * training.batches.steps)
        removal = method.after_step(training.network)
        gone.append(None if removal is None else removal["fc1"][0, :3].tolist())
    if patience is None:
        assert gone == [None] * 5
    else:
        first, both = [True, False, False], [True, True, False]
        assert gone == [[False] * 3, first, first, both, both]


def test_early_removal_trains_fewer_units_before_the_freeze(digits, make_cell):
    ends = []
    for patience in (2, None):
        settings = {"kappa": 1e-2, "gate_learning_rate": 0.1, "patience": patience}
        training = Training(make_cell("vib", epochs=8, width=0.2, settings=settings), digits)
        while training.epoch < 5:
            training.run_epoch()
        places = training.network.places()["input"]
        while not training.finished:
            training.run_epoch()
        ends.append((places, training.arithmetic.total.mean(), training.network.places()["input"]))
    (early, early_macs, _), (late, late_macs, left) = ends
    assert early < late == 784 > left
    assert early_macs < 0.9 * late_macs


@pytest.mark.parametrize("name", ["l0_hc", "l0_arm", "d_gating", "vib", "slimming"])
def test_the_learning_rate_of_gates_is_one_setting(digits, make_cell, name):
    """One step of Adam moves every gate by its learning rate."""
    training = trial(digits, make_cell, name, gate_learning_rate=0.02)
    assert training.optimizer.base == [1e-3, 0.02]


def test_slimming_shrinks_by_the_learning_rate_of_its_factors(digits, make_cell):
    training = trial(digits, make_cell, "slimming", gate_learning_rate=0.02, l1=0.5)
    with torch.no_grad():
        training.method.constrain(training.network)
    assert training.method.parameters["fc1.scale"].unique().tolist() == pytest.approx([1 - 0.02 * 0.5])


@pytest.mark.parametrize("name", ["l0_hc", "l0_arm", "d_gating"])
def test_a_held_price_is_that_of_width_1(digits, make_cell, name):
    def prices(width, **values):
        cell = make_cell(name, width=width, settings=SETTINGS[name] | values)
        return Training(cell, digits).method.prices

    standard = prices(1.0)
    assert prices(2.0, price_of="standard") == standard
    wide = prices(2.0)
    assert wide["input"] > standard["input"]
    assert wide["fc2"] == standard["fc2"]  # ten classes at every width


def test_group_lasso_at_a_held_price(digits, make_cell):
    def found(width, slot, **values):
        cell = make_cell("group_lasso", width=width, settings=SETTINGS["group_lasso"] | values)
        training = Training(cell, digits)
        return training.method.group_size(training.network, slot).unique().tolist()

    assert found(2.0, "fc2") == [601]
    assert found(2.0, "fc2", price_of="standard") == [301]
    assert found(2.0, "input", price_of="standard") == [300]


def test_the_size_of_a_group_is_the_replicates_own(digits, make_cell):
    """A replicate is penalised beside a wider neighbour as it is alone."""
    shrunk = []
    for replicates in (1, 2):
        cell = make_cell("group_lasso", replicates=replicates, settings={"group_lambda": 5.0})
        training = Training(cell, digits, dtype=torch.float64)
        gone = torch.zeros(replicates, 300, dtype=torch.bool)
        gone[0, 100:] = True
        training.remove({"fc1": gone})
        with torch.no_grad():
            training.method.constrain(training.network)
        shrunk.append(training)
    alone, beside = (training.network.parameters for training in shrunk)
    assert beside["fc1.weight"].shape[1] == 300
    for name, tensor in alone.items():
        own = tuple(slice(size) for size in tensor.shape[1:])
        torch.testing.assert_close(beside[name][0][own], tensor[0], rtol=1e-12, atol=1e-15)
    method, network = shrunk[1].method, shrunk[1].network
    assert method.group_size(network, "fc2").tolist() == [[101], [301]]
    assert method.group_size(network, "input").tolist() == [[100], [300]]


def test_weights_per_gate_follow_the_units():
    network = architecture("lenet5")
    assert weights_per_gate(network, network.units(0.5), "conv2", True) == 10 * 25 + 1
    assert weights_per_gate(network, network.units(), "conv2", True) == 20 * 25 + 1


def test_second_products_are_declared():
    """Local reparameterisation computes the variance of every layer's outputs beside their mean."""
    assert {name for name in method_names() if find_method(name).second_products} == {"bc_gnj", "bc_ghs"}
