"""The loop: paired seeds, independent replicates, bit-identical repetition and resumption."""

import resource
import time
from dataclasses import replace

import pytest
import torch

from robustprune.engine.allocator import keep_freed_memory
from robustprune.engine.batches import Batches
from robustprune.engine.checkpoint import Checkpoint, _on
from robustprune.engine.evaluation import evaluate
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.networks.latency import Latency
from robustprune.networks.plain import error_percent
from robustprune.networks.stacked import OPEN


def trained(cell, data, **options) -> Training:
    training = Training(cell, data, **options)
    while not training.finished:
        training.run_epoch()
    return training


def same(a: Training, b: Training) -> bool:
    pairs = [(a.network.parameters[key], b.network.parameters[key]) for key in a.network.parameters]
    pairs += [(a.network.kept[slot], b.network.kept[slot]) for slot in a.network.kept]
    return all(x.shape == y.shape and torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("method", ["bernoulli", "magnitude"])
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_a_cell_runs_twice_the_same_and_resumes_the_same(tmp_path, digits, make_cell, method, arch):
    """Killed after any epoch and run again: the record equals that of the uninterrupted cell."""
    cell = make_cell(method, arch, epochs=3, width=0.3)
    whole = run_cell(cell, digits, tmp_path / "whole")
    again = run_cell(cell, digits, tmp_path / "again")
    assert whole.comparable() == again.comparable()
    for file in ("gates.npz", "history.parquet", "networks.safetensors"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()

    checkpoint = tmp_path / "checkpoint.pt"

    class Killed(BaseException):
        pass

    def kill(training):
        Checkpoint(checkpoint, cell).save(training, force=True)
        raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            run_cell(cell, digits, tmp_path / "resumed", checkpoint, after_epoch=kill)
        assert not (tmp_path / "resumed").exists()
    resumed = run_cell(cell, digits, tmp_path / "resumed", checkpoint)
    assert resumed.comparable() == whole.comparable()
    for file in ("gates.npz", "history.parquet", "networks.safetensors"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "resumed" / file).read_bytes()
    assert not checkpoint.exists()


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_ignored(tmp_path, digits, make_cell):
    path = tmp_path / "checkpoint.pt"
    cell = make_cell(epochs=2)
    training = Training(cell, digits)
    training.run_epoch()
    Checkpoint(path, cell).save(training, force=True)
    other = make_cell(epochs=3)
    assert not Checkpoint(path, other).load(Training(other, digits))
    fresh = Training(cell, digits)
    assert Checkpoint(path, cell).load(fresh)
    assert fresh.epoch == 1
    path.write_bytes(path.read_bytes()[:1000])
    assert not Checkpoint(path, cell).load(Training(cell, digits))


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_replicates_do_not_interact(digits, make_cell, arch):
    """A replicate ends the same alone and beside others (to rounding: other matrix shapes, other summation order)."""
    alone, beside = (
        trained(make_cell("bernoulli", arch, replicates=count, epochs=3, width=0.3), digits, dtype=torch.float64)
        for count in (1, 3)
    )
    for slot, gates in alone.method.gates().items():
        kept = alone.network.kept[slot][0]
        assert torch.equal(beside.network.kept[slot][0][: len(kept)], kept)
        torch.testing.assert_close(beside.method.gates()[slot][0][: len(kept)], gates[0], rtol=0, atol=1e-7)


def test_methods_start_from_the_same_weights_and_see_the_same_batches(digits, make_cell):
    bernoulli, magnitude = (Training(make_cell(name), digits) for name in ("bernoulli", "magnitude"))
    for key, tensor in bernoulli.network.parameters.items():
        assert torch.equal(tensor, magnitude.network.parameters[key])
    bernoulli.run_epoch()
    magnitude.run_epoch()
    for run in (bernoulli, magnitude):
        run.batches.start_epoch()
    assert torch.equal(bernoulli.batches.permutation, magnitude.batches.permutation)
    assert not torch.equal(bernoulli.batches.permutation[0], bernoulli.batches.permutation[1])


def test_seeds_differ_between_replicates_widths_and_initializations_only(make_cell):
    base = make_cell("bernoulli")
    assert base.seed(0) == make_cell("magnitude", strength="other", track="hidden", epochs=9).seed(0)
    others = [base.seed(1), make_cell(width=2.0).seed(0), make_cell(initialization="orthogonal").seed(0)]
    others += [make_cell(architecture="lenet5").seed(0), make_cell(dataset="mnist").seed(0)]
    assert len({base.seed(0), *others}) == 6


def test_learning_rates_fall_together(digits, make_cell):
    training = Training(make_cell(epochs=4), digits)
    rates = []
    while not training.finished:
        rates.append((1.0 if training.epoch < 3 else 0.1, training.optimizer.inner.param_groups[0]["lr"]))
        training.run_epoch()
        rates[-1] += (training.optimizer.inner.param_groups[0]["lr"],)
    assert [rate for rate, _, _ in rates] == [1.0, 1.0, 1.0, 0.1]
    assert [round(after, 9) for _, _, after in rates] == [1e-3, 1e-3, 1e-3, 1e-4]


def test_divergence_is_recorded_and_does_not_touch_the_neighbours(digits, make_cell):
    cell = make_cell("bernoulli", epochs=2, replicates=2)
    healthy = trained(cell, digits)
    training = Training(cell, digits)
    with torch.no_grad():
        training.network.parameters["fc1.weight"][1] = torch.inf
    while not training.finished:
        training.run_epoch()
    sick, _ = evaluate(training, 1, Latency(1.0, 1.0))
    well, _ = evaluate(training, 0, Latency(1.0, 1.0))
    assert sick.status == "diverged"
    assert sick.error_test_percent is None
    assert well.status == evaluate(healthy, 0, Latency(1.0, 1.0))[0].status
    assert well.error_test_percent == evaluate(healthy, 0, Latency(1.0, 1.0))[0].error_test_percent


def test_an_emptied_slot_is_recorded_as_collapsed(digits, make_cell):
    cell = make_cell("bernoulli", settings={"price": 50.0, "drift": 0.2}, epochs=4)
    training = trained(cell, digits)
    entry, _ = evaluate(training, 0, Latency(1.0, 1.0))
    assert entry.status == "collapsed"
    assert "unit" in entry.reason or "closed" in entry.reason
    assert min(map(int, entry.units_kept.split("-"))) >= 1


def test_training_macs_count_what_was_computed(digits, make_cell):
    training = trained(make_cell("dense", epochs=2, batch_size=64), digits)
    steps = 1437 // 64 * 2
    assert training.arithmetic.total.tolist() == [64 * steps * (3 * 266200 - 784 * 300)] * 2
    pruned = trained(make_cell("magnitude", epochs=8), digits)
    assert (pruned.arithmetic.total < 64 * (1437 // 64) * 8 * (3 * 266200 - 784 * 300)).all()


def test_time_in_which_the_process_stands_still_is_not_training_time(digits, make_cell, monkeypatch):
    training = Training(make_cell("dense", epochs=1), digits)
    monkeypatch.setattr(training.method, "after_step", lambda network: time.sleep(0.05))
    started = time.perf_counter()
    training.run_epoch()
    wall = time.perf_counter() - started
    assert 0 < training.seconds < wall - 0.9 * 0.05 * training.batches.steps


def test_fused_adam_is_adam_with_l2(digits, make_cell):
    """One step by hand: g + l2 w, bias-corrected."""
    training = Training(make_cell("dense", replicates=1), digits, dtype=torch.float64)
    before = training.network.parameters["fc3.weight"].detach().clone()
    training.batches.start_epoch()
    x, y = training.batches.next()
    loss = training.losses(x, y, OPEN).mean(1).sum()
    (g,) = torch.autograd.grad(loss, training.network.parameters["fc3.weight"])
    training.batches.step.zero_()
    training.step()
    g = g + 1e-5 * before
    expected = before - 1e-3 * g / (g.abs() + 1e-8)
    torch.testing.assert_close(training.network.parameters["fc3.weight"].detach(), expected, rtol=0, atol=1e-12)


def test_settings_that_cannot_run_are_errors_and_leave_no_record(tmp_path, digits, make_cell):
    with pytest.raises(StudyError, match=r"training.batch_size: 2000 exceeds the 1437 training images"):
        run_cell(make_cell("dense", batch_size=2000), digits, tmp_path / "cell")
    with pytest.raises(StudyError, match="'gpu' is no device of this package"):
        run_cell(make_cell("dense"), digits, tmp_path / "cell", device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(StudyError, match="this torch sees no GPU"):
            run_cell(make_cell("dense"), digits, tmp_path / "cell", device="cuda")
    assert not (tmp_path / "cell").exists()


def test_images_of_another_data_set_are_refused_and_a_path_may_be_text(tmp_path, digits, make_cell):
    assert digits.name == "digits"
    with pytest.raises(StudyError, match="images of digits, the cell asks for mnist"):
        run_cell(make_cell(dataset="mnist"), digits, tmp_path / "own")
    assert not (tmp_path / "own").exists()
    unnamed = replace(digits, name="")  # a user's own images
    assert run_cell(make_cell("dense", epochs=1), unnamed, str(tmp_path / "text")).replicates[0].status == "ok"


def test_history_holds_gates_by_original_unit_and_rounding_is_after_minus_before(digits, make_cell):
    training = trained(make_cell("bernoulli", epochs=10, settings={"price": 1e-3, "drift": 6e-3}), digits)
    trajectories = training.history.trajectories()
    for slot, gates in training.method.gates().items():
        kept = training.network.kept[slot]
        assert 10 < kept.shape[1] < training.units[slot]
        for replicate in range(2):
            own = kept[replicate][kept[replicate] >= 0]
            last = torch.from_numpy(trajectories[slot][-1, replicate])
            torch.testing.assert_close(last[own], gates[replicate][: len(own)].half())
            assert last.count_nonzero() <= len(own)
    entry, network = evaluate(training, 0, Latency(1.0, 1.0))
    images, labels = digits.test_images, digits.test_labels
    change = error_percent(network.plain, images, labels) - error_percent(network.before, images, labels)
    assert change != 0
    assert entry.rounding_error_change_percent == pytest.approx(change, abs=1e-6)


def test_freed_memory_is_used_again():
    """Under glibc a large block that was freed comes back without page faults; elsewhere nothing is claimed."""
    if not keep_freed_memory():
        pytest.skip("no glibc here")

    def faults(blocks):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(blocks):
            torch.ones(4 << 20)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults(10)
    assert faults(10) < 4096  # of 4,096 pages each


def test_denormal_numbers_are_flushed_inside_a_cell_only(tmp_path, digits, make_cell):
    def smallest():
        return (torch.full((4,), 1e-38) * 1e-2).max().item()

    inside = []
    run_cell(
        make_cell("dense", epochs=1), digits, tmp_path / "cell", after_epoch=lambda training: inside.append(smallest())
    )
    assert inside == [0.0]
    assert 0 < smallest() < 1e-39


def test_images_follow_the_kept_inputs_where_one_replicate_keeps_them_all():
    images = torch.arange(1, 13, dtype=torch.uint8).view(2, 6)
    batches = Batches(images, torch.zeros(2, dtype=torch.int64), 2, [torch.Generator(), torch.Generator()], None)
    batches.restrict(torch.tensor([[1, 4, 5, -1, -1, -1], [0, 1, 2, 3, 4, 5]]))
    batches.start_epoch()
    x, _ = batches.next()
    assert sorted(x[0].tolist()) == [[2, 5, 6, 0, 0, 0], [8, 11, 12, 0, 0, 0]]
    assert sorted(x[1].tolist()) == images.tolist()


def test_a_checkpoint_is_read_to_the_cpu_and_its_networks_go_to_the_device(digits, make_cell, monkeypatch, tmp_path):
    """Generators, counts and the history stay on the CPU, which a GPU's tensors would break."""
    training = Training(make_cell(epochs=2), digits)
    training.run_epoch()
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", training.cell)
    checkpoint.save(training, force=True)
    again, asked = Training(make_cell(epochs=2), digits), []
    load = torch.load
    monkeypatch.setattr(
        torch, "load", lambda *args, **given: asked.append(given["map_location"]) or load(*args, **given)
    )
    assert checkpoint.load(again)
    assert asked == ["cpu"]
    moved = _on({"weights": {"a": torch.zeros(2)}, "moments": [torch.zeros(1), 3]}, "meta")
    assert moved["weights"]["a"].device.type == moved["moments"][0].device.type == "meta"
    assert moved["moments"][1] == 3
