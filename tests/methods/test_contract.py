"""What every method must hold to, and the registry that finds them."""

import copy

import pytest
import torch
from conftest import SETTINGS

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.parts.base import Method
from robustprune.methods.parts.registry import find_method, method_names


def test_methods_are_found_by_their_file():
    assert {"bernoulli", "dense", "magnitude"} <= set(method_names())
    assert not {"base", "registry", "noise", "prices", "estimators", "schedule"} & set(method_names())


def test_unknown_method_names_the_nearest():
    with pytest.raises(StudyError, match="did you mean 'bernoulli'"):
        find_method("bernouli")


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_dtypes_and_state_round_trip(digits, make_cell, name, arch):
    """Every method trains in float64 too, and its state survives a checkpoint."""
    cell = make_cell(name, arch, epochs=2, batch_size=128, width=0.2)
    training = Training(cell, digits, dtype=torch.float64)
    training.run_epoch()
    other = Training(cell, digits, dtype=torch.float64)
    other.restore(training.state())
    for key, tensor in (training.method.parameters | training.method.buffers).items():
        assert torch.equal(tensor, (other.method.parameters | other.method.buffers)[key]), key
    assert all(tensor.dtype == torch.float64 for tensor in other.network.parameters.values())


@pytest.mark.parametrize("name", ["vib", "beta_bernoulli"])
def test_units_may_go_before_the_gates_had_a_gradient(digits, make_cell, name):
    """Pre-training: Adam has no state for the gates yet, and begins one when they are switched on."""
    cell = make_cell(name, epochs=4, settings=SETTINGS[name] | {"pretrain": 0.5, "fine_tune": 0.0})
    training = Training(cell, digits)
    training.batches.start_epoch()
    training.step()
    training.remove({"fc1": torch.arange(300).expand(2, -1) % 3 == 0})
    training.batches.start_epoch()
    for _ in range(3):
        training.run_epoch()
    states = [training.optimizer.inner.state[tensor] for tensor in training.method.parameters.values()]
    assert all(state["exp_avg"].abs().max() > 0 for state in states)


class Sigmoid(Method):
    """Gates trained by back-propagation with a linear penalty: the other half of the contract."""

    def __init__(self, settings, context):
        super().__init__(settings, context)
        shape = {slot: (context.replicates, context.units[slot]) for slot in context.gated}
        self.parameters = {f"{slot}.logit": torch.ones(size, dtype=context.dtype) for slot, size in shape.items()}
        self.learning_rate = 0.02

    def gate(self, slot, h):
        return h * self.parameters[f"{slot}.logit"].sigmoid().unsqueeze(1)

    def penalty(self, network):
        return 2e-3 * sum(logit.sigmoid().sum(1) for logit in self.parameters.values())

    def after_step(self, network):
        if not self.moment.epoch_end:
            return None
        return {slot: gate < 0.45 for slot, gate in self.gates().items()}

    def gates(self):
        return {name.split(".")[0]: logit.detach().sigmoid() for name, logit in self.parameters.items()}


def test_back_propagated_gates_are_trained_compacted_and_checkpointed(digits, make_cell, monkeypatch):
    monkeypatch.setattr("robustprune.engine.training.find_method", lambda name: Sigmoid)
    cell = make_cell("dense", epochs=4, batch_size=32)
    training = Training(cell, digits, dtype=torch.float64)
    for _ in range(3):
        training.run_epoch()
    places = training.network.places()
    assert places["input"] < 784
    for name, tensor in training.method.parameters.items():
        slot = name.split(".")[0]
        assert tensor.shape[1] == places[slot]
        assert (tensor != 1).any()
        assert training.optimizer.inner.state[tensor]["exp_avg"].shape == tensor.shape
    assert training.optimizer.base[1] == 0.02
    assert training.optimizer.inner.param_groups[1]["weight_decay"] == 0
    other = Training(cell, digits, dtype=torch.float64)
    other.restore(copy.deepcopy(training.state()))
    for run in (training, other):
        run.run_epoch()
    for name, tensor in training.method.parameters.items():
        assert torch.equal(tensor, other.method.parameters[name])
