"""How long a study will take."""

import json
import subprocess

import numpy as np
import pytest
from conftest import REPOSITORY

from robustprune import registry
from robustprune.errors import StudyError
from robustprune.gathering.timings import SPENDING, cell_seconds, read_timings, timings_file

FIGURES = {
    "dense: LeNet-300-100 dense step, R=5": 2.0,
    "dense: LeNet-300-100 pruned step, R=5": 0.5,
    "vib: LeNet-300-100 dense step, R=5": 6.0,
    "vib: LeNet-300-100 pruned step, R=5": 2.0,
}


def test_estimates_by_hand(make_cell):
    """digits: 1,437 images, 22 batches of 64; a step of 64 examples costs half of one of 128."""
    dense = make_cell("dense", epochs=10, replicates=3)
    assert cell_seconds(dense, FIGURES) == pytest.approx(10 * 22 * 2.0 / 2 / 1000 * 3)
    late = make_cell("vib", epochs=10, replicates=1)
    assert cell_seconds(late, FIGURES) == pytest.approx(10 * 22 * (0.1 * 6 + 0.9 * 2) / 2 / 1000)
    control = make_cell("ticket", epochs=10, replicates=1, settings={"of": "vib/a"})
    assert cell_seconds(control, FIGURES) == pytest.approx(10 * 22 * 0.5 / 2 / 1000)
    assert cell_seconds(make_cell("taylor"), FIGURES) is None


def test_the_method_pays_for_dense_steps_at_the_start_only(make_cell):
    """Three epochs, however long it trains; the rest are those of a pruned network."""
    figures = {"bernoulli: LeNet-300-100 dense step, R=5": 3.0, "bernoulli: LeNet-300-100 pruned step, R=5": 1.0}
    for epochs, pruned in ((2, 0), (10, 7), (200, 197)):
        cell = make_cell("bernoulli", epochs=epochs, replicates=1)
        assert cell_seconds(cell, figures) == pytest.approx(22 * ((epochs - pruned) * 3.0 + pruned) / 2 / 1000)


def test_wider_starts_take_longer_in_proportion_to_their_macs(make_cell):
    wide = cell_seconds(make_cell("dense", width=2.0), FIGURES) / cell_seconds(make_cell("dense"), FIGURES)
    assert wide == pytest.approx((784 * 600 + 600 * 200 + 2000) / 266200)


def test_what_a_method_adds_to_dense_training_grows_with_the_units(make_cell):
    """vib from width 2: dense steps of 2 ms in proportion to the MACs, and 4 ms in proportion to the units."""
    added = 4.0 * (784 + 600 + 200) / (784 + 300 + 100)
    start = 2.0 * (784 * 600 + 600 * 200 + 2000) / 266_200 + added
    wide = make_cell("vib", epochs=10, replicates=1, width=2.0)
    assert cell_seconds(wide, FIGURES) == pytest.approx(10 * 22 * (0.1 * start + 0.9 * 2) / 2 / 1000)


def test_a_narrower_start_costs_between_the_two_timed_sizes(make_cell):
    """784-150-50: 125,600 MACs, between 784-300-100 (266,200) and 200-110-60 (29,200)."""
    narrow = cell_seconds(make_cell("dense", width=0.5), FIGURES) / cell_seconds(make_cell("dense"), FIGURES)
    assert narrow == pytest.approx((0.5 + 1.5 * (125_600 - 29_200) / (266_200 - 29_200)) / 2.0)


def test_with_equal_macs_the_pruned_network_trains_on(make_cell):
    """What is left of the MACs goes into pruned epochs, up to 5 times the epochs in all: vib is dense for 1 of 10, the
    method for 3. It takes at most SPENDING times as long as dense training."""
    training = {"epochs": 10, "batch_size": 64, "budget": "macs"}
    vib = make_cell("vib", replicates=1, training=training)
    quick = FIGURES | {"vib: LeNet-300-100 pruned step, R=5": 0.5}
    assert cell_seconds(vib, quick) == pytest.approx(10 * 22 * (0.1 * 6 + 4.9 * 0.5) / 2 / 1000)
    assert cell_seconds(vib, FIGURES) == pytest.approx(SPENDING * 10 * 22 * 2.0 / 2 / 1000)
    dense = make_cell("dense", replicates=1, training=training)
    assert cell_seconds(dense, FIGURES) == pytest.approx(10 * 22 * 2.0 / 2 / 1000)
    steps = {"bernoulli: LeNet-300-100 dense step, R=5": 3.0, "bernoulli: LeNet-300-100 pruned step, R=5": 1.0}
    method = make_cell("bernoulli", replicates=1, training=training)
    assert cell_seconds(method, steps) == pytest.approx(10 * 22 * (0.3 * 3 + 4.7 * 1) / 2 / 1000)


