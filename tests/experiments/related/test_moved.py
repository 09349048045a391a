"""Distances of rows from their start: of units as they leave, and of final networks."""

import pandas as pd
import pytest
import torch

from robustprune.engine.probe import Probe
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.experiments.related.moved import COLUMNS, Leaving, write_moved
from robustprune.networks.archive import ArchivedNetwork, read_archive, read_networks, write_archive
from robustprune.study.related import is_watched

BALL = {"price": 3e-4, "drift": 0.02, "ball": {"norm": "mars", "radius": 0.05}}


class Snapshots(Leaving):
    """Also keeps whole networks, in a form of its own: replicate -> layer -> original unit -> weights by input."""

    def __init__(self, start: Training):
        super().__init__()
        self.seen = [whole(start.network)]

    def after_step(self, training: Training) -> None:
        super().after_step(training)
        self.seen.append(whole(training.network))


def whole(network) -> dict:
    found = {}
    for layer in network.architecture.layers[:-1]:
        rows, columns, weight = network.kept[layer.writes], network.kept[layer.reads], network.parameters
        for replicate in range(len(rows)):
            for place, unit in enumerate(rows[replicate].tolist()):
                own = weight[f"{layer.name}.weight"][replicate, place].detach()
                held = columns[replicate] >= 0
                inputs = dict(zip(columns[replicate][held].tolist(), own[held].tolist(), strict=True))
                if unit >= 0:
                    found[replicate, layer.name, unit] = inputs
    return found


@pytest.fixture(scope="module")
def cell_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("moved")


def test_units_that_leave_are_noted_with_the_distance_that_they_had(tmp_path, digits, make_cell):
    cell = make_cell(epochs=5, width=0.1, settings=BALL)
    training = Training(cell, digits)
    probe = Snapshots(training)
    training.probe = probe
    while not training.finished:
        training.run_epoch()
    probe.write(tmp_path)
    table = pd.read_parquet(tmp_path / "moved.parquet")
    start, last = probe.seen[0], probe.seen[-1]
    assert len(table) == len(start) - len(last) > 0
    for row in table.itertuples():
        at = (row.replicate, row.layer, row.unit)
        assert at not in last
        # the step of the removal is not in any snapshot, but one step before it is
        before = [seen[at] for seen in probe.seen if at in seen][-1]
        length = sum(abs(start[at][column]) for column in before)
        near = sum(abs(value - start[at][column]) for column, value in before.items())
        assert row.length == pytest.approx(length, rel=1e-5)
        assert row.distance == pytest.approx(near, abs=1.1e-3 * len(before))
        assert row.distance <= 0.05 * row.length * (1 + 1e-4)


def test_the_table_has_final_rows_and_rows_of_units_that_left(tmp_path, digits, make_cell):
    cell, folder = make_cell(epochs=5, width=0.1, settings=BALL), tmp_path / "cell"
    assert is_watched(cell)
    probe = Leaving()
    run_cell(cell, digits, folder, probe=probe)
    probe.write(folder)
    assert write_moved({folder: cell}, lambda name: digits, tmp_path / "moved.parquet")
    table = pd.read_parquet(tmp_path / "moved.parquet")
    assert list(table) == list(COLUMNS)
    kept = table[table["state"] == "kept"].set_index(["replicate", "layer"])
    start = Training(cell, digits).network.parameters["fc1.weight"].detach()
    for replicate, network in read_archive(folder).items():
        own = start[replicate][network.kept["fc1"]][:, network.kept["input"]]
        distance, length = (network.weights["fc1.weight"] - own).abs().sum(1), own.abs().sum(1)
        row = kept.loc[replicate, "fc1"]
        assert row["rows"] == len(network.kept["fc1"])
        assert row["maximum"] == pytest.approx(float(distance.max()), rel=1e-5)
        assert row["median"] == pytest.approx(float(distance.quantile(0.5)), rel=1e-4)
        assert row["median_share"] == pytest.approx(float((distance / length).quantile(0.5)), rel=1e-4)
        assert row["at_boundary"] == pytest.approx(100 * float((distance / length >= 0.05 * 0.999).float().mean()))
    left = table[table["state"] == "left"]
    removed = 2 * (30 + 10) - sum(len(n.kept["fc1"]) + len(n.kept["fc2"]) for n in read_archive(folder).values())
    assert 0 < left["rows"].sum() <= removed  # the last units leave when gates are rounded


def test_networks_that_were_fine_tuned_have_moved_from_those_of_their_source(tmp_path, digits, make_cell):
    source = make_cell("dense", epochs=1, width=0.1, settings={}, strength="dense")
    runs = tmp_path / "runs"
    run_cell(source, digits, runs / source.key)
    cell = make_cell("finetune", epochs=1, width=0.1, settings={"of": "dense/dense"})
    assert cell.source_key == source.key
    found = read_networks(runs / source.key)
    moved = []
    for network in found:
        weights = {name: tensor.clone() for name, tensor in network.weights.items()}
        weights["fc2.weight"][0] += 1
        moved.append(ArchivedNetwork(weights, network.kept))
    write_archive(runs / cell.key, moved)
    write_moved({runs / cell.key: cell}, None, tmp_path / "moved.parquet")
    table = pd.read_parquet(tmp_path / "moved.parquet").set_index(["replicate", "layer"])
    assert table.loc[0, "fc2"]["maximum"] == pytest.approx(len(found[0].kept["fc1"]), rel=1e-5)
    assert table.loc[0, "fc1"]["maximum"] == 0
    assert table["at_boundary"].isna().all()


def test_watching_changes_no_bit(digits, make_cell):
    cell = make_cell(epochs=2, width=0.1, settings=BALL)
    ends = []
    for probe in (Leaving(), Probe()):
        training = Training(cell, digits, probe=probe)
        while not training.finished:
            training.run_epoch()
        ends.append(training.network.parameters)
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())
    assert not is_watched(make_cell())
    assert not is_watched(make_cell(settings={**BALL, "removal_at": "never"}))
    assert not is_watched(make_cell(settings={"price": 1e-3, "ball": 2.0}))
