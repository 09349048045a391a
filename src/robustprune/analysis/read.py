"""Reading of collected tables, the user's or the shipped reference."""

import json
from collections.abc import Callable, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from pyarrow import parquet

from robustprune.analysis.kept import Kept, read_kept
from robustprune.errors import StudyError, nearest
from robustprune.files import reading
from robustprune.gathering.asked import ASKED
from robustprune.networks.architecture import architecture as find_architecture
from robustprune.records.digests import check_tables
from robustprune.records.tables import AGAIN, IDENTITY, check_same_networks, checked_runs, read_csv_table, with_axes
from robustprune.study.cells import AXES, NO_DEPTH

CELL = [axis for axis in AXES if axis != "depth"]
"""The axes of cells without a depth, which tables and figures show; those of several depths add `depth`."""
NETWORK = ["dataset", "architecture", "track"]
SERIES = [*NETWORK, "method", "strength"]
MACHINE = ["device", "threads"]
"""Seconds are compared only where these are the same (docs/protocol.md, B20)."""
COLLECTED = ("history.parquet", "gates.parquet")
"""Long tables that `robustprune collect` writes; their digests lie beside them."""
WITHOUT_NUMBERS = ("diverged", "failed")
RESULTS = (
    *("units_kept", "units_raw", "params_kept", "macs_kept", "error_test_percent", "error_valid_percent"),
    *("undetermined_fraction", "rounding_error_change_percent", "gates_above_090_fraction", "train_macs"),
    *("error_train_percent", "inference_ms_kept", "inference_ms_kept_batch1"),
)
"""Columns that are NaN for networks that diverged or failed, whatever their records say."""


