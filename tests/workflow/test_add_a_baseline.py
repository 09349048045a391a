"""config/README.md, "Add a baseline", followed literally in a copy of the repository; what a wrong record does."""

import json
import re
from contextlib import contextmanager

import pandas as pd
import pytest
from conftest import REPOSITORY
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)

from robustprune.gathering.collection import collect
from robustprune.study.config import load_study

pytestmark = pytest.mark.workflow
CONFIG = "config/mine.yaml"


def blocks() -> dict[str, str]:
    """File name -> content of the how-to's blocks."""
    text = (REPOSITORY / "config" / "README.md").read_text().split("## Add a baseline")[1]
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", text, re.M | re.S))


@pytest.fixture(scope="module")
def extended(checkout):  # noqa: F811
    for name, content in blocks().items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content)
    snakemake(checkout, "--configfile", CONFIG)
    return checkout


def test_the_how_to_has_its_three_paths():
    assert sorted(name.split("/")[-1] for name in blocks()) == [
        "first_units.py",
        "first_units.smk",
        "l4_norm.py",
        "mine.yaml",
        "soft_gates.py",
    ]


def test_the_new_baselines_are_in_tables_and_figures_without_any_other_edit(extended):
    results = extended / "results" / "mine"
    runs = pd.read_csv(results / "runs.csv")
    assert set(runs["method"]) == {"soft_gates", "l4_norm", "first_units", "dense"}
    assert set(runs.loc[runs["method"] == "l4_norm", "status"]) <= {"ok", "collapsed"}
    assert (runs.loc[runs["method"] == "soft_gates", "params_kept"] < 266610).all()
    assert (runs.loc[runs["method"] == "l4_norm", "params_kept"] <= 0.2 * 266610).all()
    page = (results / "tables" / "robustness_width.html").read_text()
    figure = (results / "figures" / "kept_params_by_width.svg").read_text()
    for method in ("soft_gates", "l4_norm", "first_units"):
        assert method in page
        assert method in figure
    assert pd.read_csv(results / "missing.csv").empty


@pytest.mark.parametrize(
    ("edited", "rule"),
    [("src/robustprune/methods/l4_norm.py", "train"), ("workflow/scripts/first_units.py", "train_first_units")],
)
def test_editing_one_baseline_reruns_only_its_cells(extended, edited, rule):
    path = extended / edited
    before = path.read_text()
    path.write_text(before + "\n# edited\n")
    try:
        counts = planned(snakemake(extended, "--configfile", CONFIG, "--dry-run"))
    finally:
        path.write_text(before)
    trained = {name: count for name, count in counts.items() if name.startswith("train")}
    assert trained == {rule: 1}


def _without(key):
    def change(entry):
        del entry[key]

    return change


WRONG = {
    "wrong key": (lambda record: record.update(replicate=[]), "unknown key 'replicate'"),
    "impossible count": (
        lambda record: record["replicates"][0].update(units_kept="785-30-10"),
        "units_kept 785-30-10 does not fit within units_start 784-300-100",
    ),
    "missing replicate": (lambda record: record["replicates"].pop(), "replicates are [0], expected 0 to 1"),
    "wrong units": (
        lambda record: record["replicates"][1].update(units_kept="784x30x10"),
        "units_kept '784x30x10' is not hyphen-joined unit counts",
    ),
    "NaN error": (
        lambda record: record["replicates"][0].update(error_test_percent=float("nan")),
        "replicates.0.error_test_percent",
    ),
    "no status": (lambda record: _without("status")(record["replicates"][0]), "replicates.0.status"),
}


FOLDER = "results/mine/runs/digits/lenet_300_100-full/first_units/tenth/he_normal/width-1"


@contextmanager
def spoilt(checkout, kind):  # noqa: F811
    """The record of first_units, wrong for a while; yields the reason that must be given."""
    change, reason = WRONG[kind]
    path = checkout / FOLDER / "record.json"
    original = path.read_text()
    record = json.loads(original)
    change(record)
    path.write_text(json.dumps(record))
    try:
        yield reason
    finally:
        path.write_text(original)


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_record_is_refused_with_file_key_and_reason(extended, tmp_path, monkeypatch, kind):
    """Its networks count as failed."""
    monkeypatch.chdir(extended)
    with spoilt(extended, kind) as reason:
        collect(load_study(extended / CONFIG), tmp_path)
    missing, runs = pd.read_csv(tmp_path / "missing.csv"), pd.read_csv(tmp_path / "runs.csv")
    assert list(missing["cell"]) == ["digits/lenet_300_100-full/first_units/tenth/he_normal/width-1"]
    assert f"{FOLDER}/record.json: " in missing["reason"].iloc[0]
    assert reason in missing["reason"].iloc[0]
    assert list(runs.loc[runs["method"] == "first_units", "status"]) == ["failed", "failed"]
    assert len(runs) == 8


def test_the_rest_of_the_study_completes_beside_a_wrong_record(extended):
    with spoilt(extended, "NaN error"):
        snakemake(extended, "--configfile", CONFIG, "--rerun-triggers", "mtime")
    table = pd.read_csv(extended / "results/mine/tables/robustness_width.csv")
    assert table.loc[table["method"] == "first_units", "not_ok"].item() == 2
    assert table.loc[table["method"] == "dense", "not_ok"].item() == 0
