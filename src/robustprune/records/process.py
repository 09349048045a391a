"""The process that works on a cell: the line of the cell's log that names it, and whether it still runs.

The line lets `robustprune status` tell a running cell from one that was killed. A log without it (a program that writes
none, a job on another machine) is judged by its age.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from robustprune.errors import StudyError
from robustprune.records.provenance import hostname_hash

LINE = re.compile(r"^(?P<key>\S+): process (?P<process>\d+) on host (?P<host>[0-9a-f]+)$", re.M)

HOLDER = ".process"
"""The file that names the process that holds a folder, which has locked it; empty where none does."""


def announce(key: str, process: int) -> None:
    """Print the line to standard error, unless that is a terminal: then there is no log that anyone reads."""
    if not sys.stderr.isatty():
        print(_line(key, process), file=sys.stderr, flush=True)


@contextmanager
def alone(folder: Path, command: str) -> Iterator[None]:
    """Hold a folder for this process while the block runs; raises StudyError where another one holds it.

    One that was killed on this machine holds nothing any more; of another machine this cannot be known.
    """
    path = folder / HOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as opened:
        locked = _lock(opened)
        opened.seek(0)
        held = opened.read().strip()
        working = runs(held, command) if locked is None else not locked
        if working:
            by = f"works here ({held})" if held else "begins here"
            raise StudyError(f"{folder}: another call {by}; wait for it, or give another folder")
        named = LINE.search(held)
        if named and (working is None or named["host"] != hostname_hash()):
            raise StudyError(
                f"{folder}: a call may work here on another machine ({held}); where it has ended, delete {path}"
            )
        opened.truncate(0)
        opened.write(f"{_line(command, os.getpid())}\n")
        opened.flush()
        try:
            yield
        finally:
            opened.truncate(0)  # not removed: a call that has opened the file by now would lock one that is gone


def _lock(opened: TextIO) -> bool | None:
    """Lock a file until it is closed or this process ends; return False where another call has locked it.

    None where the system has no locks. There only the line tells, and two calls that begin at once may both go on.
    """
    try:
        import fcntl

        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows, and file systems of some clusters
        return None
    return True


def _line(key: str, process: int) -> str:
    return f"{key}: process {process} on host {hostname_hash()}"


def runs(log: str, key: str) -> bool | None:
    """Return whether the process that a log names last still works on the cell; None where this cannot be known.

    It cannot without the line, for a process on another machine, and on Windows. The number of a process is given again
    after it has ended, so the command of a running process must name the cell where Linux shows it.
    """
    named = [found for found in LINE.finditer(log) if found["key"] == key]
    if not named or named[-1]["host"] != hostname_hash() or os.name == "nt":
        return None
    process = int(named[-1]["process"])
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, for another user
        return True
    try:
        return key.encode() in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # no Linux
        return True
