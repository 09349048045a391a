"""What a GPU's recorded step needs, checked on a CPU: no value read by the host, the same work on the same tensors."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from robustprune.engine.training import Training
from robustprune.methods.parts.registry import method_names
from robustprune.study.training_settings import TrainingSettings

READS_A_VALUE = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique")


class Recorder(TorchDispatchMode):
    """Notes every operator call of a step; `replay` repeats them on the very same tensors, as a CUDA graph does."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        name = function.__name__.split(".")[0]
        assert name.rstrip("_") not in READS_A_VALUE, f"{name} needs a value on the host"
        if name.startswith("index"):
            masks = [leaf for leaf in tree_leaves(arguments[1:]) if isinstance(leaf, torch.Tensor)]
            assert all(mask.dtype != torch.bool for mask in masks), "indexing by a mask needs a value on the host"
        result = function(*arguments, **keywords)
        self.calls.append((function, arguments, keywords, result))
        return result

    def replay(self):
        with torch.no_grad():
            for function, arguments, keywords, result in self.calls:
                again = function(*arguments, **keywords)
                for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


OPTIONS = {
    "learned": {"prior": "fixed", "pi": "learned"},
    "arm": {"estimator": "arm", "average_over": 5.0},
    "batch": {"gates_per": "batch", "noise": 0.5, "estimator": "trapezoid_normalized", "ball": 1.0},
    "standard": {"price": None, "cost": "complexity", "nu": 1.0, "reference": "standard"},
}


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_a_recorded_step_trains_like_a_fresh_one(digits, make_cell, name, arch):
    """Two steps replayed from one recording end bit-identically to two steps taken, after a compaction too."""
    replayed(make_cell(name, arch, batch_size=32, width=0.2), digits)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_the_method_can_be_recorded(digits, make_cell, option):
    replayed(make_cell(batch_size=32, width=0.2, settings={"price": 1e-3, **OPTIONS[option]}), digits)


@pytest.mark.parametrize("decay", ["coupled", "decoupled"])
@pytest.mark.parametrize("name", ["bernoulli", "vib"])
def test_sgd_can_be_recorded(digits, make_cell, name, decay):
    training = TrainingSettings(epochs=2, batch_size=32, l2=1e-2, optimizer="sgd", weight_decay=decay)
    replayed(make_cell(name, width=0.2, training=training), digits)


def replayed(cell, digits):
    """Train a cell live and from a recording; both must agree."""
    live, recorded = (Training(cell, digits) for _ in range(2))
    for training in (live, recorded):
        training.batches.start_epoch()
        training.step()
        training.remove({"fc1": torch.arange(training.units["fc1"]).expand(2, -1) % 3 == 0})
        training.step()
    recorder = Recorder()
    with recorder:
        recorded.step()
    live.step()
    for _ in range(2):
        recorder.replay()
        live.step()
    for key, tensor in live.network.parameters.items():
        assert torch.equal(tensor, recorded.network.parameters[key]), key
    for key, tensor in (live.method.parameters | live.method.buffers).items():
        assert torch.equal(tensor, (recorded.method.parameters | recorded.method.buffers)[key]), key
    for key, stream in live.method.streams.items():
        assert torch.equal(stream.position, recorded.method.streams[key].position), key
    assert torch.equal(live.loss, recorded.loss)
    assert torch.equal(live.noise.position, recorded.noise.position)
    assert torch.equal(live.batches.next()[0], recorded.batches.next()[0])


def test_the_recorder_notices_what_a_gpu_would_trip_over():
    theta = torch.rand(4)
    with pytest.raises(AssertionError, match="value on the host"), Recorder():
        theta.max().item()
    with pytest.raises(AssertionError, match="value on the host"), Recorder():
        theta[theta > 0.5] = 0


@pytest.mark.parametrize("method", ["dense", "bernoulli"])
def test_lower_precision_stays_near_float32(digits, make_cell, method):
    """Autocast to bfloat16 through the closed-form layers: gradients and sums for the gates near those of float32."""
    found = {}
    for enabled in (False, True):
        training = Training(make_cell(method, batch_size=256), digits)
        training.batches.start_epoch()
        x, y = training.batches.next()
        training.method.draw(x.shape[1])
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            scores = training.network.forward(x, training.method)
        assert scores.dtype == (torch.bfloat16 if enabled else torch.float32)
        torch.nn.functional.cross_entropy(scores.float().flatten(0, 1), y.flatten()).backward()
        grads = [tensor.grad.flatten() for tensor in training.network.parameters.values()]
        assert all(grad.dtype == torch.float32 for grad in grads)
        sums = [training.method.buffers["gated.opened"]] if method == "bernoulli" else []
        found[enabled] = [torch.cat(grads), *sums]
    for lower, full in zip(found[True], found[False], strict=True):
        assert 0 < (lower - full).norm() / full.norm() < 0.1
