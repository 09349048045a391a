"""docs/how-to-foreign-program.md, followed literally in a copy of the repository; what a program's faults do."""

import json
import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from forked import run_line
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)

from robustprune.gathering.collection import collect
from robustprune.records.record import read_record
from robustprune.study.config import load_study

pytestmark = pytest.mark.workflow
PAGE = (REPOSITORY / "docs/how-to-foreign-program.md").read_text()
CONFIG = "config/mine.yaml"
TARGETS = ("results/mine/tables/robustness_width.html", "results/mine/figures/kept_params_by_width.png")
STUDY = (*TARGETS, "--configfile", CONFIG)  # the page's command, with fewer figures
CELLS = "digits/lenet_300_100-hidden"
STRENGTH = {"first_units": "tenth", "whole": "whole", "strongest": "keep_20", "by_hand": "tenth"}


def blocks() -> dict[str, str]:
    """File name -> content of the page's blocks."""
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S))


def cell(method: str) -> str:
    return f"{CELLS}/{method}/{STRENGTH[method]}/he_normal/width-1"


def trained(output: str) -> dict[str, int]:
    """Planned jobs that train."""
    return {rule: count for rule, count in planned(output).items() if rule in {*STRENGTH, "train", "foreign"}}


@contextmanager
def edited(path: Path, change):
    """A file that is another for a while."""
    before = path.read_text()
    path.write_text(change(before))
    try:
        yield
    finally:
        path.write_text(before)


@pytest.fixture(scope="module")
def followed(checkout):  # noqa: F811
    for name, content in blocks().items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content)
    snakemake(checkout, *STUDY)
    return checkout


def test_the_smallest_programs_and_rules_are_small():
    files = blocks()
    assert len(files["workflow/baselines/first_units.py"].splitlines()) <= 15
    assert len(files["workflow/baselines/whole.sh"].splitlines()) <= 15
    for name in ("first_units", "whole", "strongest"):
        assert len(files[f"workflow/baselines/{name}.smk"].splitlines()) <= 5


def test_the_programs_stand_in_tables_and_figures(followed):
    results = followed / "results" / "mine"
    runs = pd.read_csv(results / "runs.csv")
    assert set(runs["method"]) == {*STRENGTH, "dense"}
    assert pd.read_csv(results / "missing.csv").empty
    page = (results / "tables" / "robustness_width.html").read_text()
    figure = (results / "figures" / "kept_params_by_width.svg").read_text()
    for method in STRENGTH:
        assert method in page
        assert method in figure
    csv, by_hand = (runs[runs["method"] == method].reset_index() for method in ("first_units", "by_hand"))
    same = ["replicate", "seed", "units_kept", "params_kept", "macs_kept", "error_test_percent"]
    pd.testing.assert_frame_equal(csv[same], by_hand[same])
    assert (set(csv["status"]), set(by_hand["status"])) == ({"ok"}, {"collapsed"})  # the CSV has no training error
    assert set(runs.loc[runs["method"] == "whole", "params_kept"]) == {266610}


def test_the_paired_program_trades_size_for_error(followed):
    runs = pd.read_csv(followed / "results" / "mine" / "runs.csv")
    own = runs[runs["method"] == "strongest"]
    assert set(own.loc[own["strength"] == "keep_50", "units_kept"]) == {"784-150-50"}
    assert set(own.loc[own["strength"] == "keep_20", "units_kept"]) == {"784-60-20"}
    assert (own["error_test_percent"] < 40).all()


def test_a_second_run_has_nothing_to_do(followed):
    assert "Nothing to be done" in snakemake(followed, *STUDY, "--dry-run")


def test_a_program_is_searched_as_a_method_is(followed):
    """Nobody types strengths: two values, one round, a run that confirms, and the cell of the study at the point."""
    search = ("results/searched/runs.csv", "--configfile", "config/searched.yaml")
    snakemake(followed, *search)
    results = followed / "results" / "searched"
    (point,) = yaml.safe_load((results / "operating_points.yaml").read_text())
    assert len(point["strengths"]) >= 3
    runs = pd.read_csv(results / "runs.csv")
    own = runs[runs["method"] == "strongest"]
    assert set(own["strength"]) == {point["strength"]}
    assert set(own["operating_point"]) == {"at_size"}
    assert own["params_kept"].mean() == pytest.approx(60_000, rel=0.1)
    order = next((results / "search" / "logs").rglob("order.json"))
    assert json.loads(order.read_text())["cell"]["training"]["images"] == "tuning"
    assert "Nothing to be done" in snakemake(followed, *search, "--dry-run")