def test_scratch_b_trains_for_as_long_as_dense_training_costs_up_to_its_cap(make_cell):
    """200-110-60 stands in for the size that is not found yet: 266,200 / (200 * 110 + 110 * 60 + 600) MACs."""
    found = {"of": "dense/dense"}
    scratch_e = cell_seconds(make_cell("scratch_e", settings=found), FIGURES)
    for cap, factor in (({}, 2), ({"cap": 3.5}, 3.5), ({"cap": None}, 266_200 / 29_200)):
        scratch_b = cell_seconds(make_cell("scratch_b", settings=found | cap), FIGURES)
        assert scratch_b / scratch_e == pytest.approx(factor), cap


def test_networks_and_images_of_ones_own(make_cell, tmp_path, monkeypatch):
    """A network that was not timed costs what the timed one of its kind does, in proportion to its MACs; nobody knows
    the time for a data set that does not tell its size, or for a method that was not timed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(registry.VARIABLE, registry.DEFAULT)
    for name, text in (("architectures/narrow", NARROW), ("datasets/some", SOME), ("datasets/here", HERE)):
        (tmp_path / "plugins" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plugins" / f"{name}.py").write_text(text)
    np.save(tmp_path / "train_labels.npy", np.zeros(128, int))
    standard = make_cell("dense", epochs=10, replicates=1)
    own = make_cell("dense", epochs=10, replicates=1, architecture="narrow")
    share = (784 * 10 + 10 * 10) / 266_200
    assert cell_seconds(own, FIGURES) == pytest.approx(share * cell_seconds(standard, FIGURES))
    scratch = make_cell("scratch_b", architecture="narrow", settings={"of": "dense/dense", "cap": None})
    assert cell_seconds(scratch, FIGURES) > 0
    assert cell_seconds(make_cell("dense", dataset="some"), FIGURES) is None
    assert cell_seconds(make_cell("dense", dataset="here", epochs=10, replicates=1), FIGURES) == pytest.approx(
        cell_seconds(standard, FIGURES) * 2 / 22
    )
    assert cell_seconds(make_cell("my_method"), FIGURES) is None


NARROW = """from robustprune.networks.architecture import Architecture, Layer, Slot

ARCHITECTURE = Architecture(
    "narrow",
    (Slot("input", 784, hidden=False), Slot("fc1", 10)),
    (Layer("fc1", "input", "fc1"), Layer("fc2", "fc1", None)),
)
"""
SOME = """from robustprune.data.reader import DatasetReader


class Some(DatasetReader):
    def read(self, name, settings):
        return {}


