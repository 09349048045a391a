"""What a run of Snakemake says at its end, and which cells collection lists."""

import time
from pathlib import Path

import pandas as pd
import pytest
from watched import KEYS, epoch_line, small_study, write_log, write_record

from robustprune.gathering.collection import collect
from robustprune.gathering.outcomes import Outcome, outcome_lines, outcomes
from robustprune.gathering.summary import beginning, ending

FAILURE = f"robustprune train: {KEYS['magnitude']}: KeyError: 'fc9'"


def test_a_run_that_went_wrong_says_what_and_why(tmp_path, monkeypatch):
    """Dense training errs 1 % of its training images; so a network that errs 40 % has collapsed."""
    monkeypatch.chdir(tmp_path)
    config = small_study("study")
    write_record(config, "dense")
    write_record(config, "bernoulli", error_train_percent=40.0)
    write_log(config, "magnitude", "Traceback", FAILURE)
    lines = ending(config, time.time())
    assert lines[1] == "study: 3 cells: 2 done, 1 failed"
    text = "\n".join(lines)
    assert f"failed: {KEYS['magnitude']}\n    KeyError: 'fc9'\n" in text
    assert f"collapsed: {KEYS['bernoulli']}\n    training error 40.00 % exceeds that of dense training (1.00 %)" in text
    assert "    robustprune train --config study/config.yaml --cell CELL" in lines
    assert "diverged:" not in text
    assert f": {KEYS['dense']}" not in text
    assert all(len(line) <= 80 for line in lines)


def test_a_run_that_went_well_says_size_error_and_where_to_look(tmp_path, monkeypatch):
    """Sizes 1000 and 2000, both with 2 % error; of the files only those that exist are named."""
    monkeypatch.chdir(tmp_path)
    config = small_study("study")
    for name in KEYS:
        write_record(config, name)
    (tmp_path / "study" / "tables").mkdir()
    lines = ending(config, time.time())
    assert lines[1:5] == [
        "study: 3 cells: 3 done",
        "bernoulli, digits/lenet_300_100-full, a, width 1:",
        "    1,500 of 266,610 params kept (1,000 to 2,000), test error 2.00 % (2.00 to",
        "    2.00), n = 2",
    ]
    assert lines[5:7] == ["Look at:", "    study/tables"]
    assert "snakemake --report study/report.html --configfile study/config.yaml" in lines[-1]
    (tmp_path / "study" / "report.html").write_text("")
    assert ending(config, time.time())[-1] == "    study/report.html"


def test_networks_that_are_not_ok_are_in_no_mean(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = small_study("study")
    write_record(config, "bernoulli", status="diverged", reason="not finite")
    assert not any("params kept" in line for line in ending(config, time.time()))


def test_jobs_beside_training_that_failed_in_this_run_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, logs = small_study("study"), tmp_path / "study" / "logs" / "figure"
    logs.mkdir(parents=True)
    (logs / "overview.log").write_text("Traceback\nrobustprune figure: ValueError: nothing to draw\n")
    (logs / "fine.log").write_text("study/figures/fine.png\n")
    expected = ["failed: study/logs/figure/overview.log", "    robustprune figure: ValueError: nothing to draw"]
    assert ending(config, time.time() - 60) == expected
    assert ending(config, time.time() + 60) == []  # it failed in an earlier run


def test_stopped_cells_say_how_far_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = small_study("study")
    write_log(config, "dense", epoch_line("dense"), age=1e6)
    write_log(config, "magnitude", age=1e6)
    lines = ending(config, time.time())
    place = lines.index("stopped (2): the same snakemake command goes on from their checkpoints")
    assert lines[place + 1 : place + 5] == [
        f"  {KEYS['dense']}",
        "    killed after epoch 1",
        f"  {KEYS['magnitude']}",
        "    killed in its first epoch",
    ]


def test_the_beginning_names_the_command():
    assert "    robustprune status --config results/config.yaml" in beginning("results/config.yaml")


def test_cells_are_listed_once_with_their_count_and_the_worst_first():
    why = "x/train.log: robustprune record: b: why"
    statuses = ["ok", "collapsed", "collapsed", "failed", "failed", "ok"]
    details = pd.DataFrame({"status": statuses, "reason": [None, "high", "higher", None, why, None]})
    found = outcomes(["a", "a", "a", "b", "b", "c"], details)
    assert found == [Outcome("b", "failed", 2, 2, "why"), Outcome("a", "collapsed", 2, 3, "high")]
    lines = outcome_lines(found, Path("c.yaml"))
    assert lines[:4] == ["failed: b", "    why", "collapsed (2 of 3 networks): a", "    high"]
    assert outcome_lines(found, Path("a b/c.yaml"))[-1] == "    robustprune train --config 'a b/c.yaml' --cell CELL"
    assert outcome_lines([], Path("c.yaml")) == []
    many = [Outcome(str(number), "failed", 1, 1, "") for number in range(25)]
    assert "and 5 more cells" in outcome_lines(many, Path("c.yaml"))


@pytest.mark.parametrize("missing", [False, True])
def test_collection_lists_the_same_cells(tmp_path, monkeypatch, missing):
    monkeypatch.chdir(tmp_path)
    config = small_study("study")
    write_log(config, "magnitude", "Traceback", FAILURE)
    if not missing:
        for name in ("bernoulli", "dense"):
            write_record(config, name)  # not whole: collection checks everything
    lines = collect(config, tmp_path / "tables")
    assert f"failed: {KEYS['magnitude']}" in lines
    assert not any(line.startswith(f"missing: {KEYS['magnitude']}") for line in lines)
    assert any(line.startswith(f"missing: {KEYS['dense']}") for line in lines) == missing
    assert (f"failed: {KEYS['dense']}" in lines) != missing
