"""How far each cell of a study is, from what its folder holds. Files are read, never locked, so no run is disturbed."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args

from robustprune.gathering.forecast import SEARCH, Plan, plan_of
from robustprune.gathering.joblog import CELL_LOG, JobLog, read_log
from robustprune.records.record import RECORD_NAME, Status
from robustprune.study.cells import Cell
from robustprune.study.config import StudyConfig

NUMBERS = ("error_train_percent", "error_test_percent", "train_seconds", "params_kept")
STATES = ("done", "running", "failed", "stopped", "waiting")
"""done: there is a record of the settings that the study asks for. running: a job works on it. failed: its job ended
with a reason, or its record cannot be read. stopped: its job was killed; the cell goes on from its last checkpoint.
waiting: the rest, also a cell whose record is of other settings."""


class CellState(NamedTuple):
    """The state of a cell: one of STATES.

    key: as robustprune.gathering.forecast writes it. root: the folder of the study or of its search. record: the
    content of record.json of a cell that is done. log: that of its last job, of a cell that is not done.
    """

    key: str
    cell: Cell
    root: Path
    state: str
    reason: str = ""
    record: Mapping[str, Any] | None = None
    log: JobLog | None = None

    @property
    def config_file(self) -> Path:
        """The configuration with which the cell's command can be repeated by hand."""
        return self.root / "config.yaml"

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """The entries of a record, one per network."""
        return list(self.record["replicates"]) if self.record else []


def study_plan(config: StudyConfig) -> Plan:
    """Return the plan of a study with what its search has decided so far."""
    return plan_of(config, search_root(config))


def search_root(config: StudyConfig) -> Path:
    """Return the folder of a study's search; a configuration without grids is that of a search itself."""
    return Path(config.root, "search") if config.study else Path(config.root)


def cell_states(config: StudyConfig, plan: Plan) -> Iterator[CellState]:
    """Yield the state of every cell of a plan, of a study that has not begun, too."""
    for key, cell in plan.all_cells().items():
        root = search_root(config) if key.startswith(SEARCH) else Path(config.root)
        yield _state(key, cell, root)


def _state(key: str, cell: Cell, root: Path) -> CellState:
    known = CellState(key, cell, root, "waiting")
    path = root / "runs" / cell.key / RECORD_NAME
    record = _read(path)
    if _finished(record, cell):
        return known._replace(state="done", record=record)
    log = read_log(root / "logs" / cell.key / CELL_LOG, cell.key)
    if log is not None and log.state != "ended":
        record = _read(path)  # again: the job may have ended between the two looks
        if _finished(record, cell):
            return known._replace(state="done", record=record)
        if log.state != "stopped" or record is None:
            return known._replace(state=log.state, reason=log.reason, log=log)
    if record is None:
        return known
    if "config_hash" not in record:
        return known._replace(state="failed", reason=f"{path}: not a readable record")
    return known._replace(reason="its record is of other settings")


def _finished(record: Mapping[str, Any] | None, cell: Cell) -> bool:
    return record is not None and record.get("config_hash") == cell.config_hash


def _plausible(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of a record has a known status, and numbers where a summary computes with them."""
    numbers = [entry.get(name) for name in NUMBERS]
    return entry["status"] in get_args(Status) and all(isinstance(one, (int, float, NoneType)) for one in numbers)


def _read(path: Path) -> Mapping[str, Any] | None:
    """Return a record without its checks, {} for a file of another kind, and None where there is none."""
    try:
        values = json.loads(path.read_text())
        whole = isinstance(values["replicates"], list) and isinstance(values["provenance"], dict)
        return values if whole and all(map(_plausible, values["replicates"])) else {}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return {}
