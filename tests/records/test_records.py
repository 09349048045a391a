"""The result contract: what is accepted, what is rejected and how it is named, nothing half-written."""

import json
import os

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustprune.engine.running import run_cell
from robustprune.errors import StudyError
from robustprune.files import write_atomically, write_text
from robustprune.gathering.collection import collect
from robustprune.networks.archive import write_archive
from robustprune.records.record import COLUMNS, join_units, read_record, split_units
from robustprune.study.config import validate_study

CONFIG = {
    "strengths": {"dense": {"a": {}}, "bernoulli": {"b": {"price": 2e-3}}},
    "training": {"epochs": 4, "batch_size": 16},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"dense": ["a"], "bernoulli": ["b"]},
            "replicates": 2,
        }
    ],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory, digits):
    """A trained study of two cells: (configuration, folders by method)."""
    from robustprune.study.cells import study_cells

    root = tmp_path_factory.mktemp("study")
    config = validate_study({**CONFIG, "root": str(root)}, "x")
    folders = {}
    for key, cell in study_cells(config).items():
        folders[cell.method] = root / "runs" / key
        run_cell(cell, digits, folders[cell.method])
    return config, folders


def damaged(path, target, change):
    """Write a changed record, without the digest that would give it away."""
    values = json.loads(path.read_text())
    values.pop("digest")
    change(values)
    target.write_text(json.dumps(values))
    return target


def set_first(**values):
    return lambda record: record["replicates"][0].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_first(units_kept="785-300-100"), "does not fit within units_start"),
        (set_first(units_kept="784-300"), "does not fit within units_start"),
        (set_first(units_kept="784,300,100"), "not hyphen-joined unit counts"),
        (set_first(params_kept=266611), "params_kept 266611 exceeds params_dense 266610"),
        (set_first(macs_kept=10**9), "exceeds macs_dense"),
        (set_first(error_test_percent=float("nan")), "error_test_percent"),
        (set_first(error_test_percent=101), "error_test_percent"),
        (set_first(error_test_percent=None), "status ok needs"),
        (set_first(status="collapsed"), "needs a reason"),
        (set_first(status="fine"), "status"),
        (set_first(kept=3), "unknown key 'kept'"),
        (set_first(replicate=1), r"replicates are \[1, 1\], expected 0 to 1"),
        (lambda record: record["replicates"].pop(), r"replicates are \[0\], expected 0 to 1"),
        (lambda record: record.pop("provenance"), "provenance"),
        (lambda record: record["cell"].update(methd="x"), "did you mean 'method'"),
    ],
)
def test_impossible_records_are_rejected_by_file_and_key(study, tmp_path, change, message):
    path = damaged(study[1]["dense"] / "record.json", tmp_path / "record.json", change)
    with pytest.raises(StudyError, match=message) as caught:
        read_record(path)
    assert str(path) in str(caught.value)


def test_truncated_and_missing_records_say_what_to_do(study, tmp_path):
    path = tmp_path / "record.json"
    with pytest.raises(StudyError, match="run the cell first"):
        read_record(path)
    path.write_text((study[1]["dense"] / "record.json").read_text()[:200])
    with pytest.raises(StudyError, match="delete the file and run the cell again"):
        read_record(path)


def test_collect_makes_the_contract_csv(study, tmp_path):
    collect(study[0], tmp_path)
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert tuple(runs.columns) == COLUMNS
    assert len(runs) == 4
    dense = runs[runs.method == "dense"].iloc[0]
    assert (dense.units_start, dense.units_kept) == ("784-300-100", "784-300-100")
    assert (dense.params_kept, dense.epochs) == (266610, 4)
    history = pd.read_parquet(tmp_path / "history.parquet")
    assert {"replicate", "epoch", "train_loss", "units_input", "undetermined_fc1", "macs_step"} <= set(history.columns)
    gates = pd.read_parquet(tmp_path / "gates.parquet")
    assert set(gates.method) == {"bernoulli"}
    assert set(gates.slot) == {"input", "fc1", "fc2"}
    assert (gates[gates.epoch == 0].theta == 0.5).all()


def test_collect_names_missing_invalid_and_misplaced_cells(study, tmp_path):
    import shutil

    config, folders = study
    root = tmp_path / "copy"
    shutil.copytree(config.root, root)
    moved = config.model_copy(update={"root": str(root)})
    dense, bernoulli = (root / folder.relative_to(config.root) for folder in folders.values())
    damaged(dense / "record.json", dense / "record.json", set_first(params_kept=10**9))
    damaged(folders["dense"] / "record.json", bernoulli / "record.json", lambda record: None)
    collect(moved, tmp_path)
    missing = pd.read_csv(tmp_path / "missing.csv")
    assert len(missing) == 2
    assert "exceeds params_dense" in missing.reason[0]
    assert "expected" in missing.reason[1]
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert set(runs["status"]) == {"failed"}
    assert set(runs["method"]) == {"dense", "bernoulli"}
    assert runs["params_kept"].isna().all()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_that_the_user_asks_for(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "file.txt", "")
        write_archive(tmp_path, [])
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["file.txt", "networks.safetensors"], 0o666 & ~umask)


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 10_000), min_size=1, max_size=5))
def test_units_round_trip(units):
    assert split_units(join_units(units)) == tuple(units.values())