DATASET = Some()
"""
HERE = 'from robustprune.data.npy_folder import NpyFolder\n\nDATASET = NpyFolder(".")\n'


def test_shipped_figures_predict_the_shipped_study():
    """Seconds of results/reference against the plan: all cells together within a factor of 1.3.

    Several machines trained the study, beside other work, so single cells are compared but for the speed of the
    machine, which dense training of the same network and data set tells: the method and dense training within 2.1, any
    other cell within 3.5, cells of width 8 within 4. Those of equal error, other prices, reconstructions and equal MACs
    ran on machines that trained no dense network: within 6. Cells whose networks all collapsed are left out: they
    hardly train.
    """
    from robustprune.analysis.read import read_runs
    from robustprune.study.cells import AXES, cell_key, study_cells
    from robustprune.study.config import load_study

    figures = read_timings(REPOSITORY / "results" / "reference" / "bench.json")
    runs = read_runs(REPOSITORY / "results" / "reference" / "runs.csv")
    cells = study_cells(load_study(REPOSITORY / "results" / "reference" / "config.yaml"))
    found = []
    later = r".*at_error|(c_normalized|c_batch|c_sgd|nu|held)_at_size"
    moved = runs["operating_point"].fillna("").str.fullmatch(later) | (runs["budget"] == "macs")
    elsewhere = set(runs.loc[moved, "key"])
    for axes, group in runs.groupby(list(AXES)):
        if (group["status"] == "collapsed").all():
            continue
        cell = cells[cell_key(axes)]
        found.append((cell, group["train_seconds"].mean() * cell.replicates, cell_seconds(cell, figures)))
    dense = [
        ((cell.dataset, cell.architecture), seconds / estimate)
        for cell, seconds, estimate in found
        if cell.method == "dense" and cell.key not in elsewhere
    ]
    speed = {name: np.mean([ratio for own, ratio in dense if own == name]) for name in dict(dense)}
    for cell, seconds, estimate in found:
        here = speed[cell.dataset, cell.architecture] * estimate
        alone = cell.key in elsewhere
        near = {"bernoulli": 2.1, "dense": 2.1} if cell.width <= 4 else {}
        factor = 6 if alone else near.get(cell.method, 4 if cell.width > 4 else 3.5)
        assert 1 / factor < seconds / here < factor, (cell.key, seconds / here)
    measured, planned = (sum(values) for values in list(zip(*found, strict=True))[1:])
    assert 1 / 1.3 < measured / planned < 1.3


def test_a_missing_or_wrong_file_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"nothing.json: no such file; make it with `make bench`"):
        read_timings(tmp_path / "nothing.json")
    for content in ("[1]", "no JSON", json.dumps([{"value": 1}])):
        (tmp_path / "wrong.json").write_text(content)
        with pytest.raises(StudyError, match=r"wrong.json: not a file of `make bench`"):
            read_timings(tmp_path / "wrong.json")


def test_own_times_come_before_the_shipped_ones(tmp_path, monkeypatch, capsys):
    from robustprune.cli import main

    monkeypatch.chdir(tmp_path)
    for name in ("results/reference/bench.json", "benchmarks/latest.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("[]")
        assert str(timings_file()) == name
    assert main(["plan", "--config", str(REPOSITORY / "config" / "smoke.yaml")]) == 0
    assert "benchmarks/latest.json" in capsys.readouterr().out


def test_without_any_times_the_plan_says_that_they_are_unknown(tmp_path, monkeypatch, capsys):
    """The working directory of somebody who installed the package alone."""
    from robustprune.cli import main

    monkeypatch.chdir(tmp_path)
    assert timings_file() is None
    assert main(["plan", "--config", str(REPOSITORY / "config" / "smoke.yaml")]) == 0
    assert "time unknown" in capsys.readouterr().out


def test_times_of_this_machine_are_no_part_of_the_repository():
    """`make bench` replaces benchmarks/latest.json; what tests and documents read is results/reference/bench.json."""
    done = subprocess.run(["git", "check-ignore", "-q", "benchmarks/latest.json"], cwd=REPOSITORY)
    assert done.returncode == 0, "benchmarks/latest.json is not ignored by git"


def test_trying_sections_is_one_more_pass(make_cell):
    """Three passes of a step become four where one section is tried per step; slopes cost nothing."""
    figures = {"bernoulli: LeNet-300-100 dense step, R=5": 3.0, "bernoulli: LeNet-300-100 pruned step, R=5": 1.0}
    deep = {"architecture": "mlp_residual", "depth": 4, "track": "layers"}
    seconds = {
        estimator: cell_seconds(
            make_cell("bernoulli", **deep, settings={"price": 1e-2, "estimator_layers": estimator}), figures
        )
        for estimator in ("flip", "trapezoid")
    }
    assert seconds["flip"] == pytest.approx(4 / 3 * seconds["trapezoid"])
    units = cell_seconds(make_cell("bernoulli", **deep | {"track": "full"}), figures)
    assert units == pytest.approx(seconds["trapezoid"])
