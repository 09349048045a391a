"""Finding a cell by its key, the path of its folder, or a part of either: in a study's records, then in tables."""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from robustprune.errors import StudyError
from robustprune.gathering.cellview import View, keys_of, view_of_record, view_of_rows
from robustprune.gathering.settings import complete_settings
from robustprune.gathering.states import STATES, CellState, cell_states, study_plan
from robustprune.records.record import RECORD_NAME, read_record
from robustprune.records.tables import IDENTITY, checked_runs, read_csv_table, with_axes
from robustprune.study.cells import AXES, study_cells
from robustprune.study.config import StudyConfig, load_study

SHOWN = 8
"""Keys that an error lists."""


class Shelf(NamedTuple):
    """Where cells are looked for: a configuration with its file, if there is one, and a folder of collected tables."""

    study: tuple[Path, StudyConfig] | None
    tables: Path


def find_view(text: str, shelf: Shelf) -> View:
    """Return the cell that a text names: its key, the path of its folder or of its record, or a unique part of them.

    A record on that path comes first, then the cells of the study and of its search, then the tables; cells of the
    study that wait come after the tables. Raises StudyError where several cells match, naming first those that are
    furthest, and where none does.
    """
    path = Path(text) / RECORD_NAME if Path(text).is_dir() else Path(text)
    if path.name == RECORD_NAME and path.exists():
        return _of_record(path, shelf)
    name = text.rstrip("/").split("runs/")[-1]
    states = _states(shelf)
    asked = _match(name, states)
    if asked and not _waits(states[asked]):
        return _of_state(states[asked], shelf)
    rows = read_rows(shelf.tables) if (shelf.tables / "runs.csv").exists() else pd.DataFrame({"cell": []})
    tables = dict.fromkeys(rows["cell"])
    if asked and asked not in tables:
        return _of_state(states[asked], shelf)
    if key := asked or _match(name, tables):
        return _of_tables(rows[rows["cell"] == key], shelf.tables)
    places = [str(shelf.study[0])] if shelf.study else []
    close = difflib.get_close_matches(name, [*states, *tables], n=1, cutoff=0.3)
    hint = f"; did you mean {close[0]}?" if close else " (robustprune plan lists the cells of a study)"
    raise StudyError(f"no cell {text!r} in {' or '.join([*places, str(shelf.tables)])}{hint}")


def _states(shelf: Shelf) -> dict[str, CellState]:
    """Return the cells of the study and of its search by key, those that are furthest first."""
    if shelf.study is None:
        return {}
    states = cell_states(shelf.study[1], study_plan(shelf.study[1]))
    return {state.key: state for state in sorted(states, key=lambda state: STATES.index(state.state))}


def _waits(state: CellState) -> bool:
    """Return whether nothing is there of a cell, not even a record of other settings."""
    return state.state == "waiting" and not (state.root / "runs" / state.cell.key / RECORD_NAME).exists()


def _match(text: str, keys: Collection[str]) -> str | None:
    """Return the key that a text names; None for none. A key counts before keys that end so, and these before parts."""
    if text in keys:
        return text
    for found in ([key for key in keys if key.endswith(f"/{text}")], [key for key in keys if text in key]):
        if len(found) == 1:
            return found[0]
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            listed = ", ".join(found[:SHOWN])
            raise StudyError(f"{text}: {len(found)} cells match: {listed}{more}; give more of the key")
    return None


def _of_record(path: Path, shelf: Shelf) -> View:
    record = read_record(path)
    root = Path(str(path.parent).removesuffix(f"/runs/{record.cell.key}"))
    file = root / "config.yaml"
    if file.exists():
        return view_of_record(record, path, file, "")
    asked = shelf.study and record.cell.key in study_cells(shelf.study[1])
    return view_of_record(record, path, shelf.study[0] if shelf.study and asked else None, "")


def _of_state(state: CellState, shelf: Shelf) -> View:
    """Return the view of a cell of the study; without a record, what is asked and how far it is."""
    path = state.root / "runs" / state.cell.key / RECORD_NAME
    file = state.config_file if state.config_file.exists() or shelf.study is None else shelf.study[0]
    if path.exists():
        note = "" if state.state == "done" else f"of other settings than {file} asks for now"
        return view_of_record(read_record(path), path, file, note)
    seeds = ", ".join(str(state.cell.seed(number)) for number in range(state.cell.replicates))
    facts = {"state": f"{state.state}{': ' if state.reason else ''}{state.reason}", "seeds": seeds}
    training = state.cell.training.model_dump(mode="json")
    return View(state.cell.key, file, complete_settings(state.cell), training, file, facts, (), "no record yet")


def _of_tables(rows: pd.DataFrame, folder: Path) -> View:
    file, key = folder / "config.yaml", str(rows["cell"].iloc[0])
    cells = study_cells(load_study(file)) if file.exists() else {}
    note = ""
    if key in cells and cells[key].config_hash != rows["config_hash"].iloc[0]:
        note = f"{file} asks for other settings now"
    return view_of_rows(rows, folder / "runs.csv", file if key in cells else None, note)


def read_rows(folder: Path) -> pd.DataFrame:
    """Return the networks of collected tables with their details, and the column `cell` with their keys."""
    runs, details = (read_csv_table(folder / name) for name in ("runs.csv", "details.csv"))
    runs, details = checked_runs(runs, folder / "runs.csv"), with_axes(details)
    added = [name for name in ("reason", "settings", "training") if name in details]
    rows = runs.merge(details[[*IDENTITY, *added]], on=IDENTITY, how="left")
    return rows.assign(cell=keys_of(rows, AXES))
