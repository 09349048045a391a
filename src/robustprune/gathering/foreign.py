"""Records of foreign programs: the values of a program's CSV are checked, all other fields are added."""

import csv
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from robustprune.data.datasets import load
from robustprune.engine.arithmetic import dense_training_macs
from robustprune.engine.batches import training_examples
from robustprune.engine.jobs import OPTIONAL_COLUMNS, result_columns, starting_network
from robustprune.errors import StudyError, nearest
from robustprune.gathering.programs import program_hash
from robustprune.gathering.record_checks import impossible
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.provenance import provenance
from robustprune.records.record import Provenance, Record, Replicate, Status, join_units, write_record
from robustprune.study.cells import Cell
from robustprune.study.config import StudyConfig, describe

UNFINISHED = ("diverged", "failed")
"""Statuses of networks that need no units and errors."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One line of the CSV; errors name file, line and column."""

    path: Path
    line: int
    values: dict[str, str]

    def text(self, column: str) -> str:
        """Return the text of a column, "" for a missing column."""
        return self.values.get(column, "")

    def wrong(self, column: str, expected: str) -> StudyError:
        """Return the error for a wrong value."""
        text = self.text(column)[:60]
        return StudyError(f"{self.path}: line {self.line}, column {column}: expected {expected}, found {text!r}")

    def count(self, column: str, least: int, most: int, why: str = "") -> int:
        """Return a whole number; raises StudyError outside the bounds. why: a reason for these, for the message."""
        text = self.text(column)
        if not re.fullmatch("[0-9]{1,18}", text) or not least <= int(text) <= most:
            bounds = f"{least} to {most}" if least < most else f"{most}"
            raise self.wrong(column, f"a whole number, {bounds}{why}")
        return int(text)

    def number(self, column: str, most: float = math.inf) -> float:
        """Return a number; raises StudyError below 0 or above `most`."""
        text = self.text(column)
        if not NUMBER.fullmatch(text) or not 0 <= float(text) <= most or math.isinf(float(text)):
            raise self.wrong(column, "a number, 0 or more" if math.isinf(most) else f"a number, 0 to {most:g}")
        return float(text)


def write_results(
    config: StudyConfig,
    cell: Cell,
    results: Path,
    folder: Path,
    program: Iterable[Path] = (),
    order: Path | None = None,
) -> Record:
    """Write the record of a cell into `folder` from the CSV of a program.

    program: the files of the program, for the source hash. order: the file that the program read, whose time is taken
    as that of the start. Raises StudyError for a wrong CSV and then writes nothing.
    """
    replicates = read_results(results, cell)
    data = load(cell.dataset, config.data)
    dense = {"train_macs_dense": dense_training_macs(cell, len(training_examples(cell, data).labels))}
    record = Record(
        cell=cell,
        config_hash=cell.config_hash,
        provenance=_provenance(config, data.digest, program, order or results),
        replicates=tuple(entry.model_copy(update=dense) for entry in replicates),
    )
    return write_record(record, folder)


def _provenance(config: StudyConfig, data_digest: str, program: Iterable[Path], first: Path) -> Provenance:
    """Return the provenance; the time of the file `first` is that of the program's start."""
    started = _modified(first)
    origin = provenance(program_hash(program), config.device, config.threads)
    begun = datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds")
    origin["data_digest"] = data_digest or None
    return Provenance(**origin, started=begun, seconds=max(0.0, time.time() - started))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}; expected the order that the program read") from None


def read_results(path: Path, cell: Cell) -> list[Replicate]:
    """Return one entry per replicate of the cell, in order; raises StudyError for a wrong CSV."""
    rows: dict[int, Row] = {}
    for row in _rows(path, cell):
        number = row.count("replicate", 0, cell.replicates - 1)
        if number in rows:
            raise row.wrong("replicate", f"each replicate once (line {rows[number].line} has it too)")
        rows[number] = row
    for number in range(cell.replicates):
        if number not in rows:
            every = f"one line for each of the replicates 0 to {cell.replicates - 1}"
            raise StudyError(f"{path}: column replicate: expected {every}, found none for {number}")
    return [_entry(rows[number], number, cell) for number in sorted(rows)]


