"""The same code on a GPU: runs where one is present."""

import pytest
import torch

from robustprune.engine.many import train_many
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.engine.worker import Job, Machine
from robustprune.methods.parts.registry import method_names
from robustprune.networks.stacked import OPEN
from robustprune.records.record import RECORD_NAME, read_record
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import TrainingSettings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
@pytest.mark.parametrize("method", ["bernoulli", "dense", "magnitude"])
def test_first_step_is_that_of_the_cpu(digits, make_cell, method, arch):
    """Same images, noise and weights: gradients of the first step, in float64, where rounding decides no maximum."""
    grads = []
    for device in ("cpu", "cuda"):
        training = Training(make_cell(method, arch), digits, device, torch.float64)
        training.batches.start_epoch()
        training.step()
        grads.append({name: tensor.grad.cpu() for name, tensor in training.network.parameters.items()})
    for name, expected in grads[0].items():
        torch.testing.assert_close(grads[1][name], expected, rtol=0, atol=1e-9 * expected.abs().max().item())


def check_recorded(cell, data):
    """The losses of an epoch of recorded steps and of live ones agree."""
    losses = []
    for recording in (True, False):
        training = Training(cell, data, "cuda")
        training.repeat.recording = recording
        training.run_epoch()
        losses.append(training.loss.cpu() / training.batches.steps)
    torch.testing.assert_close(losses[0], losses[1], rtol=0.02, atol=0.01)


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
@pytest.mark.parametrize("method", method_names())
def test_recorded_steps_train_as_well_as_live_ones(digits, make_cell, method, arch):
    """With and without CUDA graphs the losses agree closely over an epoch: nothing is skipped or frozen."""
    check_recorded(make_cell(method, arch, epochs=2, batch_size=32), digits)


@pytest.mark.parametrize("method", ["bernoulli", "vib"])
def test_recorded_steps_of_sgd_train_as_well_as_live_ones(digits, make_cell, method):
    settings = TrainingSettings(epochs=2, batch_size=32, learning_rate=0.01, optimizer="sgd", weight_decay="decoupled")
    check_recorded(make_cell(method, training=settings), digits)


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_results_have_the_same_distribution(tmp_path, digits, make_cell, arch):
    """Twenty networks each: kept params and error agree within four standard errors."""
    cell = make_cell("bernoulli", arch, epochs=6, replicates=20)
    found = {}
    for device in ("cpu", "cuda"):
        record = run_cell(cell, digits, tmp_path / device, device=device)
        found[device] = torch.tensor([[float(e.params_kept), e.error_test_percent] for e in record.replicates])
    for column in range(2):
        a, b = found["cpu"][:, column], found["cuda"][:, column]
        error = ((a.var() + b.var()) / 20).sqrt()
        assert (a.mean() - b.mean()).abs() < 4 * error + 1e-6


@pytest.mark.parametrize("name", ["ticket", "random_ticket", "scratch_e", "scratch_b", "width_uniform", "finetune"])
def test_starts_begin_with_networks_of_another_cell(tmp_path, digits, make_cell, name):
    source = make_cell("bernoulli")
    run_cell(source, digits, tmp_path / source.key, device="cuda")
    cell = make_cell(name, settings={"of": f"bernoulli/{source.strength}"})
    record = run_cell(cell, digits, tmp_path / cell.key, device="cuda", source=tmp_path / source.key)
    assert [entry.status for entry in record.replicates] == ["ok"] * cell.replicates


@pytest.mark.parametrize("method", ["bernoulli", "vib", "dense"])
def test_a_budget_of_macs_is_spent(tmp_path, digits, make_cell, method):
    settings = TrainingSettings(epochs=3, batch_size=32, budget="macs")
    record = run_cell(make_cell(method, training=settings), digits, tmp_path, device="cuda")
    epochs = record.epochs or settings.epochs
    spent = sum(entry.train_macs for entry in record.replicates) / len(record.replicates)
    dense = record.replicates[0].train_macs_dense
    assert dense <= spent < dense * (1 + 3 / epochs) or epochs == 5 * settings.epochs


def test_cells_train_side_by_side(tmp_path, digits, make_cell):
    cells = [make_cell(method) for method in ("bernoulli", "dense", "vib")]
    machine = Machine(DataSettings(directory=str(tmp_path)), "cuda", processes=2)
    jobs = [Job((number,), tmp_path, cell) for number, cell in enumerate(cells)]
    assert train_many(jobs, machine, lambda job, seconds: []) == []
    entries = [entry for job in jobs for entry in read_record(job.folder / RECORD_NAME).replicates]
    assert {entry.train_seconds for entry in entries} == {None}


def test_lower_precision_trains(digits, make_cell):
    cell = make_cell("bernoulli", "lenet5", epochs=2)
    cell = cell.model_copy(update={"training": cell.training.model_copy(update={"precision": "bfloat16"})})
    training = Training(cell, digits, "cuda")
    training.run_epoch()
    assert training.loss.isfinite().all()
    training.batches.start_epoch()
    x, y = training.batches.next()
    assert training.losses(x, y, OPEN).dtype == torch.float32
