"""What the log of a cell's job says: the last epoch, the reason of a failure, and whether the job still runs."""

import re
import time
from pathlib import Path
from typing import NamedTuple

from robustprune.records.process import LINE, runs
from robustprune.records.record import RECORD_NAME, split_units

EPOCH = re.compile(
    r"^\S+: epoch (?P<epoch>\d+)(?:/(?P<of>\d+)|, (?P<share>\d+)% of the budget), kept (?P<units>[\d-]+), "
    r"loss (?P<loss>\S+), (?P<spent>\d+) s, (?P<left>\d+) s left$",
    re.M,
)
"""A line of engine/progress.py."""
CELL_LOG = "train.log"
"""The name of the log of a cell's job."""
FAILED = "robustprune "
"""How the last line of a job begins that failed and says why (cli.py)."""
SILENT_SECONDS = 600.0
EPOCHS_OF_SILENCE = 5
"""A job whose process is not known counts as running until its log is that old, in seconds and in epochs."""


class Epoch(NamedTuple):
    """The state of a training after its last epoch.

    share: of the budget, from 0 to 1. units: mean over the networks, per slot. loss: mean training loss. seconds: of
    one epoch, mean since the job began. left: seconds to the end.
    """

    number: int
    of: int | None
    share: float
    units: tuple[int, ...]
    loss: float
    seconds: float
    left: float


class JobLog(NamedTuple):
    """The log of a job.

    state: "running", "failed" (it says why), "stopped" (it was killed, or ended without a reason) or "ended" (it made
    its record). reason: the last line of a job that did not end well. silent: seconds since its last line.
    """

    path: Path
    state: str
    epoch: Epoch | None
    reason: str
    silent: float


def read_log(path: Path, key: str) -> JobLog | None:
    """Read the log of the cell of this key; None where there is none. It is only read, never locked."""
    try:
        text = path.read_text(errors="replace")
        silent = max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None
    lines = text.splitlines()
    epoch = _last_epoch(text)
    last = lines[-1] if lines else ""
    if last.startswith(FAILED):
        return JobLog(path, "failed", epoch, last, silent)
    if last.endswith(RECORD_NAME):
        return JobLog(path, "ended", epoch, "", silent)
    working = runs(text, key)
    if working is None:
        working = silent <= max(SILENT_SECONDS, EPOCHS_OF_SILENCE * epoch.seconds if epoch else 0.0)
    return JobLog(path, "running" if working else "stopped", epoch, "" if working else _last_words(last), silent)


def _last_epoch(text: str) -> Epoch | None:
    lines = list(EPOCH.finditer(text))
    if not lines:
        return None
    last = lines[-1]
    number, of = int(last["epoch"]), int(last["of"]) if last["of"] else None
    share = number / of if of else int(last["share"]) / 100
    seconds = float(last["spent"]) / len(lines)
    return Epoch(number, of, share, split_units(last["units"]), float(last["loss"]), seconds, float(last["left"]))


def _last_words(line: str) -> str:
    """Return the last line of a job that did not say why it ended; "" where that is no more than its progress."""
    return "" if EPOCH.match(line) or LINE.match(line) or ": resumed after epoch " in line else line.strip()
