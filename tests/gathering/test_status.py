"""What `robustprune status` prints."""

import subprocess
import sys
import time

import pytest
import yaml
from conftest import REPOSITORY
from test_schedule import searched_study
from watched import KEYS, epoch_line, small_study, write_log, write_record

from robustprune.cli import main
from robustprune.gathering.status import status_lines
from robustprune.gathering.timings import cell_seconds, read_timings
from robustprune.study.cells import study_cells

BENCH = REPOSITORY / "results" / "reference" / "bench.json"


@pytest.fixture
def timed(tmp_path, monkeypatch):
    """A working directory with the shipped times."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "reference").mkdir(parents=True)
    (tmp_path / "results" / "reference" / "bench.json").write_text(BENCH.read_text())
    return tmp_path


def test_every_cell_stands_where_it_is(timed):
    config = small_study("study")
    write_record(config, "dense", status="diverged", reason="the loss is not finite", error_train_percent=None)
    write_log(config, "bernoulli", epoch_line("bernoulli"))
    write_log(config, "magnitude", "Traceback", f"robustprune train: {KEYS['magnitude']}: KeyError: 'fc9'")
    lines = status_lines(config)
    text = "\n".join(lines)
    assert lines[0].startswith("study: 1 of 3 cells done [##########....................]")
    assert lines[1] == "    study: 1 done, 1 running, 1 failed"
    assert "networks: 2 diverged" in text
    after = lines[lines.index("running (1)") + 1 :]
    assert after[0] == f"  {KEYS['bernoulli']}"
    said = " ".join(line.strip() for line in after[1:3])
    assert "epoch 1/2, kept 200-100-50, about" in said
    # 201 * 100 + 101 * 50 + 51 * 10 weights and biases
    assert "25,660 of 266,610 params, training loss 0.1234, 60 s left" in said
    assert f"  diverged: {KEYS['dense']}" in lines
    assert f"  failed: {KEYS['magnitude']}" in lines
    assert "KeyError: 'fc9'" in text
    assert all(len(line) <= 80 for line in lines)


def test_the_end_follows_from_what_runs_and_from_the_pace_of_what_is_done(timed, monkeypatch):
    """Dense training took 1000 times its estimate, so magnitude will; it begins when the running cell ends in 60 s."""
    config = small_study("study")
    timings = read_timings(BENCH)
    estimate = {name: cell_seconds(study_cells(config)[key], timings) for name, key in KEYS.items()}
    write_record(config, "dense", seconds=1000 * estimate["dense"])
    write_log(config, "bernoulli", epoch_line("bernoulli", left=3600))
    monkeypatch.setattr(time, "strftime", lambda form, at: f"{time.mktime(at) - time.time():.0f}")
    lines = status_lines(config)
    seconds = float(lines[-1].split("expected end: ")[1].split(",")[0])
    assert seconds == pytest.approx(3600 + 1000 * estimate["magnitude"], abs=3)
    assert "with 1 at a time" in lines[-1]
    assert lines[-2].endswith("at the pace of the cells that are done")


def test_two_that_run_share_what_waits(timed, monkeypatch):
    """Left: 3600 s and 1800 s; the third cell starts when the second ends."""
    config = small_study("study")
    for name, left in (("bernoulli", 3600), ("dense", 1800)):
        write_log(config, name, epoch_line(name, left=left))
    assert "in 60 min, with 2 at a time" in status_lines(config)[-1]
    monkeypatch.setattr("robustprune.gathering.pace.Pace.seconds", lambda self, cell: 3600.0)
    assert "in 2.0 h, with 2 at a time" in status_lines(config)[-1]  # 1800 + 1.5 * 3600


def test_nothing_left_and_nothing_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = small_study("study")
    assert status_lines(config)[-1].startswith("How long it takes is not known")
    for name in KEYS:
        write_record(config, name)
    assert status_lines(config)[-1] == "No cell is left to train."
    write_record(config, "dense").unlink()
    assert "No cell is running now." in status_lines(config)
    assert "about 10 s of core time left" in status_lines(config)[-2]  # the mean of the cells that are done


def test_a_search_stands_before_its_study(tmp_path, timed):
    lines = status_lines(searched_study(root=str(tmp_path / "searched")))
    assert lines[1:3] == ["    search: 6 waiting", "    study: 2 waiting"]


def test_a_killed_cell_is_not_running(timed):
    """The process of the log has ended; the log is a second old."""
    config = small_study("study")
    with subprocess.Popen([sys.executable, "-c", "pass", KEYS["dense"]]) as process:
        process.wait()
    write_log(config, "dense", epoch_line("dense"), process=process.pid, age=1.0)
    lines = status_lines(config)
    assert "    study: 1 stopped, 2 waiting" in lines
    assert "stopped (1): the same snakemake command goes on from their checkpoints" in lines
    assert "    killed after epoch 1" in lines


def test_the_command_finds_the_configuration_and_redraws(timed, monkeypatch, capsys):
    assert main(["status"]) == 2
    assert "no results/config.yaml and no config/config.yaml here" in capsys.readouterr().err
    config = small_study("results")
    (timed / "results" / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert main(["status"]) == 0
    assert capsys.readouterr().out.startswith("results: 0 of 3 cells done")
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        write_record(config, "dense")
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    assert main(["status", "--watch", "0.5"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("cells done") == 2
    assert "results: 1 of 3 cells done" in shown
    assert slept == [0.5, 0.5]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_seconds_are_a_number(seconds, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["status", "--watch", seconds])
    assert stopped.value.code == 2
    assert "number of seconds" in capsys.readouterr().err
