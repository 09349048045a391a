"""The baseline that is a program of its own: the order it gets, the record it writes."""

import json
import subprocess
import sys

import pytest
import torch
from conftest import REPOSITORY

from robustprune.data.datasets import prepare
from robustprune.engine.jobs import order
from robustprune.engine.training import Training
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters
from robustprune.records.record import read_record, split_units
from robustprune.study.config import DataSettings

pytest.importorskip("torch_pruning", reason="optional: pip install 'robustprune[baselines]'")
pytestmark = pytest.mark.workflow
SCRIPT = REPOSITORY / "workflow" / "scripts" / "train_torch_pruning.py"


def run(cell, tmp_path, expect=0):
    data = prepare("digits", DataSettings(directory=str(tmp_path / "data")))
    folder = tmp_path / "cell"
    folder.mkdir()
    command = [sys.executable, str(SCRIPT), "--data", str(data), "--output", str(folder / "record.json")]
    done = subprocess.run(command, input=json.dumps(order(cell)), capture_output=True, text=True)
    assert done.returncode == expect, done.stderr[-2000:]
    return folder / "record.json", done.stderr


@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_it_prunes_and_writes_a_valid_record(make_cell, tmp_path, arch):
    cell = make_cell("torch_pruning", arch, epochs=3, settings={"ratio": 0.5}, track="hidden")
    path, _ = run(cell, tmp_path)
    record = read_record(path)
    assert record.cell == cell
    assert record.config_hash == cell.config_hash
    assert record.provenance.source_hash.startswith("torch-pruning-")
    network = architecture(arch)
    for number, entry in enumerate(record.replicates):
        assert entry.seed == cell.seed(number)
        units = dict(zip((slot.name for slot in network.slots), split_units(entry.units_kept), strict=True))
        assert entry.params_kept == parameters(network, units) < 0.7 * entry.params_dense
        if arch == "lenet5":
            assert units["flat"] == 16 * units["conv2"]
        else:
            assert units["input"] == 784
            assert units["fc1"] + units["fc2"] == pytest.approx(200, abs=40)
        assert entry.error_test_percent < 60
        assert 0 < entry.train_macs < entry.train_macs_dense


def test_it_starts_from_the_replicates_own_weights(make_cell, digits, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from train_torch_pruning import build

    for arch in ("lenet_300_100", "lenet5"):
        cell = make_cell("dense", arch, track="hidden")
        own = Training(cell, digits)
        images = torch.rand(4, 784)
        with torch.no_grad():
            expected = own.network.forward(images.expand(2, 4, 784))
            for replicate in range(2):
                torch.testing.assert_close(build(cell, replicate)(images), expected[replicate], rtol=0, atol=1e-4)


def test_track_full_is_refused(make_cell, tmp_path):
    cell = make_cell("torch_pruning", settings={"ratio": 0.5}, track="full")
    path, message = run(cell, tmp_path, expect=1)
    assert "needs track: hidden" in message
    assert not path.exists()
