"""How far a cell is: what its record, its log and its process say."""

import contextlib
import json
import os
import subprocess
import sys

import pytest
import yaml
from watched import KEYS, epoch_line, small_study, write_log, write_record

from robustprune.cli import main
from robustprune.gathering.joblog import read_log
from robustprune.gathering.states import cell_states, study_plan

ELSEWHERE = "0123456789ab"
FAILURE = f"robustprune train: {KEYS['dense']}: AttributeError: no attribute 'kpet'"


def states_of(config):
    return {state.cell.method: state for state in cell_states(config, study_plan(config))}


def state_of(config, name):
    return states_of(config)[name].state


@pytest.fixture
def at_work():
    """A process whose command names the cell of dense training, as that of `robustprune train --cell` does."""
    program = "import time; print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, KEYS["dense"]], stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # it has begun: before that its command is not to be seen
        yield process
        process.kill()


def test_a_study_that_has_not_begun_waits(tmp_path):
    config = small_study(tmp_path / "nothing")
    assert {state.state for state in states_of(config).values()} == {"waiting"}
    assert not (tmp_path / "nothing").exists()


def test_a_record_of_these_settings_is_done_and_another_waits(tmp_path):
    config = small_study(tmp_path)
    write_record(config, "dense")
    assert state_of(config, "dense") == "done"
    longer = small_study(tmp_path, training={"epochs": 3, "batch_size": 64})
    found = states_of(longer)["dense"]
    assert (found.state, found.reason) == ("waiting", "its record is of other settings")
    write_log(longer, "dense", f"{tmp_path}/runs/{KEYS['dense']}/record.json")  # the job that made it
    assert states_of(longer)["dense"].reason == "its record is of other settings"


@pytest.mark.parametrize(
    ("name", "value"), [("status", "error"), ("error_train_percent", "n/a"), ("train_seconds", "3 s")]
)
def test_an_entry_that_no_summary_can_count_makes_the_record_a_damaged_one(tmp_path, name, value):
    """A program's own record.json: `robustprune status` ended in a traceback."""
    config = small_study(tmp_path)
    path = write_record(config, "dense")
    record = json.loads(path.read_text())
    record["replicates"][0][name] = value
    path.write_text(json.dumps(record))
    found = states_of(config)["dense"]
    assert (found.state, "not a readable record" in found.reason) == ("failed", True)


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"config_hash": "x", "provenance": {}}', "[" * 100_000])
def test_a_damaged_record_has_failed(tmp_path, text):
    config = small_study(tmp_path)
    path = write_record(config, "dense")
    path.write_text(text)
    found = states_of(config)["dense"]
    assert (found.state, found.reason) == ("failed", f"{path}: not a readable record")


def test_a_process_that_works_on_the_cell_runs_until_it_is_killed(tmp_path, at_work):
    """However old the log is. A killed one is not running, however fresh the log is."""
    config = small_study(tmp_path)
    write_log(config, "dense", epoch_line("dense"), process=at_work.pid, age=1e6)
    assert state_of(config, "dense") == "running"
    at_work.kill()
    at_work.wait()
    write_log(config, "dense", epoch_line("dense"), process=at_work.pid)
    assert state_of(config, "dense") == "stopped"


@pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="Linux shows the command of a process")
def test_a_number_that_another_process_has_got_is_not_the_job(tmp_path, at_work):
    config = small_study(tmp_path)
    write_log(config, "magnitude", epoch_line("magnitude"), process=at_work.pid)
    assert state_of(config, "magnitude") == "stopped"


@pytest.mark.parametrize("host", [ELSEWHERE, None])
def test_without_a_process_the_age_of_the_log_counts(tmp_path, host):
    """600 seconds, or 5 epochs where these are longer: here of 30 s, then of 400 s."""
    config = small_study(tmp_path)
    process = 1 if host else None
    running, stopped = ((30, 500), (400, 700)), ((30, 700), (400, 2100))
    for seconds, age in (*running, *stopped):
        state = "running" if (seconds, age) in running else "stopped"
        write_log(config, "dense", epoch_line("dense", spent=seconds), process=process, host=host, age=age)
        assert state_of(config, "dense") == state, (seconds, age)
    lines = [epoch_line("dense", number, spent=400 * number) for number in (1, 2)]
    write_log(config, "dense", *lines, process=process, host=host, age=2100)
    assert state_of(config, "dense") == "stopped"


def test_a_failed_job_says_why_and_is_done_once_it_has_a_record(tmp_path):
    config = small_study(tmp_path)
    write_log(config, "dense", "Traceback", FAILURE)
    assert (state_of(config, "dense"), states_of(config)["dense"].reason) == ("failed", FAILURE)
    write_record(config, "dense")
    assert state_of(config, "dense") == "done"


def test_the_last_words_of_a_program_that_gave_no_reason(tmp_path):
    config = small_study(tmp_path)
    write_log(config, "dense", "reading the order", "Segmentation fault", age=1e6)
    assert (state_of(config, "dense"), states_of(config)["dense"].reason) == ("stopped", "Segmentation fault")
    write_log(config, "dense", epoch_line("dense"), age=1e6)
    assert states_of(config)["dense"].reason == ""


def test_a_real_log_is_understood(tmp_path, monkeypatch):
    """The log of `robustprune train`, cut after its first epoch as that of a killed job is; then of its second."""
    monkeypatch.chdir(tmp_path)
    config = small_study("results", training={"epochs": 2, "batch_size": 512})
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    main(["prepare", "digits"])
    path = tmp_path / "train.log"
    with path.open("w") as log, contextlib.redirect_stderr(log), contextlib.redirect_stdout(log):
        assert main(["train", "--config", "study.yaml", "--cell", KEYS["dense"]]) == 0
    assert read_log(path, KEYS["dense"]).state == "ended"
    first, second, *_ = [line for line in path.read_text().splitlines() if ": epoch " in line]
    begin = path.read_text().splitlines()[0]
    for lines, number in (([first], 1), ([first, second], 2)):
        path.write_text("\n".join([begin, *lines]))
        found = read_log(path, KEYS["dense"])
        assert (found.epoch.number, found.epoch.of, found.epoch.units) == (number, 2, (784, 300, 100))
        assert found.epoch.loss == pytest.approx(float(lines[-1].split("loss ")[1].split(",")[0]))
        assert found.state == "stopped"  # the process of this test does not train this cell
    assert state_of(config, "dense") == "done"


def test_the_share_of_a_budget_of_macs_is_read(tmp_path):
    line = f"{KEYS['dense']}: epoch 7, 35% of the budget, kept 20-10-5, loss nan, 12 s, 20 s left"
    (tmp_path / "train.log").write_text(line)
    epoch = read_log(tmp_path / "train.log", KEYS["dense"]).epoch
    assert (epoch.number, epoch.of, epoch.share, epoch.left) == (7, None, 0.35, 20)


def test_the_line_of_the_process_is_for_logs_only(capsys, monkeypatch):
    from robustprune.records.process import announce, runs

    announce("a/b", os.getppid())
    line = capsys.readouterr().err
    assert runs(line, "a/other") is None
    assert runs(line.replace("on host ", "on host 0"), "a/b") is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    announce("a/b", 1)
    assert capsys.readouterr().err == ""
