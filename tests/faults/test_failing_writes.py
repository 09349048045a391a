"""A disk that is full, a folder that is read-only, a limit on files or memory: at every write of a cell the job fails
in one line, without a record, or a checkpoint is left out with a warning; afterwards the cell can be trained."""

import errno
import os
import resource
import subprocess
import sys

import pytest
import yaml
from amounts import LONG, amount
from conftest import REPOSITORY

import robustprune.engine.checkpoint
import robustprune.files
from robustprune.cli import main
from robustprune.records.record import read_record

KEY = "digits/lenet_300_100-full/bernoulli/b/he_normal/width-0.5"
STUDY = {
    "training": {"epochs": 2, "batch_size": 512},
    "strengths": {"bernoulli": {"b": {"price": 1e-4}}},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"bernoulli": ["b"]},
            "widths": [0.5],
            "replicates": 2,
        }
    ],
}
REASONS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "no permission": errno.EACCES, "too large": errno.EFBIG}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("writes")
    values = STUDY | {"root": str(folder / "results"), "data": {"directory": str(folder / "data")}}
    (folder / "my.yaml").write_text(yaml.safe_dump(values))
    assert main(["prepare", "digits", "--directory", str(folder / "data")]) == 0
    return folder


def trained(study, folder):
    return main(["train", "--config", str(study / "my.yaml"), "--cell", KEY, "--output", str(folder)])


def failing(monkeypatch, number, code, late):
    """Let the write of that number fail, when its file is made or (late) renamed; returns the names of all writes."""
    names, make, rename = [], robustprune.files.Path.touch, robustprune.files.Path.replace

    def refused(path):
        raise OSError(code, os.strerror(code), str(path))

    def touch(path, exist_ok):
        names.append(path.name[1:].removesuffix(path.suffix).rpartition(".")[0])
        if len(names) == number and not late:
            refused(path)
        make(path, exist_ok=exist_ok)

    def replace(path, target):
        if len(names) == number and late:
            refused(path)
        return rename(path, target)

    monkeypatch.setattr(robustprune.engine.checkpoint, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(robustprune.files.Path, "touch", touch)
    monkeypatch.setattr(robustprune.files.Path, "replace", replace)
    return names


def test_every_write_of_a_cell_may_fail(study, tmp_path, monkeypatch, capsys):
    assert trained(study, tmp_path / "whole") == 0
    whole = read_record(tmp_path / "whole" / "record.json").comparable()
    with monkeypatch.context() as patched:
        writes = failing(patched, 0, 0, late=False)
        assert trained(study, tmp_path / "counted") == 0
    assert set(writes) == {"checkpoint.pt", "gates.npz", "history.parquet", "networks.safetensors", "record.json"}
    tried = [(reason, late) for reason in REASONS for late in (False, True)]
    count = 0
    for number, name in enumerate(writes, 1):
        for reason, late in tried if LONG else [tried[number % len(tried)]]:
            folder = tmp_path / f"{number} {reason} {late}"
            capsys.readouterr()
            with monkeypatch.context() as patched:
                failing(patched, number, REASONS[reason], late)
                status = trained(study, folder)
            shown = capsys.readouterr().err
            assert "Traceback" not in shown
            if name == "checkpoint.pt":
                assert status == 0
                assert "checkpoint.pt: no checkpoint written (" in shown
            else:
                assert status == 1
                last = shown.splitlines()[-1]
                assert last == f"robustprune train: {KEY}: {folder / name}: {os.strerror(REASONS[reason])}"
                assert not (folder / "record.json").exists()
                assert trained(study, folder) == 0
            assert read_record(folder / "record.json").comparable() == whole
            assert not list(folder.glob(".*"))
            count += 1
    print(f"writes that failed: {count}")


@pytest.mark.skipif(not LONG, reason="starts a process for each limit: make test-faults")
def test_limits_on_files_and_memory(study, tmp_path):
    """With each limit the job either ends well, or fails with its reason in the last line and without a record."""
    ended = {0: 0, 1: 0}
    limits = [("RLIMIT_FSIZE", 2**n) for n in range(9, 24)] + [("RLIMIT_AS", n * 2**26) for n in range(3, 18)]
    for name, limit in limits[: amount(0, len(limits))]:
        folder = tmp_path / f"{name}-{limit}"
        command = [sys.executable, "-m", "robustprune.cli", "train", "--config", str(study / "my.yaml")]
        done = subprocess.run(
            [*command, "--cell", KEY, "--output", str(folder)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"},
            preexec_fn=lambda name=name, limit=limit: resource.setrlimit(getattr(resource, name), (limit, limit)),
        )
        assert (folder / "record.json").exists() == (done.returncode == 0), (name, limit, done.stderr[-2000:])
        assert done.returncode in (0, 1, -6, -11, 127, 134, 139), (name, limit, done.stderr[-2000:])
        last = done.stderr.strip().splitlines()[-1:]
        assert done.returncode != 1 or last[0].startswith("robustprune train: "), (name, limit, done.stderr[-2000:])
        ended[0 if done.returncode == 0 else 1] += 1
    print(f"limits on files and memory: {ended[0]} cells trained, {ended[1]} failed with a reason")
    assert min(ended.values()) > 0
