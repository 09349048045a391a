"""The optimizers of the weights: SGD and decoupled weight decay against their formulas and against torch."""

import copy

import pytest
import torch

from robustprune.engine.optimizer import StackedOptimizer, _Adam
from robustprune.engine.training import Training
from robustprune.study.training_settings import TrainingSettings

LAYER = "fc3.weight"


def make_training(make_cell, data, method="dense", **values):
    training = TrainingSettings(epochs=3, batch_size=64, **({"l2": 0.1, "learning_rate": 0.01} | values))
    return Training(make_cell(method, training=training, width=0.1), data, dtype=torch.float64)


def steps_with_gradients(training, count):
    """Yield, after each of `count` steps, the gradient that the step used and the weights after it."""
    training.batches.start_epoch()
    for _ in range(count):
        training.step()
        tensor = training.network.parameters[LAYER]
        yield tensor.grad.clone(), tensor.detach().clone()


@pytest.mark.parametrize("decay", ["coupled", "decoupled"])
def test_sgd_has_momentum_and_either_decay(digits, make_cell, decay):
    """v = 0.9 v + g (+ l2 w where coupled), w = w - lr v (of (1 - lr l2) w where decoupled)."""
    training = make_training(make_cell, digits, optimizer="sgd", weight_decay=decay)
    w = training.network.parameters[LAYER].detach().clone()
    v = torch.zeros_like(w)
    for g, after in steps_with_gradients(training, 3):
        if decay == "coupled":
            v = 0.9 * v + g + 0.1 * w
        else:
            v, w = 0.9 * v + g, (1 - 0.01 * 0.1) * w
        w = w - 0.01 * v
        torch.testing.assert_close(after, w, rtol=0, atol=1e-14)


def test_decoupled_adam_is_adamw(digits, make_cell):
    training = make_training(make_cell, digits, weight_decay="decoupled")
    own = training.network.parameters[LAYER].detach().clone().requires_grad_()
    adamw = torch.optim.AdamW([own], lr=0.01, weight_decay=0.1)
    for g, after in steps_with_gradients(training, 3):
        own.grad = g
        adamw.step()
        torch.testing.assert_close(after, own.detach(), rtol=0, atol=1e-14)


def test_decoupled_decay_spares_a_methods_own_parameters_and_follows_the_rate(digits, make_cell):
    """Without gradients the weights shrink by 1 - rate * lr * l2, gate parameters stay."""
    training = make_training(make_cell, digits, "l0_hc", optimizer="sgd", weight_decay="decoupled")
    optimizer = training.optimizer
    optimizer.set_rate(0.1)
    before = {name: tensor.detach().clone() for name, tensor in optimizer.named.items()}
    for tensor in optimizer.named.values():
        tensor.grad = torch.zeros_like(tensor)
    with torch.no_grad():
        optimizer.step()
    for name, tensor in optimizer.named.items():
        factor = 1.0 if name.startswith("method/") else 1 - 0.1 * 0.01 * 0.1
        torch.testing.assert_close(tensor.detach(), factor * before[name], rtol=0, atol=1e-15)


@pytest.mark.parametrize("method", ["bernoulli", "vib"])
def test_sgd_trains_gates_and_resumes_bit_identically(digits, make_cell, method):
    """The momentum is in the checkpoint, and follows the units through a removal."""
    training = make_training(make_cell, digits, method, optimizer="sgd", weight_decay="decoupled")
    training.batches.start_epoch()
    training.step()
    training.remove({"fc1": torch.arange(30).expand(2, -1) % 3 == 0})
    training.run_epoch()
    for name, state in training.optimizer.moments().items():
        assert state["momentum_buffer"].shape == training.optimizer.named[name].shape
        assert state["momentum_buffer"].abs().max() > 0
    other = make_training(make_cell, digits, method, optimizer="sgd", weight_decay="decoupled")
    other.restore(copy.deepcopy(training.state()))
    for run in (training, other):
        run.run_epoch()
    for name, tensor in training.optimizer.named.items():
        assert torch.equal(tensor, other.optimizer.named[name])


def test_a_method_may_hold_its_parameters_still(digits, make_cell):
    """A rate of 0 is one; None is the rate of the weights."""
    training = Training(make_cell("sbp", settings={"kl_scale": 1.0}), digits)
    rates = {}
    for rate in (0.0, None, 0.02):
        training.method.learning_rate = rate
        made = StackedOptimizer(training.cell, training.network, training.method, 1.0, None)
        rates[rate] = made.inner.param_groups[1]["lr"]
    assert rates == {0.0: 0.0, None: training.cell.training.learning_rate, 0.02: 0.02}


def test_the_short_way_to_adam_is_adam():
    """Bit for bit, in two groups, with a parameter whose first gradient comes after those of the others."""
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(4, 3, generator=generator) for _ in range(3)]
    results = []
    for way in ("update", "step"):
        tensors = [start.clone().requires_grad_() for start in starts]
        groups = [{"params": tensors[:2], "weight_decay": 0.1}, {"params": tensors[2:], "lr": 0.02}]
        adam, gradients = _Adam(groups, 0.01), torch.Generator().manual_seed(1)
        for step in range(6):
            for place, tensor in enumerate(tensors):
                missing = place == 1 and step < 2
                tensor.grad = None if missing else torch.randn(4, 3, generator=gradients)
            with torch.no_grad():
                getattr(adam, way)()
        results.append([*tensors, *(adam.state[tensor]["step"] for tensor in tensors)])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(results[0][0], starts[0])
