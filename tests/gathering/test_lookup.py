"""What `robustprune show` says of a cell, and how it finds it."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from watched import KEYS, small_study, write_log

from robustprune.cli import main
from robustprune.engine.running import run_cell
from robustprune.gathering.lookup import Shelf, find_view
from robustprune.gathering.states import cell_states, study_plan
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study

REFERENCE = REPOSITORY / "results" / "reference"
METHOD = "mnist/lenet_300_100-full/bernoulli/c_3p19e_4/he_normal/width-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """A study in which dense training is done and the other cells are not; `results` is its root."""
    path = tmp_path_factory.mktemp("shown")
    config = small_study("results", training={"epochs": 1, "batch_size": 512})
    cell = study_cells(config)[KEYS["dense"]]
    run_cell(cell, digits, path / "results" / "runs" / cell.key)
    (path / "results" / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    return path


@pytest.fixture
def shown(folder, monkeypatch, capsys):
    """Run `robustprune show` in the folder of the study; returns status and what was printed."""
    monkeypatch.chdir(folder)

    def run(*arguments):
        status = main(["show", *arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


@pytest.mark.parametrize(
    "key", [KEYS["dense"], "dense/a/he_normal/width-1", "dense", f"results/runs/{KEYS['dense']}", "record"]
)
def test_a_record_says_everything(folder, shown, key):
    path = Path("results", "runs", KEYS["dense"], "record.json")
    status, text = shown(str(path) if key == "record" else key)
    assert status == 0
    record = json.loads((folder / path).read_text())
    assert text.splitlines()[0] == KEYS["dense"]
    assert str(path) in text
    provenance = record["provenance"]
    for name in ("source_hash", "torch_version", "numpy_version", "python_version", "device", "hostname_hash"):
        assert provenance[name] in text, name
    assert str(provenance["git_commit"]) in " ".join(text.split())
    assert "batch_size: 512" in text
    assert f"robustprune train --config results/config.yaml \\\n              --cell {KEYS['dense']}" in text
    for entry in record["replicates"]:
        line = next(line for line in text.splitlines() if str(entry["seed"]) in line)
        assert line.split()[2:5] == ["ok", "784-300-100", "266,610"]
        assert f"{entry['error_test_percent']:.2f}" in line
    assert len([line for line in text.splitlines() if len(line) > 80]) <= 1  # the path


def test_a_cell_without_a_record_says_what_was_asked_and_how_far_it_is(folder, shown):
    config = small_study(str(folder / "results"))
    log = write_log(config, "magnitude", f"robustprune train: {KEYS['magnitude']}: KeyError: 'fc9'")
    status, text = shown("magnitude")
    log.unlink()
    assert status == 0
    assert "note      no record yet" in text
    assert "target: 0.5" in text
    assert "state     failed: robustprune train:" in text
    assert str(study_cells(config)[KEYS["magnitude"]].seed(1)) in text


def test_a_record_of_other_settings_is_marked(folder, shown):
    other = small_study("results", training={"epochs": 7, "batch_size": 512})
    (folder / "other.yaml").write_text(yaml.safe_dump(other.model_dump(mode="json")))
    status, text = shown(KEYS["dense"], "--config", "other.yaml")
    assert status == 0
    assert "note      of other settings than" in text
    assert "epochs: 1," in text


def test_a_text_that_names_several_or_no_cell(shown):
    status, text = shown("lenet_300_100")
    assert status == 2
    assert "lenet_300_100: 3 cells match: " in text
    assert all(key in text for key in KEYS.values())
    status, text = shown(KEYS["dense"].replace("dense", "dence"))
    assert status == 2
    assert f"did you mean {KEYS['dense']}?" in text
    assert shown("dense", "--config", "nowhere.yaml")[0] == 2


def test_shipped_tables_have_their_cells(monkeypatch, capsys):
    """Without a record: from runs.csv and details.csv."""
    monkeypatch.chdir(REPOSITORY)
    assert main(["show", "c_3p19e_4/he_normal/width-1"]) != 0
    assert f"2 cells match: {METHOD}, fashion_{METHOD}; give more" in capsys.readouterr().err
    assert main(["show", "bernoulli/c_3p19e_4/fuse"]) == 0  # a part of one key
    capsys.readouterr()
    for arguments in ([METHOD], [METHOD, "--source", "results/reference"]):
        assert main(["show", *arguments]) == 0
        text = capsys.readouterr().out
        assert text.splitlines()[0] == METHOD
        runs = pd.read_csv(REFERENCE / "runs.csv")
        own = runs[(runs["method"] == "bernoulli") & (runs["strength"] == "c_3p19e_4") & (runs["width"] == 1)]
        of_network = (own["architecture"] == "lenet_300_100") & (own["dataset"] == "mnist")
        own = own[(own["initialization"] == "he_normal") & of_network]
        for row in own.itertuples():
            line = next(line for line in text.splitlines() if str(row.seed) in line)
            assert line.split()[2:6] == ["ok", row.units_kept, f"{row.params_kept:,}", f"{row.error_test_percent:.2f}"]
        assert "robustprune train --config results/reference/config.yaml" in text
        assert "price: 0.000319" in " ".join(text.split())
        assert own["source_hash"].iloc[0] in text
        assert own["git_commit"].iloc[0] in text


def test_a_shipped_cell_is_shown_where_the_own_study_has_not_trained_it(tmp_path, monkeypatch, capsys):
    """The configuration asks for the same cell, and nothing of it is there."""
    monkeypatch.chdir(REPOSITORY)
    key = "mnist/lenet_300_100-full/dense/dense/he_normal/width-1"
    study = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(study | {"root": str(tmp_path / "results")}))
    assert main(["show", key, "--config", str(config)]) == 0
    text = capsys.readouterr().out
    assert "from      results/reference/runs.csv" in text
    assert "no record yet" not in text


def test_a_cell_that_is_done_needs_no_tables(folder, tmp_path, monkeypatch):
    """Damaged tables beside the study are not read for it."""
    monkeypatch.chdir(folder)
    (tmp_path / "runs.csv").write_text("damaged")
    path = Path("results/config.yaml")
    assert find_view(KEYS["dense"], Shelf((path, load_study(path)), tmp_path)).key == KEYS["dense"]


def test_cells_that_are_furthest_are_named_first(folder, shown):
    config = small_study(str(folder / "results"), training={"epochs": 1, "batch_size": 512})
    log = write_log(config, "magnitude", "robustprune train: stopped")
    _, text = shown("lenet_300_100")
    log.unlink()
    keys = text.partition("match: ")[2].partition(";")[0].split(", ")
    states = {state.key: state.state for state in cell_states(config, study_plan(config))}
    order = [("done", "running", "failed", "stopped", "waiting").index(states[key]) for key in keys]
    assert order == sorted(order)
    assert len(set(order)) > 1


def test_a_cell_that_only_the_search_has(monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    runs = pd.read_csv(REFERENCE / "search" / "runs.csv")
    row = runs[runs["method"] == "bmrs_n"].iloc[0]
    key = f"{row.architecture}-{row.track}/{row.method}/{row.strength}/{row.initialization}/width-{row.width:g}"
    assert main(["show", key, "--source", "results/reference/search"]) == 0
    assert str(row.seed) in capsys.readouterr().out
    assert main(["show", "x", "--source", "results/reference/nowhere"]) == 2
    assert "no cell 'x' in results/reference/nowhere" in capsys.readouterr().err
