"""The baseline that is a program with a library of its own: the order it gets, the CSV it writes."""

import json
import subprocess
import sys

import pytest
import torch
from conftest import REPOSITORY

from robustprune.data.datasets import prepare
from robustprune.engine.jobs import order
from robustprune.engine.programs import read_order
from robustprune.engine.training import Training
from robustprune.gathering.foreign import read_results
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.record import split_units
from robustprune.study.config import validate_study
from robustprune.study.data_settings import DataSettings

pytest.importorskip("torch_pruning", reason="optional: pip install 'robustprune[baselines]'")
pytestmark = pytest.mark.workflow
SCRIPT = REPOSITORY / "workflow" / "scripts" / "train_torch_pruning.py"


def written(cell, tmp_path):
    """The order of a cell, beside its data."""
    prepare("digits", DataSettings(directory=str(tmp_path / "data")))
    grid = {"dataset": "digits", "architecture": "lenet5", "methods": {"mine": ["a"]}}
    values = {"strengths": {"mine": {"a": {}}}, "study": [grid], "data": {"directory": str(tmp_path / "data")}}
    path = tmp_path / "order.json"
    path.write_text(json.dumps(order(cell, validate_study(values, "x"))))
    return path


@pytest.fixture
def program(monkeypatch):
    """The program as a module."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import train_torch_pruning

    yield train_torch_pruning
    torch.set_flush_denormal(False)  # it is set for its own process


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_it_prunes_and_writes_valid_results(make_cell, tmp_path, program, arch):
    width = 0.4 if arch == "lenet5" else 1.0
    cell = make_cell("torch_pruning", arch, epochs=3, settings={"ratio": 0.5}, track="hidden", width=width)
    path = tmp_path / "results.csv"
    program.main(str(written(cell, tmp_path)), str(path))
    network = architecture(arch)
    dense = 3 * 64 * (1437 // 64 * 3) * macs(network, network.units(width))
    for entry in read_results(path, cell):
        units = dict(zip((slot.name for slot in network.slots), split_units(entry.units_kept), strict=True))
        assert entry.params_kept == parameters(network, units) < 0.7 * entry.params_dense
        if arch == "lenet5":
            assert units["flat"] == 16 * units["conv2"]
        else:
            assert units["input"] == 784
            assert units["fc1"] + units["fc2"] == pytest.approx(200, abs=40)
        assert entry.error_test_percent < 60
        assert 0 < entry.train_macs < dense
        assert entry.train_seconds > 0


def test_it_starts_from_the_replicates_own_weights(make_cell, digits, tmp_path, program):
    for arch in ("lenet_300_100", "lenet5"):
        cell = make_cell("dense", arch, track="hidden")
        own, asked = Training(cell, digits), read_order(written(cell, tmp_path))
        images = torch.rand(4, 784)
        with torch.no_grad():
            expected = own.network.forward(images.expand(2, 4, 784))
            for replicate in range(2):
                torch.testing.assert_close(
                    program.build(asked, replicate)(images), expected[replicate], rtol=0, atol=1e-4
                )


def test_track_full_is_refused(make_cell, tmp_path):
    cell = make_cell("torch_pruning", settings={"ratio": 0.5}, track="full")
    path = tmp_path / "results.csv"
    command = [sys.executable, str(SCRIPT), str(written(cell, tmp_path)), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs track: hidden" in done.stderr
    assert not path.exists()
