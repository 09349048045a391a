"""Stale, foreign and damaged records and tables (cases A4 to A8 and A12): nothing of them is counted silently."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.kept import read_kept
from robustprune.analysis.read import read_detailed_runs, read_runs
from robustprune.engine.running import run_cell
from robustprune.errors import StudyError
from robustprune.gathering.collapse import MARGIN, judged
from robustprune.gathering.collection import collect
from robustprune.gathering.export import load_network
from robustprune.gathering.merging import merge
from robustprune.gathering.record_checks import StaleRecord, checked_record
from robustprune.networks.archive import read_archive
from robustprune.records.digests import content_digest
from robustprune.study.cells import study_cells
from robustprune.study.config import validate_study

VALUES = {
    "strengths": {"dense": {"a": {}}, "magnitude": {"m": {"target": 0.3}}},
    "training": {"epochs": 2, "batch_size": 128},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"dense": ["a"], "magnitude": ["m"]},
            "widths": [0.5],
            "replicates": 2,
        }
    ],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    """The root of a trained study of two cells."""
    root = tmp_path_factory.mktemp("study")
    for key, cell in study_cells(validate_study(VALUES, "x")).items():
        run_cell(cell, digits, root / "runs" / key)
    return root


@pytest.fixture
def study(trained, tmp_path):
    """A copy of the study that a test may damage: (configuration, folder of the pruned cell)."""
    root = tmp_path / "results"
    shutil.copytree(trained, root)
    config = validate_study({**VALUES, "root": str(root)}, "x")
    return config, next(root / "runs" / key for key in study_cells(config) if "magnitude" in key)


def collected(config, folder):
    """Collect a study; returns runs.csv and the reasons in missing.csv."""
    collect(config, folder)
    return pd.read_csv(folder / "runs.csv"), pd.read_csv(folder / "missing.csv")["reason"].tolist()


def forge(path, change, digest=True):
    """Change a record and give it a digest that fits."""
    values = json.loads(path.read_text())
    change(values)
    values["digest"] = content_digest(values) if digest else None
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    "change",
    [
        {"strengths": {"dense": {"a": {}}, "magnitude": {"m": {"target": 0.5}}}},
        {"training": {"epochs": 3, "batch_size": 128}},
        {"study": [{**VALUES["study"][0], "replicates": 3}]},
    ],
)
def test_a4_records_of_other_settings_are_stale(study, tmp_path, change):
    config, folder = study
    changed = validate_study({**VALUES, **change, "root": config.root}, "x")
    runs, reasons = collected(changed, tmp_path)
    assert "magnitude" not in set(runs["method"])
    assert len(runs) == (2 if "strengths" in change else 0)  # then dense has the settings that it had
    (reason,) = [reason for reason in reasons if "magnitude" in reason]
    assert f"{folder / 'record.json'}: stale, of other settings: config_hash is " in reason


def first(**values):
    return lambda record: record["replicates"][0].update(values)


WRONG = {
    "config_hash": (lambda record: record.update(config_hash="0" * 12), "config_hash: 000000000000, expected "),
    "seed": (first(seed=5), "replicates.0.seed: 5, expected "),
    "seed of another": (lambda r: first(seed=r["replicates"][1]["seed"])(r), "replicates.0.seed: "),
    "params": (first(params_kept=7), "replicates.0.params_kept: 7, expected "),
    "macs": (first(macs_kept=7), "replicates.0.macs_kept: 7, expected "),
    "params of the start": (first(params_dense=10**7), "replicates.0.params_dense: 10000000, expected "),
    "start": (first(units_start="785-150-50"), "replicates.0.units_start: 785-150-50, expected 784-150-50"),
    "empty": (first(units_kept="0-0-0"), "replicates.0.units_kept: 0-0-0: slot input has 1 to 784 units"),
    "rounding": (first(rounding_error_change_percent=float("nan")), "replicates.0.rounding_error_change_percent"),
    "infinite": (first(train_macs=float("inf")), "replicates.0.train_macs"),
    "seconds": (lambda record: record["provenance"].update(seconds=float("inf")), "provenance.seconds"),
}


@pytest.mark.parametrize("digest", [True, False])
@pytest.mark.parametrize("kind", WRONG)
def test_a5_what_does_not_follow_from_the_cell_is_refused(study, tmp_path, kind, digest):
    """Also where the digest fits, and in records without one (older ones, foreign programs)."""
    config, folder = study
    change, message = WRONG[kind]
    forge(folder / "record.json", change, digest)
    runs, (reason,) = collected(config, tmp_path)
    assert f"{folder / 'record.json'}: " in reason
    assert message in reason
    assert set(runs.loc[runs["method"] == "magnitude", "status"]) == {"failed"}
    with pytest.raises(StudyError, match=message.replace(".", r"\.")):
        checked_record(folder / "record.json")


@pytest.mark.parametrize("name", ["record.json", "networks.safetensors", "history.parquet", "gates.npz"])
def test_a6_a_flipped_byte_is_noticed_and_the_file_named(study, tmp_path, name):
    config, folder = study
    path = folder / name
    whole = path.read_bytes()
    missed = named = noticed = 0
    for place in np.linspace(0, len(whole) - 1, 40).astype(int):
        damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        path.write_bytes(damaged)
        try:
            checked_record(folder / "record.json")
            # layout of JSON and digits that no float holds are no content
            missed += name != "record.json" or json.loads(damaged) != json.loads(whole)
        except StudyError as error:
            named += str(path) in str(error)
            noticed += 1
    assert missed == 0
    assert named == noticed > 20
    place = whole.index(b"units_kept") + 15 if name == "record.json" else len(whole) // 2
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    _, (reason,) = collected(config, tmp_path)
    assert str(path) in reason
    if name in ("record.json", "networks.safetensors"):  # the files that a network is read from
        with pytest.raises(StudyError, match=name):
            load_network(folder, 0)


def test_a6_a_record_beside_the_networks_of_another_run_is_no_record(study, trained):
    folder = study[1]
    other = next(path for path in (trained / "runs").glob("**/networks.safetensors") if "dense" in str(path))
    shutil.copy(other, folder)
    with pytest.raises(StudyError, match=r"networks.safetensors: damaged or of another run"):
        checked_record(folder / "record.json")


def test_a7_tables_of_different_networks_are_refused(study, tmp_path):
    config, _ = study
    collect(config, tmp_path)
    assert len(read_detailed_runs(tmp_path)) == 4
    for name in ("runs.csv", "details.csv"):
        whole = (tmp_path / name).read_text()
        (tmp_path / name).write_text("".join(whole.splitlines(keepends=True)[:-1]))
        with pytest.raises(StudyError, match=r"details.csv: .* rows, .*runs.csv: .* rows"):
            read_detailed_runs(tmp_path)
        (tmp_path / name).write_text(whole)
    text = (tmp_path / "runs.csv").read_text()
    (tmp_path / "runs.csv").write_text(text.replace("784-150-50", "784-151-50"))
    with pytest.raises(StudyError, match=r"runs.csv: damaged or of another run"):
        read_detailed_runs(tmp_path)
    (tmp_path / "digests.json").write_text("{}")
    with pytest.raises(StudyError, match=r"digests.json: not digests"):
        read_detailed_runs(tmp_path)
    (tmp_path / "digests.json").unlink()  # as in the shipped results of older versions
    assert len(read_detailed_runs(tmp_path)) == 4


IMPOSSIBLE = {
    "error_test_percent": (-1.5, "a finite number, 0 to 100, found -1.5"),
    "params_kept": (np.inf, "a finite number, 0 or more, found inf"),
    "train_macs": (-1.0, "a finite number, 0 or more"),
    "macs_kept": (10**9, "at most macs_dense, found 1000000000"),
    "status": ("fine", "one of ok, collapsed, diverged, failed, found fine"),
    "units_kept": (None, "a value, for the status is ok, found nan"),
    "width": ("wide", "a finite number"),
}


@pytest.mark.parametrize("column", IMPOSSIBLE)
def test_a8_an_impossible_value_is_refused_with_file_line_and_column(tmp_path, column):
    value, message = IMPOSSIBLE[column]
    runs = made_up()[0]
    runs[column] = runs[column].astype(object)
    runs.loc[3, column] = value
    runs.to_csv(tmp_path / "runs.csv", index=False)
    with pytest.raises(StudyError, match=rf"runs.csv: line 5, column {column}: expected {message}"):
        read_runs(tmp_path / "runs.csv")


def test_a8_a_network_that_is_there_twice_is_refused(tmp_path):
    tables = made_up()
    store(tmp_path, (pd.concat([tables[0], tables[0].iloc[[2]]]), *tables[1:]))
    with pytest.raises(StudyError, match=rf"runs.csv: line {len(tables[0]) + 2}, column replicate: expected every"):
        read_detailed_runs(tmp_path)


def errors(*pairs, method="bernoulli"):
    """runs and details of networks with these training errors and statuses."""
    rows = [{"dataset": "mnist", "method": method, "error_train_percent": e, "status": s, "r": r} for e, s, r in pairs]
    table = pd.DataFrame(rows)
    return table.drop(columns="r"), table.rename(columns={"r": "reason"})[["status", "reason"]]


def test_a12_collapse_is_judged_by_training_error_against_dense_networks():
    runs, details = errors((0.1, "ok", None), (12.1, "ok", None), (90.0, "diverged", "NaN"), (None, "ok", None))
    other = errors((1.0, "ok", None), (3.0, "ok", None), method="dense")
    runs, details = (pd.concat(pair, ignore_index=True) for pair in zip((runs, details), other, strict=True))
    runs["error_test_percent"] = 80.0  # has no say
    runs, details = judged(runs, details)
    assert runs["status"].tolist() == ["ok", "collapsed", "diverged", "ok", "ok", "ok"]
    assert details["status"].tolist() == runs["status"].tolist()
    assert details["reason"][1] == "training error 12.10 % exceeds that of dense training (2.00 %) by > 10"
    runs.loc[4:, "error_train_percent"] = 5.0
    again, reasons = judged(runs, details)  # beside other dense networks
    assert again["status"].tolist() == ["ok", "ok", "diverged", "ok", "ok", "ok"]
    assert reasons["reason"].isna().tolist() == [True, True, False, True, True, True]
    alone, _ = judged(*errors((MARGIN, "ok", None), (MARGIN + 0.1, "ok", None), (0.0, "collapsed", "a slot")))
    assert alone["status"].tolist() == ["ok", "collapsed", "collapsed"]


def test_a12_collection_judges_and_merging_judges_again(study, tmp_path, monkeypatch):
    config, _ = study
    monkeypatch.setattr("robustprune.gathering.collapse.MARGIN", -100.0)
    runs, _ = collected(config, tmp_path / "all")
    assert set(runs["status"]) == {"collapsed"}
    assert runs["error_train_percent"].between(0, 100).all()
    details = pd.read_csv(tmp_path / "all" / "details.csv")
    assert details["reason"].str.startswith("training error ").all()
    monkeypatch.undo()
    merge([tmp_path / "all"], tmp_path / "merged")
    runs, _ = collected(config, tmp_path / "again")
    assert "ok" in set(runs["status"])
    assert pd.read_csv(tmp_path / "merged" / "runs.csv")["status"].tolist() == runs["status"].tolist()


def test_a_failed_job_counts_as_failed_with_its_reason(study, tmp_path):
    config, folder = study
    (folder / "record.json").unlink()
    runs, (reason,) = collected(config, tmp_path)
    assert "magnitude" not in set(runs["method"])
    assert "run the cell first" in reason
    log = tmp_path / "results" / "logs" / folder.relative_to(tmp_path / "results" / "runs") / "train.log"
    log.parent.mkdir(parents=True)
    log.write_text("epoch 1/2\nrobustprune train: x: KeyError: 'fc9'\n")
    runs, (reason,) = collected(config, tmp_path)
    assert set(runs.loc[runs["method"] == "magnitude", "status"]) == {"failed"}
    assert reason == f"{log}: robustprune train: x: KeyError: 'fc9'"


def test_kept_units_come_back_as_they_were(study, tmp_path):
    config, folder = study
    collect(config, tmp_path)
    kept = read_kept(tmp_path)
    assert len(kept) == 4
    key = str(folder.relative_to(tmp_path / "results" / "runs"))
    for replicate, network in read_archive(folder).items():
        for slot, units in network.kept.items():
            assert kept[key, replicate][slot].tolist() == units.tolist()
    assert len(kept[key, 0]["input"]) < 784
    merge([tmp_path], tmp_path / "merged")
    assert read_kept(tmp_path / "merged").keys() == kept.keys()
    (tmp_path / "kept.parquet").write_bytes((tmp_path / "merged" / "kept.parquet").read_bytes() + b"x")
    with pytest.raises(StudyError, match=r"kept.parquet: damaged"):
        read_kept(tmp_path)


def test_columns_of_provenance(study, tmp_path):
    config, folder = study
    runs, _ = collected(config, tmp_path)
    assert set(runs["key"]) == set(study_cells(config))
    record = checked_record(folder / "record.json")
    assert set(runs["git_commit"].dropna()) <= {record.provenance.git_commit}
    assert set(runs["budget"]) == {"epochs"}
    with pytest.raises(StaleRecord):
        checked_record(folder / "record.json", record.cell.model_copy(update={"replicates": 1}))
