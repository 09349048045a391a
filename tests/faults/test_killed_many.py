"""train-many that is killed, interrupted or refused by the system goes on with the next call, and loses no cell."""

import errno
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pandas as pd
import pytest

from robustprune.cli import main
from robustprune.engine.worker import UNFINISHED
from robustprune.records.packing import PACKED, unpack_cells
from robustprune.records.process import HOLDER

STUDY = """
training: {epochs: 1, batch_size: 64}
strengths: {dense: {a: {}, b: {}, c: {}}, ticket: {of_d: {of: magnitude/d}}, magnitude: {d: {target: 0.5}}}
study:
  - {dataset: digits, architecture: lenet_300_100, methods: {dense: [a, b, c]}, replicates: 1}
"""
COMMAND = ["train-many", "--config", "study.yaml", "--folder", "work", "--output", "cells.tar"]
NETWORK = "digits/lenet_300_100-full"
KEYS = {f"{NETWORK}/dense/{name}/he_normal/width-1" for name in "abc"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def begun(folder, epochs=3000):
    """Begin a call that lasts, in processes of its own; return it when it trains."""
    (folder / "study.yaml").write_text(STUDY.replace("epochs: 1", f"epochs: {epochs}"))
    program = [sys.executable, "-m", "robustprune.cli", *COMMAND, "--processes", "2"]
    log = (folder / "log").open("w")
    call = subprocess.Popen(
        program, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_heed_interruptions
    )
    wait_for(lambda: "epoch 1/" in (folder / "log").read_text())
    return call


def _heed_interruptions():
    """Undo what a shell does to jobs in its background: they and their children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(found, seconds=60):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes(session):
    """The processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes where Linux shows them")


@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_trains_on_without_the_first_one(folder, number):
    call = begun(folder)
    call.send_signal(number)
    call.wait()
    wait_for(lambda: not processes(call.pid))
    (folder / "study.yaml").write_text(STUDY)
    assert main(COMMAND) == 0, "the folder is free again"
    assert set(unpack_cells(folder / "cells.tar", folder / "back")) == KEYS
    assert not (folder / "work/runs" / UNFINISHED).exists() or not any((folder / "work/runs" / UNFINISHED).iterdir())


@on_linux
def test_an_interruption_ends_every_process_with_one_traceback(folder):
    call = begun(folder)
    os.killpg(call.pid, signal.SIGINT)
    call.wait()
    wait_for(lambda: not processes(call.pid))
    assert (folder / "log").read_text().count("Traceback") == 1
    assert (folder / "work" / HOLDER).read_text() == ""


@on_linux
def test_a_second_call_on_the_same_folder_is_refused(folder, capsys):
    call = begun(folder)
    try:
        assert main(COMMAND) == 2
    finally:
        os.killpg(call.pid, signal.SIGKILL)
        call.wait()
    assert f"process {call.pid}" in capsys.readouterr().err


def test_a_cell_that_was_not_packed_before_a_kill_is_packed_by_the_next_call(folder):
    assert main(COMMAND) == 0
    unpacked = next(Path("work").rglob(PACKED))
    unpacked.unlink()
    assert main([*COMMAND[:-1], "again.tar", "--only-new"]) == 0
    key = unpacked.parent.relative_to("work/runs").as_posix()
    assert unpack_cells(folder / "again.tar", folder / "back") == [key]


def test_an_archive_of_another_name_and_one_that_was_deleted_get_all_cells(folder):
    assert main(COMMAND) == 0
    whole = (folder / "cells.tar").read_bytes()
    assert main(COMMAND) == 0
    assert (folder / "cells.tar").read_bytes() == whole, "cells are packed once"
    assert main([*COMMAND[:-1], "again.tar"]) == 0
    (folder / "cells.tar").unlink()
    assert main(COMMAND) == 0
    for name in ("again.tar", "cells.tar"):
        assert set(unpack_cells(folder / name, folder / "back")) == KEYS


def test_a_full_disk_below_the_archive_costs_no_cell(folder, monkeypatch, capsys):
    add = tarfile.TarFile.addfile

    def full(archive, member, content):
        if "/b/" in member.name and member.name.endswith("networks.safetensors"):
            add(archive, member, io.BytesIO(content.read()[:100] + bytes(member.size)))
            monkeypatch.undo()
            monkeypatch.chdir(folder)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "cells.tar")
        add(archive, member, content)

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    assert main(COMMAND) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("cells.tar: No space left on device")
    assert main(COMMAND) == 0
    assert sorted(unpack_cells(folder / "cells.tar", folder / "back")) == sorted(KEYS)


@pytest.mark.parametrize("output", ["file/cells.tar", "folder.tar", "text.tar"])
def test_an_archive_that_cannot_be_is_refused_before_training(folder, capfd, output):
    (folder / "file").touch()
    (folder / "folder.tar").mkdir()
    (folder / "text.tar").write_text("a text")
    assert main([*COMMAND[:-1], output]) in (1, 2)
    assert "epoch" not in capfd.readouterr().err
    assert not (folder / "work").exists()


def test_the_points_never_replace_the_configuration(folder, capsys):
    assert main([*COMMAND[:-1], "study.tar"]) == 2
    assert "the configuration; name another file" in capsys.readouterr().err
    assert (folder / "study.yaml").read_text() == STUDY


def test_a_failed_cell_and_its_control_are_named_and_the_status_says_so(folder, capsys):
    study = STUDY.replace("{dense: [a, b, c]}", "{magnitude: [d], ticket: [of_d], dense: [a]}")
    (folder / "study.yaml").write_text(study)
    blocked = folder / "work/runs" / NETWORK / "magnitude"
    blocked.parent.mkdir(parents=True)
    blocked.touch()
    assert main(COMMAND) == 1
    shown = capsys.readouterr()
    lines = [line for line in shown.out.splitlines() if line.startswith("not trained")]
    assert len(lines) == 2
    assert f"{NETWORK}/magnitude/d/" in lines[0]
    assert f"{NETWORK}/ticket/of_d/" in lines[1]
    assert shown.err.splitlines()[-1].startswith("robustprune train-many: 1 ")
    blocked.unlink()
    assert main(COMMAND) == 0
    assert len(unpack_cells(folder / "cells.tar", folder / "back")) == 3


def test_more_processes_than_cells_and_a_limit_that_has_passed(folder, capsys):
    assert main([*COMMAND, "--until", "0"]) == 0
    assert "0 of 3 cells trained" in capsys.readouterr().out
    assert main([*COMMAND, "--processes", "9"]) == 0
    (folder / "given.yaml").write_text(STUDY)
    assert main(["merge", "cells.tar", "--config", "given.yaml", "--output", "tables"]) == 0
    assert len(pd.read_csv("tables/runs.csv")) == 3
