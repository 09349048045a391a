"""Collection of the records of a study into its long tables: runs.csv, details.csv, histories and gates."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from robustprune.engine.jobs import unfinished_replicates
from robustprune.errors import StudyError
from robustprune.files import reading, write_table
from robustprune.gathering.asked import asked_columns
from robustprune.gathering.checking import StaleRecord, checked_record
from robustprune.gathering.collapse import judged
from robustprune.gathering.details import DETAILS, OF_CELL
from robustprune.gathering.kept import COLUMNS as KEPT_COLUMNS
from robustprune.gathering.kept import NAME, kept_table
from robustprune.gathering.outcomes import SHOWN, outcome_lines, outcomes
from robustprune.gathering.search import known_cells
from robustprune.gathering.settings import complete_settings
from robustprune.records.digests import write_table_digests
from robustprune.records.record import COLUMNS, RECORD_NAME, Replicate, table_rows
from robustprune.study.cells import AXES, Cell, asked_of_cells, study_cells, unresolved
from robustprune.study.config import StudyConfig

NO_POINT = "no operating point: not searched yet, or unreachable (operating_points.yaml says why)"
AGAIN = "run the cell again"
SAMPLED_GATES = 60  # gates per slot of replicate 0 in gates.parquet; more would make the file too large to ship


def collect(config: StudyConfig, folder: Path) -> list[str]:
    """Write the tables into `folder`; return lines to print.

    runs.csv has one row per replicate with the columns COLUMNS, kept.parquet the units of each network. missing.csv
    names each cell without a valid record of its settings, and each operating point that is not there, with the reason.
    The networks of a cell with an invalid record or a failed job count as failed. digests.json holds the digests of the
    tables.
    """
    runs, details, histories, gates, kept, missing = [], [], [], [], [], []
    # raises StudyError for a missing operating point
    cells = study_cells(config) if config.study else known_cells(config)
    asked = asked_of_cells(config)
    for cell in cells.values():
        source = Path(config.root, "runs", cell.key)
        how = asked.get(cell.key)
        point = how.point if how else None
        columns = asked_columns(complete_settings(cell), point is not None, how.variant if how else "")
        columns["target_params"] = how.params if how else None
        try:
            record = checked_record(source / RECORD_NAME, cell)
            units = kept_table(cell, source)
            history, trajectories = _read_history(source), _read_gates(source)
        except StudyError as error:
            reason = str(error) if (source / RECORD_NAME).exists() else _reason_of_job(config, cell) or str(error)
            missing.append({"cell": cell.key, "reason": reason})
            if reason != str(error) or ((source / RECORD_NAME).exists() and not isinstance(error, StaleRecord)):
                failed = unfinished_replicates(cell, "failed", reason)
                runs += table_rows(cell, failed, {"operating_point": point})
                details += list(_details(cell, failed, None, columns))
            continue
        runs += record.rows(point)
        kept.append(units)
        memory = record.provenance.peak_memory_mib
        details += list(_details(record.cell, record.replicates, memory, columns))
        histories.append(_with_axes(cell, history))
        gates.append(_with_axes(cell, trajectories))
    missing += [{"cell": point, "reason": NO_POINT} for point in unresolved(config)]
    whole, own = judged(
        pd.DataFrame(runs, columns=list(COLUMNS)),
        pd.DataFrame(details, columns=[*AXES, "replicate", *DETAILS, *OF_CELL]),
    )
    tables = {
        "runs.csv": whole,
        "details.csv": own,
        "missing.csv": pd.DataFrame(missing, columns=["cell", "reason"]),
        "history.parquet": _concatenate(histories),
        "gates.parquet": _concatenate(gates),
        NAME: pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(KEPT_COLUMNS)),
    }
    for name, table in tables.items():
        write_table(table, folder / name)
    write_table_digests(folder, tables)
    lines = [f"{folder / name}: {len(table)} rows" for name, table in tables.items()]
    found = outcomes(whole["key"], own)
    listed = {outcome.key for outcome in found}
    others = [f"missing: {entry['cell']}: {entry['reason']}" for entry in missing if entry["cell"] not in listed]
    if len(others) > SHOWN:
        others[SHOWN:] = [f"missing: {len(others) - SHOWN} more cells, see {folder / 'missing.csv'}"]
    return lines + others + outcome_lines(found, Path(config.root, "config.yaml"))


def _reason_of_job(config: StudyConfig, cell: Cell) -> str | None:
    """Return the last line of the log of a failed job; None where the log ends otherwise, as while a cell trains."""
    path = Path(config.root, "logs", cell.key, "train.log")
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return None
    failed = bool(lines) and lines[-1].startswith("robustprune ")
    return f"{path}: {lines[-1]}" if failed else None


def _details(
    cell: Cell, replicates: Iterable[Replicate], peak_memory_mib: float | None, asked: Mapping[str, Any]
) -> Iterator[dict]:
    axes = {axis: getattr(cell, axis) for axis in AXES}
    used = {"training": cell.training.model_dump_json(), "settings": json.dumps(complete_settings(cell))}
    for entry in replicates:
        values = entry.model_dump(mode="json", include={"replicate", *DETAILS})
        yield {**axes, **values, "peak_memory_mib": peak_memory_mib, **used, **asked}


def _read_history(source: Path) -> pd.DataFrame:
    """Read the history of a cell, CSV where it was trained without pyarrow; foreign programs write none."""
    for name, read in (("history.parquet", pd.read_parquet), ("history.csv", pd.read_csv)):
        path = source / name
        if path.exists():
            with reading(path, AGAIN), path.open("rb") as opened:  # pandas takes a folder for an empty table
                return read(opened)
    return pd.DataFrame()


def _read_gates(source: Path) -> pd.DataFrame:
    """Read SAMPLED_GATES gates per slot of replicate 0 as a long table: slot, unit, epoch, theta."""
    path = source / "gates.npz"
    if not path.exists():
        return pd.DataFrame()
    parts = []
    with reading(path, AGAIN), np.load(path) as arrays:
        for slot in arrays.files:
            values = arrays[slot][:, 0]
            units = np.unique(np.linspace(0, values.shape[1] - 1, SAMPLED_GATES).astype(int))
            epochs = np.arange(len(values))
            epoch, unit = np.meshgrid(epochs, units, indexing="ij")
            theta = values[:, units].ravel().astype("float32")
            parts.append(pd.DataFrame({"slot": slot, "unit": unit.ravel(), "epoch": epoch.ravel(), "theta": theta}))
    return _concatenate(parts)


def _with_axes(cell: Cell, table: pd.DataFrame) -> pd.DataFrame:
    for position, axis in enumerate(AXES):
        table.insert(position, axis, getattr(cell, axis))
    return table


def _concatenate(tables: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
