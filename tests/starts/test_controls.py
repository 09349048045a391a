"""Controls: networks of a found size without pruning (docs/baselines.md section 14)."""

import pytest
import torch
from safetensors.torch import save_file

from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.initialization import initial_parameters
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import ArchivedNetwork, read_networks
from robustprune.networks.size import macs, parameters
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import Cell

FOUND = {
    "lenet_300_100": [
        {"input": [3, 100, 200, 350, 600], "fc1": [0, 7, 250], "fc2": [5, 99]},
        {"input": [4, 5], "fc1": [1, 2, 3, 4], "fc2": [0, 50, 60]},
    ],
    "lenet5": [
        {"conv1": [1, 4], "conv2": [0, 3, 9], "flat": [2, 5, 48, 50, 150], "fc1": [7, 8, 9, 400]},
        {"conv1": [0, 1, 19], "conv2": [2], "flat": [32, 47], "fc1": [499]},
    ],
}
CONTROLS = ["ticket", "random_ticket", "scratch_e", "scratch_b", "width_uniform"]


def found(arch):
    """Networks of which only the units are known."""
    return [ArchivedNetwork({}, {slot: torch.tensor(units) for slot, units in entry.items()}) for entry in FOUND[arch]]


def control(make_cell, digits, name, arch, **settings) -> Training:
    cell = make_cell(name, arch, settings={"of": "vib/a", **settings})
    return Training(cell, digits, dtype=torch.float64, source=found(arch))


def kept(training, replicate):
    return {slot: [i for i in places[replicate].tolist() if i >= 0] for slot, places in training.network.kept.items()}


@pytest.mark.parametrize("arch", list(FOUND))
@pytest.mark.parametrize("name", ["ticket", "scratch_e", "scratch_b"])
def test_the_found_units_train_and_nothing_else(digits, make_cell, name, arch):
    training = control(make_cell, digits, name, arch)
    assert [kept(training, r) for r in range(2)] == FOUND[arch]
    training.run_epoch()
    assert [kept(training, r) for r in range(2)] == FOUND[arch]


@pytest.mark.parametrize("arch", list(FOUND))
def test_a_ticket_has_the_initial_weights_of_its_units(digits, make_cell, arch):
    """Those that the pruning method began with: seeds do not depend on the method."""
    pruned = Training(make_cell("bernoulli", arch), digits, dtype=torch.float64)
    ticket = control(make_cell, digits, "ticket", arch)
    last = ticket.architecture.layers[-1]
    for r, units in enumerate(FOUND[arch]):
        rows = torch.tensor(units[last.reads])
        original = pruned.network.parameters[f"{last.name}.weight"][r][:, rows]
        assert torch.equal(ticket.network.parameters[f"{last.name}.weight"][r][:, : len(rows)], original)


@pytest.mark.parametrize("arch", list(FOUND))
def test_scratch_draws_new_weights_for_the_networks_own_fans(digits, make_cell, arch):
    """Exactly what the scheme gives a network of that size, from a stream of its own."""
    from robustprune.study.cells import stream_seed

    training = control(make_cell, digits, "scratch_e", arch)
    for r, units in enumerate(FOUND[arch]):
        generator = torch.Generator().manual_seed(stream_seed(training.cell.seed(r), "weights again"))
        sizes = {slot: len(indices) for slot, indices in units.items()}
        expected = initial_parameters(training.architecture, sizes, "he_normal", [generator], torch.float64)
        for name, tensor in expected.items():
            own = training.network.parameters[name][r][tuple(slice(size) for size in tensor[0].shape)]
            assert torch.equal(own, tensor[0]), name