def _rows(path: Path, cell: Cell) -> list[Row]:
    lines = [(number, line) for number, line in _lines(path) if line]
    needed = result_columns(cell)
    if not lines:
        raise StudyError(f"{path}: empty; expected a first line {','.join(needed)}")
    (first, header), *rest = lines
    _check_header(f"{path}: line {first}", header, needed)
    for number, line in rest:
        if len(line) != len(header):
            raise StudyError(f"{path}: line {number}: expected {len(header)} values, one per column, found {len(line)}")
    return [Row(path, number, dict(zip(header, line, strict=True))) for number, line in rest]


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the number of each line and its values without surrounding spaces."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            return [(reader.line_num, [value.strip() for value in line]) for line in reader]
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}; expected the CSV that the program writes") from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: not UTF-8 text (byte {error.start}); expected a CSV in UTF-8") from None
    except csv.Error as error:
        raise StudyError(f"{path}: line {reader.line_num}: not a CSV ({error})") from None


def _check_header(where: str, header: list[str], needed: list[str]) -> None:
    known = [*needed, *(name for name in OPTIONAL_COLUMNS if name not in needed)]
    for name in header:
        if name not in known:
            raise StudyError(f"{where}: unknown column {name[:60]!r}{nearest(name, known)}")
        if header.count(name) > 1:
            raise StudyError(f"{where}: column {name}: expected once, found {header.count(name)} times")
    for name in needed:
        if name not in header:
            raise StudyError(f"{where}: column {name} is missing; expected {','.join(needed)}")


def _entry(row: Row, number: int, cell: Cell) -> Replicate:
    status, reason = _status(row)
    given: dict[str, Any] = {"replicate": number, "seed": cell.seed(number), **starting_network(cell)}
    if row.text("seconds"):
        given["train_seconds"] = row.number("seconds")
    if row.text("train_macs") or (cell.budget == "macs" and status not in UNFINISHED):
        given["train_macs"] = row.number("train_macs")
    if status not in UNFINISHED:
        given |= _sizes(row, cell) | _errors(row, cell)
    try:
        return Replicate(status=status, reason=reason, **given)
    except ValidationError as error:
        raise describe(error, f"{row.path}: line {row.line}") from None


def _status(row: Row) -> tuple[str, str | None]:
    """Return the program's status, by default ok, and the reason."""
    status, reason = row.text("status") or "ok", row.text("reason")
    if status not in get_args(Status):
        raise row.wrong("status", f"one of {', '.join(get_args(Status))}, or nothing")
    if status != "ok" and not reason:
        raise row.wrong("reason", f"why the status is {status}")
    if status == "ok" and reason:
        raise row.wrong("reason", "nothing, for the status is ok")
    return status, reason or None


def _sizes(row: Row, cell: Cell) -> dict[str, Any]:
    """Return units, parameters and multiply-accumulates kept; raises StudyError for counts impossible on the track."""
    network = architecture(cell.architecture, cell.depth)
    start, gated = network.units(cell.width), network.gated(cell.track)
    kept: dict[str, int] = {}
    for slot in network.slots:
        most, why = start[slot.name], ""
        if slot.parent in kept:
            most, why = kept[slot.parent] * slot.positions, f" ({slot.positions} per unit of {slot.parent})"
        if slot.name not in gated:
            why += f"; track {cell.track} leaves {slot.name} alone"
        least = 0 if slot.optional else 1 if slot.name in gated else most  # a section closes with its last unit
        kept[slot.name] = row.count(f"units_{slot.name}", least, most, why)
    if wrong := impossible(network, start, kept):
        raise row.wrong(f"units_{next(iter(network.sections))}", f"counts that one network has: {wrong}")
    sizes = {"params_kept": parameters(network, kept), "macs_kept": macs(network, kept)}
    depth = {"depth_kept": sum(kept[gate] for gate in network.sections)} if cell.depth is not None else {}
    return {"units_kept": join_units(kept), **sizes, **depth}


def _errors(row: Row, cell: Cell) -> dict[str, float]:
    errors = {"error_test_percent": row.number("error_test_percent", 100)}
    if cell.training.images == "tuning":
        errors["error_valid_percent"] = row.number("error_valid_percent", 100)
    elif row.text("error_valid_percent"):
        raise row.wrong("error_valid_percent", "nothing: training.images is all, no image is kept out for validation")
    if row.text("error_train_percent"):
        errors["error_train_percent"] = row.number("error_train_percent", 100)
    return errors
