"""Collection of the records of a study into its long tables: runs.csv, details.csv, histories and gates."""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from robustprune.engine.jobs import unfinished_replicates
from robustprune.errors import StudyError
from robustprune.files import write_table
from robustprune.gathering.asked import asked_columns
from robustprune.gathering.cell_files import CellFiles
from robustprune.gathering.cell_tables import gates_table, history_table
from robustprune.gathering.collapse import judged
from robustprune.gathering.kept import COLUMNS as KEPT_COLUMNS
from robustprune.gathering.kept import NAME, kept_table
from robustprune.gathering.long_tables import Part, long_table
from robustprune.gathering.outcomes import SHOWN, outcome_lines, outcomes
from robustprune.gathering.record_checks import StaleRecord, checked_record
from robustprune.gathering.rows import Rows
from robustprune.gathering.search import known_cells
from robustprune.gathering.settings import complete_settings
from robustprune.records.digests import write_table_digests
from robustprune.records.record import RECORD_NAME, Record
from robustprune.study.cells import Cell, asked_of_cells, study_cells, unresolved
from robustprune.study.config import StudyConfig
from robustprune.study.search import KnobTable, form_and_value
from robustprune.study.strengths import Strength

NO_POINT = "no operating point: not searched yet, or unreachable (operating_points.yaml says why)"
READERS = {"history.parquet": history_table, "gates.parquet": gates_table, NAME: kept_table}
"""Long table -> the reader of one cell's rows."""
WITHOUT_ROWS = {NAME: KEPT_COLUMNS}
"""Columns of a long table without rows."""
THREADS = 2
"""Threads that read records; half of their work is in libraries that let other threads run."""
AHEAD = 8
"""How many records are read before the rows of the first of them are added."""
Read = tuple[Record, dict[str, Part]]
"""The record of a cell, and its part of each long table."""


def collect(config: StudyConfig, folder: Path) -> list[str]:
    """Write the tables into `folder`; return lines to print.

    runs.csv has one row per replicate with the columns COLUMNS, kept.parquet the units of each network. missing.csv
    names each cell without a valid record of its settings, and each operating point that is not there, with the reason.
    The networks of a cell with an invalid record or a failed job count as failed. digests.json holds the digests of the
    tables. Histories, gates and kept units are written record by record, as there may be thousands.
    """
    rows, missing = Rows(), []
    # raises StudyError for a missing operating point
    cells = study_cells(config) if config.study else known_cells(config)
    strengths, root = asked_of_cells(config), Path(config.root, "runs")
    # imports plug-ins, before threads would do so at the same time
    asked = {key: _asked(cell, strengths.get(key), config.knobs) for key, cell in cells.items()}
    with ExitStack() as stack:
        long = {name: stack.enter_context(long_table(folder / name, WITHOUT_ROWS.get(name, ()))) for name in READERS}
        for (key, cell), read in zip(cells.items(), _read_ahead(root, cells.items()), strict=True):
            known = {"operating_point": strengths[key].point if key in strengths else None}
            if isinstance(read, StudyError):
                reason, failed = _why_unread(config, cell, read)
                missing.append({"cell": key, "reason": reason})
                if failed:
                    rows.add(cell, unfinished_replicates(cell, "failed", reason), known, asked[key])
                continue
            record, parts = read
            about = record.provenance.model_dump()
            about |= {**known, "epochs": record.epochs or cell.training.epochs}
            rows.add(cell, record.replicates, about, asked[key])
            for name, part in parts.items():
                long[name].add(*part)
        missing += [{"cell": point, "reason": NO_POINT} for point in unresolved(config)]
        runs, details = judged(*rows.tables())
        tables = {
            "runs.csv": runs,
            "details.csv": details,
            "missing.csv": pd.DataFrame(missing, columns=["cell", "reason"]),
        }
        for name, table in tables.items():
            write_table(table, folder / name)
    write_table_digests(folder, [*tables, *long])
    counts = {name: len(table) for name, table in tables.items()} | {name: table.rows for name, table in long.items()}
    return [f"{folder / name}: {count} rows" for name, count in counts.items()] + _outcome_lines(config, folder, tables)


def _outcome_lines(config: StudyConfig, folder: Path, tables: dict[str, pd.DataFrame]) -> list[str]:
    """Return what collect prints of cells that are missing, failed or collapsed."""
    found = outcomes(tables["runs.csv"]["key"], tables["details.csv"])
    listed = {outcome.key for outcome in found}
    missing = tables["missing.csv"].itertuples()
    others = [f"missing: {entry.cell}: {entry.reason}" for entry in missing if entry.cell not in listed]
    if len(others) > SHOWN:
        others[SHOWN:] = [f"missing: {len(others) - SHOWN} more cells, see {folder / 'missing.csv'}"]
    return others + outcome_lines(found, Path(config.root, "config.yaml"))


def _read_ahead(root: Path, cells: Iterable[tuple[str, Cell]]) -> Iterator[Read | StudyError]:
    """Yield what _read returns of each cell, in order, while threads read the next ones."""
    waiting: deque[Future[Read | StudyError]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for key, cell in cells:
            waiting.append(pool.submit(_read, cell, root / key))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read(cell: Cell, folder: Path) -> Read | StudyError:
    """Return the record of a cell with its rows of the long tables, or why there are none."""
    try:
        record, files = checked_record(folder / RECORD_NAME, cell, files=()), CellFiles(folder)
        files.check(record.files)
        return record, {name: rows(cell, files) for name, rows in READERS.items()}
    except StudyError as error:
        return error


def _asked(cell: Cell, how: Strength | None, knobs: KnobTable) -> dict[str, Any]:
    """Return the columns of details.csv with what was asked of a cell.

    A strength that the search tried is of the variant that its form is.
    """
    settings = complete_settings(cell)
    searched = form_and_value(knobs, cell.method, cell.strength)
    variant = knobs[cell.method][searched[0]].variant if searched else ""
    asked = asked_columns(settings, bool(how and how.point is not None), (how.variant if how else "") or variant)
    aim = {"target_params": how.params if how else None, "target_above_dense": how.above_dense if how else None}
    training = cell.training.model_dump_json()
    return {"training": training, "settings": json.dumps(settings), **asked, **aim}


def _why_unread(config: StudyConfig, cell: Cell, error: StudyError) -> tuple[str, bool]:
    """Return why a cell has no valid record, and whether its networks count as failed."""
    there = Path(config.root, "runs", cell.key, RECORD_NAME).exists()
    of_job = None if there else _reason_of_job(config, cell)
    return of_job or str(error), bool(of_job) or (there and not isinstance(error, StaleRecord))


def _reason_of_job(config: StudyConfig, cell: Cell) -> str | None:
    """Return the last line of the log of a failed job; None where the log ends otherwise, as while a cell trains."""
    path = Path(config.root, "logs", cell.key, "train.log")
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return None
    failed = bool(lines) and lines[-1].startswith("robustprune ")
    return f"{path}: {lines[-1]}" if failed else None