@pytest.mark.parametrize("arch", list(FOUND))
def test_a_random_ticket_has_the_widths_but_other_units(digits, make_cell, arch):
    training = control(make_cell, digits, "random_ticket", arch)
    for r, units in enumerate(FOUND[arch]):
        own = kept(training, r)
        assert {slot: len(indices) for slot, indices in own.items()} == {s: len(i) for s, i in units.items()}
        assert own != units
        if arch == "lenet5":
            assert {feature // 16 for feature in own["flat"]} == set(own["conv2"])


@pytest.mark.parametrize("arch", list(FOUND))
@pytest.mark.parametrize("track", ["full", "hidden"])
def test_uniform_width_meets_the_budget_with_one_factor(digits, make_cell, arch, track):
    cell = make_cell("width_uniform", arch, settings={"of": "vib/a"}, track=track)
    whole = Training(cell, digits, source=found(arch)).units
    units = {slot: torch.arange(count // 5) for slot, count in whole.items()}
    if track == "hidden":
        if arch == "lenet5":
            units["flat"] = torch.arange(len(units["conv2"]) * 16)
        else:
            units["input"] = torch.arange(784)
    training = Training(cell, digits, source=[ArchivedNetwork({}, units)] * 2)
    architecture = training.architecture
    budget = parameters(architecture, {slot: len(indices) for slot, indices in units.items()})
    own = {slot: len(indices) for slot, indices in kept(training, 0).items()}
    assert 0.93 * budget < parameters(architecture, own) <= budget
    shares = [own[slot.name] / training.units[slot.name] for slot in architecture.slots if slot.hidden]
    assert max(shares) - min(shares) < 0.06


def test_scratch_b_trains_as_long_as_dense_training_costs(digits, make_cell):
    arch = Training(make_cell("dense", "lenet5"), digits).architecture
    counts = [{slot: len(units) for slot, units in entry.items()} for entry in FOUND["lenet5"]]
    ratio = macs(arch, arch.units()) / (sum(macs(arch, units) for units in counts) / 2)
    assert control(make_cell, digits, "scratch_b", "lenet5").budget.epochs == 4
    assert control(make_cell, digits, "scratch_b", "lenet5", cap=None).budget.epochs == int(2 * ratio)


def write_networks(folder, arch):
    tensors = {
        f"{r}/kept.{slot}": torch.tensor(units) for r, entry in enumerate(FOUND[arch]) for slot, units in entry.items()
    }
    folder.mkdir()
    save_file(tensors, folder / "networks.safetensors")
    return folder


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_runs_as_a_cell_and_records_its_epochs(tmp_path, digits, make_cell, name):
    source = write_networks(tmp_path / "source", "lenet_300_100")
    assert [{s: i.tolist() for s, i in one.kept.items()} for one in read_networks(source)] == FOUND["lenet_300_100"]
    cell = make_cell(name, settings={"of": "vib/a"})
    record = run_cell(cell, digits, tmp_path / "own", source=source)
    assert all(entry.status in ("ok", "collapsed") for entry in record.replicates)
    assert (record.epochs or cell.training.epochs) == (4 if name == "scratch_b" else 2)


def test_a_control_is_killed_and_resumed_bit_identically(tmp_path, digits, make_cell):
    source = write_networks(tmp_path / "source", "lenet_300_100")
    cell = make_cell("scratch_b", settings={"of": "vib/a"})
    whole = run_cell(cell, digits, tmp_path / "whole", source=source)

    def kill(training):
        if training.epoch == 3:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "checkpoint.pt"
    import robustprune.engine.checkpoint

    robustprune.engine.checkpoint.INTERVAL_SECONDS, before = 0.0, robustprune.engine.checkpoint.INTERVAL_SECONDS
    try:
        with pytest.raises(KeyboardInterrupt):
            run_cell(cell, digits, tmp_path / "killed", checkpoint, source=source, after_epoch=kill)
    finally:
        robustprune.engine.checkpoint.INTERVAL_SECONDS = before
    assert run_cell(cell, digits, tmp_path / "killed", checkpoint, source=source).comparable() == whole.comparable()


@pytest.mark.parametrize("content", [None, b"broken", {}])
def test_a_source_without_networks_fails_the_job_of_the_control(tmp_path, digits, make_cell, content):
    source = tmp_path / "source"
    source.mkdir()
    if isinstance(content, bytes):
        (source / "networks.safetensors").write_bytes(content)
    elif content is not None:
        save_file(content, source / "networks.safetensors")
    with pytest.raises(StudyError, match=r"networks.safetensors: "):
        run_cell(make_cell("ticket", settings={"of": "vib/a"}), digits, tmp_path / "own", source=source)
    assert not (tmp_path / "own").exists()


def test_settings_of_a_control(make_cell):
    cell = make_cell("ticket", settings={"of": "vib/kappa_1e_4"}, width=2.0)
    assert cell.source_key == "digits/lenet_300_100-full/vib/kappa_1e_4/he_normal/width-2"
    assert make_cell("dense").source_key is None
    assert isinstance(cell, Cell)
    for settings in ({}, {"of": "vib"}, {"of": "../vib/a"}):
        with pytest.raises(StudyError, match=r"strengths.ticket.key: of"):
            check_cell(make_cell("ticket", settings=settings))


def test_a_random_ticket_draws_sections_of_each_stream(digits, make_cell):
    """As many sections and units inside as in the source, on other places; streams and inputs as they were."""
    network = architecture("lenet5_residual", 3)
    whole = {slot: torch.arange(count) for slot, count in network.units(0.2).items()}
    units = dict(whole)
    for number, gate in enumerate(network.sections):
        left = (0, 2, 0, 1, 0, 3, 0, 0, 4)[number]  # units inside the three sections of each stream
        units[network.sections[gate]] = torch.arange(left)
        units[gate] = torch.arange(int(left > 0))
    cell = make_cell("random_ticket", "lenet5_residual", track="joint", settings={"of": "vib/a"}, depth=3, width=0.2)
    seen = set()
    counts = Training(cell, digits, source=[ArchivedNetwork({}, units)] * cell.replicates).network.counts()
    inside = list(network.sections.values())
    for replicate in range(cell.replicates):
        found = [int(counts[slot][replicate]) for slot in inside]
        assert [sorted(found[place : place + 3]) for place in (0, 3, 6)] == [[0, 0, 2], [0, 1, 3], [0, 0, 4]]
        assert [int(counts[gate][replicate]) for gate in network.sections] == [int(left > 0) for left in found]
        seen.add(tuple(found))
    assert seen != {(0, 2, 0, 1, 0, 3, 0, 0, 4)}
