"""The shipped study and its search (results/reference) are whole, and are what their configurations ask for."""

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

from robustprune.analysis.floors import floor_rows
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.tradeoff import points
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study

REFERENCE = REPOSITORY / "results" / "reference"
SEARCH = REFERENCE / "search"
TARGET = 26_000


@pytest.mark.parametrize("folder", [REFERENCE, SEARCH], ids=["study", "search"])
def test_every_network_is_that_of_its_configuration(folder, monkeypatch):
    """Cells, their settings (by the hash of their configuration) and their numbers of networks."""
    monkeypatch.chdir(REPOSITORY)
    cells = study_cells(load_study(folder / "config.yaml"))
    runs = pd.read_csv(folder / "runs.csv")
    missing = set(pd.read_csv(folder / "missing.csv")["cell"])
    assert set(runs["key"]) == set(cells) - missing
    for key, own in runs.groupby("key"):
        assert set(own["config_hash"]) == {cells[key].config_hash}, key
        assert len(own) == cells[key].replicates, key
    assert set(runs["status"]) <= {"ok", "collapsed"}


@pytest.mark.parametrize("folder", [REFERENCE, SEARCH], ids=["study", "search"])
def test_one_source_trained_all_networks_of_a_method(folder):
    sources = pd.read_csv(folder / "runs.csv").groupby("method")["source_hash"].nunique()
    assert set(sources) == {1}


def test_quick_has_intervals():
    assert all(grid.replicates >= 3 for grid in load_study(REPOSITORY / "config" / "quick.yaml").study)


@pytest.fixture(scope="module")
def search():
    return read_detailed_runs(SEARCH)


def test_every_searched_method_has_a_point_at_equal_size():
    """The mean of a run that confirmed the point is within 10 % of the target. FINDINGS names the missed points."""
    entries = yaml.safe_load((REFERENCE / "operating_points.yaml").read_text())
    at_size = {entry["method"]: entry for entry in entries if entry["target"] == "at_size" and entry["strength"]}
    runs = pd.read_csv(REFERENCE / "runs.csv")
    assert set(at_size) >= set(runs.loc[runs["operating_point"].fillna("").str.endswith("at_size"), "method"])
    for method, entry in at_size.items():
        found = {row["strength"]: row.get("params_kept") for row in entry["strengths"]}
        assert entry["confirmed"] in (True, False), method
        if entry["confirmed"]:
            assert found[entry["strength"]] == pytest.approx(TARGET, rel=0.1), method
    assert sum(entry["confirmed"] for entry in at_size.values()) > len(at_size) / 2


def test_every_trade_off_has_six_strengths_of_three_networks(search):
    table = points(search, 0.95)
    for method, own in table[table["method"] != "dense"].groupby("method"):
        assert ((own["n"] == 3) & (own["not_ok"] == 0)).sum() >= 6, method


def test_criteria_are_not_worse_than_random_at_equal_params(search):
    """No budget at which random pruning errs less by more than the interval of the paired difference."""
    rows = floor_rows(search, 0.95)
    rows = rows[rows["floor"] == "random"] if len(rows) else rows
    assert len(rows) or "random" not in set(search["method"])
    assert not len(rows) or (rows["difference_low"] <= 0).all()
