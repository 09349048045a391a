"""Collected tables: columns that older versions lack, and the checks of every row that is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from robustprune.errors import StudyError
from robustprune.files import reading
from robustprune.records.record import ADDED, COLUMNS, DEPTHS, Status
from robustprune.study.cells import AXES, NO_DEPTH
from robustprune.study.training_settings import TrainingSettings

BUDGET = TrainingSettings().budget
"""The budget of every cell of a table without a column for it."""
AGAIN = "make it again with `robustprune collect`"
IDENTITY = [*AXES, "replicate"]
"""The columns that identify a network."""
TEXT = (
    *("dataset", "architecture", "track", "method", "strength", "initialization", "budget", "key", "cell", "reason"),
    *("status", "variant", "start_of", "operating_point", "units_start", "units_kept", "units_raw"),
    *("config_hash", "source_hash", "git_commit", "torch_version", "settings", "training"),
)
"""Columns of text in collected tables; of details.csv operating_point is true or false."""
PERCENT, POSITIVE, COUNT = (0, 100), (0, np.inf), (1, np.inf)
BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("params_dense", "macs_dense", "epochs", "threads"), COUNT),
    **dict.fromkeys(("error_test_percent", "error_valid_percent", "error_train_percent"), PERCENT),
    **dict.fromkeys(("replicate", "seed", "params_kept", "macs_kept"), POSITIVE),
    **dict.fromkeys(("train_seconds", "train_macs", "train_macs_dense"), POSITIVE),
    **dict.fromkeys(("inference_ms_dense", "inference_ms_kept"), POSITIVE),
    **dict.fromkeys(DEPTHS, POSITIVE),
    "width": (1e-9, np.inf),
    "undetermined_fraction": (0, 1),
    "rounding_error_change_percent": (-100, 100),
}
"""Column of runs.csv -> the smallest and largest possible number; every number is finite."""


def read_csv_table(path: Path) -> pd.DataFrame:
    """Read a CSV that collection writes, without the checks of its rows; raises StudyError naming the file."""
    try:
        with reading(path, AGAIN):
            return read_csv(path)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; make it with `robustprune collect`, or name the reference") from None


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV that collection wrote. Only an empty field is missing, and names stay text: a strength may be called
    NA or 1e3."""
    # not piece by piece: a column that is empty in one piece and text in another would be of both types
    return pd.read_csv(path, low_memory=False, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(TEXT, object))


def with_axes(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the columns `budget` and `depth`, which older tables lack.

    Epochs were their only budget. The depth is NO_DEPTH for networks without one; runs.csv calls it depth_start.
    """
    if "budget" not in table:
        table = table.assign(budget=BUDGET)
    depth = next((table[name] for name in ("depth", DEPTHS[0]) if name in table), None)
    numbers = NO_DEPTH if depth is None else pd.to_numeric(depth).fillna(NO_DEPTH).astype(int)
    return table.assign(budget=table["budget"].astype(object).fillna(BUDGET), depth=numbers)


def checked_runs(runs: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a runs.csv with the columns COLUMNS and `depth`; those of ADDED, or of DEPTHS, may be missing in `runs`.

    Raises StudyError naming the file, and the line and column of an impossible value or of a network that is there
    twice.
    """
    for added in (ADDED, DEPTHS):
        if list(runs.columns) == [name for name in COLUMNS if name not in added]:
            runs = runs.assign(**dict.fromkeys(added))[list(COLUMNS)]
    if list(runs.columns) != list(COLUMNS):
        wrong = sorted(set(COLUMNS).symmetric_difference(runs.columns)) or ["order"]
        raise StudyError(f"{path}: wrong columns ({', '.join(wrong)}); expected records.record.COLUMNS; {AGAIN}")
    runs = with_axes(runs)
    for column, wrong_rows, expected in _faults(runs):
        if wrong_rows.any():
            row = int(np.flatnonzero(wrong_rows)[0])
            found = f"line {row + 2}, column {column}: expected {expected}, found {runs[column].iloc[row]}"
            raise StudyError(f"{path}: {found}; {AGAIN}")
    return runs


def _faults(runs: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, str]]:
    """Yield column, the rows with a wrong value [n], and what was expected."""
    for column, (low, high) in BOUNDS.items():
        numbers = pd.to_numeric(runs[column], errors="coerce").to_numpy(float)
        right = np.isfinite(numbers) & (numbers >= low) & (numbers <= high)
        bounds = f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} or more"
        yield column, runs[column].notna().to_numpy() & ~right, f"a finite number, {bounds}"
    yield "status", ~runs["status"].isin(get_args(Status)).to_numpy(), f"one of {', '.join(get_args(Status))}"
    done = (runs["status"] == "ok").to_numpy()
    for column in ("units_kept", "error_test_percent"):
        yield column, done & runs[column].isna().to_numpy(), "a value, for the status is ok"
    for kept, dense in (("params_kept", "params_dense"), ("macs_kept", "macs_dense")):
        yield kept, (runs[kept].astype(float) > runs[dense].astype(float)).to_numpy(), f"at most {dense}"
    yield "replicate", runs.duplicated(IDENTITY).to_numpy(), "every network once"


def check_same_networks(runs: pd.DataFrame, details: pd.DataFrame, folder: Path) -> None:
    """Raise StudyError where runs.csv and details.csv of a folder do not hold the same networks, each once."""
    if missing := [name for name in (*IDENTITY, "status") if name not in details]:
        raise StudyError(f"{folder / 'details.csv'}: no column {', '.join(missing)}; {AGAIN}")
    if runs[IDENTITY].equals(details[IDENTITY]):  # as collection writes them
        return
    one, other = (set(map(tuple, table[IDENTITY].to_numpy(object))) for table in (runs, details))
    if one != other or len(details) != len(runs):
        raise StudyError(
            f"{folder / 'details.csv'}: {len(details)} rows, {len(other - one)} networks that runs.csv lacks; "
            f"{folder / 'runs.csv'}: {len(runs)} rows, {len(one - other)} networks that details.csv lacks; make both "
            "again with `robustprune collect`"
        )
