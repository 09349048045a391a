"""One call at a time holds a folder."""

import os
import subprocess
import sys
from contextlib import ExitStack, suppress

import pytest

from robustprune.errors import StudyError
from robustprune.records import process
from robustprune.records.process import HOLDER, alone
from robustprune.records.provenance import hostname_hash

COMMAND = "python"  # it is in the command line of every worker of the tests
HOST = hostname_hash()


def line(number, host=HOST):
    return f"{COMMAND}: process {number} on host {host}\n"


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_second_call_is_refused_until_the_first_ends(tmp_path):
    with alone(tmp_path, COMMAND), pytest.raises(StudyError, match=f"another call works here .*{os.getpid()}"):
        alone(tmp_path, COMMAND).__enter__()
    assert (tmp_path / HOLDER).read_text() == ""
    with alone(tmp_path, COMMAND):
        assert (tmp_path / HOLDER).read_text() == line(os.getpid())


def test_of_two_calls_that_find_a_dead_one_at_once_one_goes_on(tmp_path, monkeypatch, dead):
    """The second begins while the first one looks at the line."""
    (tmp_path / HOLDER).write_text(line(dead))
    begun = []

    def begin(name):
        with suppress(StudyError):
            calls.enter_context(alone(tmp_path, COMMAND))
            begun.append(name)

    def looking():
        monkeypatch.undo()
        begin("second")
        return HOST

    with ExitStack() as calls:
        monkeypatch.setattr(process, "hostname_hash", looking)
        begin("first")
    assert begun == ["first"]


def test_a_process_that_has_got_the_number_of_a_dead_one_holds_nothing(tmp_path):
    (tmp_path / HOLDER).write_text(line(os.getpid()))
    with alone(tmp_path, COMMAND):
        pass


def test_a_call_of_another_machine_may_still_work(tmp_path):
    (tmp_path / HOLDER).write_text(line(1, "0" * len(HOST)))
    with pytest.raises(StudyError, match=f"on another machine .* delete {tmp_path / HOLDER}"):
        alone(tmp_path, COMMAND).__enter__()


def test_without_locks_the_line_tells(tmp_path, monkeypatch, dead):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # its import then fails, as on Windows
    (tmp_path / HOLDER).write_text(line(dead))
    with alone(tmp_path, COMMAND), pytest.raises(StudyError, match="another call works here"):
        alone(tmp_path, COMMAND).__enter__()