class Collected:
    """Tables of a study: runs (a row per network, with details), history (per network and epoch) and sampled gates.

    History, gates and kept units are read where they are used, so that a figure needs only the files that it shows.
    """

    def __init__(
        self,
        runs: pd.DataFrame,
        read: Callable[..., pd.DataFrame],
        read_kept: Callable[[], Kept] = lambda: {},
        folder: Path | None = None,
    ):
        self.runs, self._read, self._read_kept, self._folder = runs, read, read_kept, folder
        self._of_cells: dict[tuple, pd.DataFrame] = {}

    @cached_property
    def history(self) -> pd.DataFrame:
        """Long table of the epochs."""
        return self._read("history.parquet")

    def of_cells(self, name: str, cells: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a long table, "history" or "gates", that belong to cells, a table with the columns CELL.

        Those of other cells are left out while the file is read: there are millions of gates. Several figures show the
        same cells, so the rows of each choice are kept.
        """
        chosen = name, tuple(cells[CELL].itertuples(index=False, name=None))
        if chosen not in self._of_cells:
            self._of_cells[chosen] = of_cells(self._read(f"{name}.parquet", cells), cells)
        return self._of_cells[chosen]

    @cached_property
    def kept(self) -> Kept:
        """The kept units of networks; empty where the tables have none."""
        return self._read_kept()

    def long(self, name: str) -> pd.DataFrame | None:
        """Return the long table <name>.parquet that an experiment left; None without one."""
        return None if self._folder is None else read_long(self._folder / f"{name}.parquet")

    @property
    def methods(self) -> list[str]:
        """The methods and controls of the runs."""
        return sorted(self.runs["method"].unique())

    def of_methods(self, methods: Sequence[str]) -> "Collected":
        """Return the tables with the runs of these methods only; raises StudyError for a method without runs."""
        for name in methods:
            if name not in self.methods:
                raise StudyError(f"no method {name!r} in these runs{nearest(name, self.methods)}")
        return self.with_runs(self.runs[self.runs["method"].isin(methods)])

    def with_runs(self, runs: pd.DataFrame) -> "Collected":
        """Return the same tables with other runs."""
        return Collected(runs, self._read, self._read_kept, self._folder)


def read_collected(folder: Path, *, deep: bool = False) -> Collected:
    """Read the tables of a folder; raises StudyError naming a missing one, history and gates at their first use.

    deep: the runs are the networks with a depth, and not those without. Raises StudyError where all networks of the
    folder are of the other kind.
    """
    found = read_kind(folder, deep=deep)
    if found.runs.empty and len(others := read_every_run(folder)):
        wrong = "none has a depth; leave deep=True out" if deep else "each has a depth; pass deep=True"
        raise StudyError(f"{folder}: of {len(others)} networks {wrong} (docs/layers.md)")
    return found


def read_kind(folder: Path, *, deep: bool) -> Collected:
    """Return the tables of `read_collected`, without runs where all networks are of the other kind."""
    kind = with_depth if deep else without_depth
    runs, read = kind(read_every_run(folder)), partial(_read_parquet, folder, kind)
    return Collected(runs, read, lambda: read_kept(folder), folder)


def read_runs(path: Path) -> pd.DataFrame:
    """Read and check a runs.csv; raises StudyError for a missing file and as records.tables.checked_runs does."""
    return checked_runs(read_csv_table(path), path)


def read_detailed_runs(folder: Path) -> pd.DataFrame:
    """Return the networks of `read_every_run` that have no depth: tables and figures of the others compare depths."""
    return without_depth(read_every_run(folder))


def without_depth(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks whose architecture is not made at several depths."""
    return table[table["depth"] == NO_DEPTH]


def with_depth(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks whose architecture is made at several depths (docs/layers.md)."""
    return table[table["depth"] != NO_DEPTH]


def read_every_run(folder: Path) -> pd.DataFrame:
    """Read the runs.csv of a folder, joined with its details.csv.

    RESULTS of networks that diverged or failed are NaN: tables count these networks and show no numbers of them.
    `operating_point` says whether a cell was asked for as one, `point` by which name and `target_params` at which size
    (both missing in older tables). Raises StudyError as read_runs does, for a details.csv without the columns ASKED,
    for tables of different networks, and for tables that differ from their digests.
    """
    runs, details = read_runs(folder / "runs.csv"), _read_details(folder / "details.csv")
    check_same_networks(runs, details, folder)
    check_tables(folder, ("runs.csv", "details.csv"))
    runs = runs.rename(columns={"operating_point": "point"})
    runs = runs.merge(details.drop(columns="status"), on=IDENTITY, validate="one_to_one")
    known = [name for name in RESULTS if name in runs]
    runs[known] = runs[known].mask(runs["status"].isin(WITHOUT_NUMBERS))
    return _with_objects(runs)


def _with_objects(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with text and names of columns as objects, and with the columns of a type together.

    Small groups, of which tables have thousands, then take a fifth of the time that they take with Arrow's text.
    """
    table = table.astype({name: object for name in table if isinstance(table[name].dtype, pd.StringDtype)})
    return table.set_axis(table.columns.astype(object), axis=1).copy()


def read_beside(name: str, folder: Path) -> pd.DataFrame | None:
    """Read the detailed runs of a part of a study (its search, ...) in a folder of that name below the study's tables.

    None without a runs.csv there. Raises StudyError as read_detailed_runs does.
    """
    return read_detailed_runs(folder / name) if (folder / name / "runs.csv").exists() else None


def slots(architecture: str) -> list[str]:
    """Return the slot names in the order of hyphen-joined unit counts."""
    return [slot.name for slot in find_architecture(architecture).slots]


def settings_of(runs: pd.DataFrame) -> pd.Series:
    """Return the method's settings of each network as a dictionary, empty where none are recorded.

    Networks of the same settings share one dictionary: do not change it.
    """
    return runs["settings"].map(cache(lambda text: json.loads(text) if isinstance(text, str) else {}))


def used(runs: pd.DataFrame) -> list[tuple[SimpleNamespace, SimpleNamespace]]:
    """Return the distinct (training, settings) of networks, with attributes for their keys.

    A gate learning rate that is not set is that of the weights.
    """
    pairs = []
    for training, settings in runs[["training", "settings"]].dropna().drop_duplicates().itertuples(index=False):
        training, settings = json.loads(training), json.loads(settings)
        if settings.get("gate_learning_rate", 0) is None:
            settings["gate_learning_rate"] = training["learning_rate"]
        pairs.append((SimpleNamespace(**training), SimpleNamespace(**settings)))
    return pairs


def _read_details(path: Path) -> pd.DataFrame:
    details = read_csv_table(path)
    missing = [name for name in ASKED if name not in details]
    if missing:
        raise StudyError(
            f"{path}: no column {', '.join(missing)} (collected by an older version); make it again with "
            "`robustprune collect`"
        )
    details["operating_point"] = details["operating_point"].astype(str) == "True"
    details["variant"] = details["variant"].astype(object).fillna("")
    return with_axes(details)


def read_long(path: Path) -> pd.DataFrame | None:
    """Read a long table (a .parquet) of networks without a depth; None where it is not there or empty."""
    found = read_every_long(path)
    return None if found is None else without_depth(found)


def read_every_long(path: Path, cells: pd.DataFrame | None = None) -> pd.DataFrame | None:
    """Read a long table (a .parquet) of all networks; None where it is not there or empty.

    cells: a table with the columns CELL. Rows of other cells may then be left out.
    """
    if not path.exists():
        return None
    if path.name in COLLECTED:
        check_tables(path.parent, (path.name,))
    with reading(path, AGAIN), path.open("rb") as opened:  # pandas takes a folder for an empty table
        table = pd.read_parquet(opened, filters=_filters(parquet.read_schema(opened).names, cells))
    return with_axes(table) if "dataset" in table else None


def of_cells(table: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a long table that belong to cells, a table with the columns CELL."""
    return _with_objects(table.merge(cells[CELL].drop_duplicates(), on=CELL)) if len(table) else table


def of_networks(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a long table that belong to networks, joined with the further columns of `runs`.

    runs: a row per network, with CELL and replicate.
    """
    for name in ("method", "strength"):  # to merge a tenth of the rows
        table = table[table[name].isin(runs[name].unique())]
    return table.merge(runs, on=[*CELL, "replicate"])


def _filters(columns: Sequence[str], cells: pd.DataFrame | None) -> list[tuple[str, str, list]] | None:
    """Return the conditions that rows of cells meet; none on budget and depth, which older tables do not name."""
    if cells is None or not len(cells):
        return None
    known = [axis for axis in CELL if axis in columns and axis not in ("budget", "depth")]
    return [(axis, "in", cells[axis].unique().tolist()) for axis in known] or None


def _read_parquet(folder: Path, kind: Callable, name: str, cells: pd.DataFrame | None = None) -> pd.DataFrame:
    path = folder / name
    if not path.exists():
        raise StudyError(f"{path}: no such file; make it with `robustprune collect`")
    found = read_every_long(path, cells)
    return pd.DataFrame() if found is None else kind(found)