@pytest.mark.parametrize(("program", "rule"), [("first_units.py", "first_units"), ("whole.sh", "whole")])
def test_editing_a_program_reruns_only_its_cells(followed, program, rule):
    with edited(followed / "workflow" / "baselines" / program, lambda text: text + "\n# edited\n"):
        assert trained(snakemake(followed, *STUDY, "--dry-run")) == {rule: 1}


def test_a_changed_strength_reruns_only_its_cell(followed):
    with edited(followed / CONFIG, lambda text: text.replace("0.2}", "0.3}")):
        assert trained(snakemake(followed, *STUDY, "--dry-run")) == {"strongest": 1}


def test_a_cell_by_hand_gives_the_same_record(followed, tmp_path):
    commands = re.search(r"```bash\n(CELL=.*?)```", PAGE, re.S)[1]
    config = yaml.safe_load((followed / CONFIG).read_text())
    (tmp_path / "config").mkdir()
    (tmp_path / CONFIG).write_text(yaml.safe_dump(config))
    for name in ("workflow", "data"):
        (tmp_path / name).symlink_to(followed / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(followed / "src"), "PATH": path}
    status, output = run_line(commands, tmp_path, environment)
    assert status == 0, output
    record = Path("results/mine/runs", cell("first_units"), "record.json")
    own, by_rule = read_record(tmp_path / record), read_record(followed / record)
    assert own.comparable() == by_rule.comparable()
    assert own.provenance.source_hash == by_rule.provenance.source_hash


FAULTS = {
    "wrong units": (
        lambda text: text.replace("n // 10", "n * 10"),
        "line 2, column units_fc1: expected a whole number",
    ),
    "no CSV": (lambda text: "import sys\n", "results.csv: No such file or directory; expected the CSV"),
    "its own error": (lambda text: "import sys\nsys.exit('no licence')\n", "no licence"),
}


FRESH = (f"faults/runs/{cell('first_units')}/record.json", "--configfile", CONFIG, "--config", "root=faults")
"""One cell of the page's study in a folder of its own."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_fails_leaves_no_record_and_says_why(followed, fault):
    change, message = FAULTS[fault]
    log = followed / "faults" / "logs" / cell("first_units") / "train.log"
    with edited(followed / "workflow/baselines/first_units.py", change):
        output = snakemake(followed, *FRESH, expect=1)
    assert not (followed / FRESH[0]).exists()
    assert message in log.read_text()
    assert "Traceback" not in log.read_text()
    assert str(log.relative_to(followed)) in output


RULE = "use rule foreign as first_units with:\n    input:\n        {},\n"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "foreign.first_units: there is no rule first_units; expected workflow/baselines/first_units.smk"),
        (RULE.format("'README.md'"), "rule first_units: input: there is no script"),
        (RULE.format("script='mine.py'"), "mine.py"),
        (RULE.format("script='README.md'"), "README.md: no way to run it"),
    ],
    ids=["no rule", "no script", "missing script", "no program"],
)
def test_a_wrong_rule_stops_before_any_job(followed, rule, message):
    with edited(followed / "workflow" / "baselines" / "first_units.smk", lambda _: rule):
        output = snakemake(followed, *FRESH, "--dry-run", expect=1)
    assert message in output


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


@contextmanager
def spoilt(folder: Path, kind: str):
    """The record of the program that writes its own, wrong for a while; yields the reason that must be given."""
    change, reason = WRONG[kind]

    def change_text(text):
        record = json.loads(text)
        record.pop("digest", None)
        change(record)
        return json.dumps(record)

    with edited(folder / "results/mine/runs" / cell("by_hand") / "record.json", change_text):
        yield reason


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_record_is_refused_with_file_key_and_reason(followed, tmp_path, monkeypatch, kind):
    """Its networks count as failed."""
    monkeypatch.chdir(followed)
    with spoilt(followed, kind) as reason:
        collect(load_study(followed / CONFIG), tmp_path)
    missing, runs = pd.read_csv(tmp_path / "missing.csv"), pd.read_csv(tmp_path / "runs.csv")
    assert list(missing["cell"]) == [cell("by_hand")]
    assert f"runs/{cell('by_hand')}/record.json: " in missing["reason"].iloc[0]
    assert reason in missing["reason"].iloc[0]
    assert list(runs.loc[runs["method"] == "by_hand", "status"]) == ["failed", "failed"]
    assert len(runs) == 12


def test_the_rest_of_the_study_completes_beside_a_wrong_record(followed):
    with spoilt(followed, "NaN error"):
        snakemake(followed, TARGETS[0], *STUDY[len(TARGETS) :], "--rerun-triggers", "mtime")
    table = pd.read_csv(followed / "results/mine/tables/robustness_width.csv")
    assert table.loc[table["method"] == "by_hand", "not_ok"].item() == 2
    assert table.loc[table["method"] == "dense", "not_ok"].item() == 0
