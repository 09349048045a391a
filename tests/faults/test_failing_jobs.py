"""Errors inside a job (cases A1 and A2): programming errors, memory and disk fail it; only numbers make `diverged`."""

import subprocess
import sys

import pytest
import torch
import yaml
from conftest import REPOSITORY

import robustprune.engine.checkpoint
from robustprune.cli import main
from robustprune.engine.checkpoint import Checkpoint
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.errors import StudyError

KEY = "digits/lenet_300_100-full/{method}/a/he_normal/width-0.5"
BROKEN = '''"""Has a typo in a hook."""

from robustprune.methods.parts.base import Method


class Typo(Method):
    """Removes nothing."""

    def after_step(self, network):
        {line}
'''
TYPOS = {
    "AttributeError": "return network.kpet",
    "KeyError": "return network.kept['fc9']",
    "TypeError": "return network.counts(3)",
    "NameError": "return nothing",
    "RuntimeError": "return network.kept['fc1'] @ network.kept['fc1'].double()",
}


@pytest.fixture
def study(tmp_path):
    """A folder with a tiny study of dense training and of a plug-in `typo`."""
    (tmp_path / "plugins" / "methods").mkdir(parents=True)
    methods = {"dense": ["a"], "typo": ["a"]}
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "methods": methods, "widths": [0.5], "replicates": 2}
    values = {"strengths": {"dense": {"a": {}}, "typo": {"a": {}}}, "study": [grid]}
    values |= {"training": {"epochs": 2, "batch_size": 512}, "plugins": "plugins"}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "plugins" / "methods" / "typo.py").write_text(BROKEN.format(line="return None"))
    return tmp_path


@pytest.mark.parametrize("kind", TYPOS)
def test_a_typo_in_a_hook_fails_the_job(study, kind, monkeypatch, capsys):
    """Status 1, no record, the traceback for the log and one last line for the screen."""
    (study / "plugins" / "methods" / "typo.py").write_text(BROKEN.format(line=TYPOS[kind]))
    monkeypatch.chdir(study)
    main(["prepare", "digits"])
    assert main(["train", "--config", "study.yaml", "--cell", KEY.format(method="typo")]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "plugins/methods/typo.py" in shown
    assert shown.splitlines()[-1].startswith(f"robustprune train: {KEY.format(method='typo')}: {kind}: ")
    assert not (study / "results" / "runs" / KEY.format(method="typo")).exists()


def test_a_full_disk_costs_a_checkpoint_or_the_job(study, monkeypatch):
    """Files of at most 700 kB: 5 MB of checkpoint fail with a warning, 1 MB of networks fail the job."""
    path = study / "sitecustomize.py"
    path.write_text("import robustprune.engine.checkpoint as c\nc.INTERVAL_SECONDS = 0.0\n")
    monkeypatch.setenv("PYTHONPATH", f"{study}:{REPOSITORY / 'src'}")
    monkeypatch.chdir(study)
    main(["prepare", "digits"])
    train = f"{sys.executable} -m robustprune.cli train --config study.yaml --cell {KEY.format(method='dense')}"
    done = subprocess.run(["bash", "-c", f"ulimit -f 700; {train}"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("checkpoint.pt: no checkpoint written (") == 2
    assert "epoch 2/2" in done.stderr
    assert "networks.safetensors" in done.stderr or "File too large" in done.stderr.splitlines()[-1]
    assert not list((study / "results").glob("runs/**/record.json"))


def test_missing_memory_fails_the_job(tmp_path, digits, make_cell, monkeypatch):
    def hungry(self, network):
        torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr("robustprune.methods.dense.Dense.after_step", hungry)
    with pytest.raises(RuntimeError, match="memory"):
        run_cell(make_cell("dense"), digits, tmp_path / "cell")
    assert not (tmp_path / "cell").exists()


def spoil(training):
    with torch.no_grad():
        training.network.parameters["fc1.weight"][0] = torch.nan


def test_an_exception_on_numbers_that_are_not_finite_is_divergence(tmp_path, digits, make_cell, monkeypatch):
    def refuse(self, network):
        if not network.parameters["fc1.weight"].isfinite().all():
            raise ValueError("cannot sort NaN")

    monkeypatch.setattr("robustprune.methods.dense.Dense.after_step", refuse)
    record = run_cell(make_cell("dense"), digits, tmp_path / "cell", after_epoch=spoil)
    assert [entry.status for entry in record.replicates] == ["diverged", "diverged"]
    assert record.replicates[0].reason.endswith("not finite: ValueError: cannot sort NaN")
    assert record.replicates[0].params_kept is None
    files = {path.name for path in (tmp_path / "cell").iterdir()}
    assert files == {"record.json", "history.parquet", "gates.npz", "networks.safetensors"}


@pytest.mark.parametrize("error", [AttributeError, KeyError, TypeError, MemoryError, NotImplementedError, OSError])
def test_other_exceptions_are_no_divergence_even_then(tmp_path, digits, make_cell, monkeypatch, error):
    def broken(self, network):
        if not network.parameters["fc1.weight"].isfinite().all():
            raise error("a bug")

    monkeypatch.setattr("robustprune.methods.dense.Dense.after_step", broken)
    with pytest.raises(error):
        run_cell(make_cell("dense"), digits, tmp_path / "cell", after_epoch=spoil)
    assert not (tmp_path / "cell").exists()


def test_a_flipped_bit_in_a_checkpoint_is_noticed_and_named(tmp_path, digits, make_cell, capsys):
    """Each byte of the stored weights counts; torch itself does not look at them."""
    cell, path = make_cell("dense", epochs=2, replicates=1, width=0.5), tmp_path / "checkpoint.pt"
    training = Training(cell, digits)
    training.run_epoch()
    Checkpoint(path, cell).save(training, force=True)
    whole = path.read_bytes()
    for name, tensor in [("fc1.weight", training.network.parameters["fc1.weight"]), ("kept", training.network.kept)]:
        stored = (tensor if name == "fc1.weight" else tensor["fc1"]).detach().contiguous().numpy().tobytes()
        place = whole.index(stored) + 9
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        fresh = Training(cell, digits)
        assert not Checkpoint(path, cell).load(fresh), name
        assert fresh.epoch == 0
        assert f"warning: {path}: damaged" in capsys.readouterr().err
    path.write_bytes(whole)
    assert Checkpoint(path, cell).load(Training(cell, digits))


def test_wrong_input_is_an_error_of_the_user(tmp_path, digits, make_cell):
    with pytest.raises(StudyError):
        run_cell(make_cell("dense", batch_size=2000), digits, tmp_path / "cell")
    assert robustprune.engine.checkpoint.INTERVAL_SECONDS > 0
