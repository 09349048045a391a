"""Merging of the collected tables of several runs or machines into those of one study."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from robustprune.errors import StudyError
from robustprune.files import reading, write_table
from robustprune.gathering.asked import ASKED
from robustprune.gathering.collapse import judged
from robustprune.gathering.collection import collect
from robustprune.gathering.kept import COLUMNS, NAME
from robustprune.gathering.measured_tables import without_replaced
from robustprune.gathering.stale_controls import REASON, stale_controls
from robustprune.gathering.still_missing import COLUMNS as MISSING
from robustprune.gathering.still_missing import still_missing
from robustprune.gathering.table_sizes import check_sizes
from robustprune.records.digests import TABLES_NAME, check_tables, write_table_digests
from robustprune.records.packing import unpack_cells
from robustprune.records.record import COLUMNS as RUN_COLUMNS
from robustprune.records.tables import AGAIN, IDENTITY, check_same_networks, checked_runs, read_csv, with_axes
from robustprune.study.cells import AXES, cell_key, study_cells
from robustprune.study.config import StudyConfig

TABLES = ("runs.csv", "details.csv", "history.parquet", "gates.parquet", NAME)


@contextmanager
def collected(sources: Sequence[Path], config: StudyConfig | None) -> Iterator[list[Path]]:
    """Yield a folder of tables for each source: itself, or for an archive of cells those that are collected from it.

    Raises StudyError for an archive without the configuration that its cells were asked by, and for a damaged one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folders = []
        for number, source in enumerate(sources):
            folder = source
            if source.suffix == ".tar":
                if config is None:
                    raise StudyError(f"{source}: an archive of cells needs the study that they belong to (--config)")
                folder = Path(temporary, str(number))
                keys, own = unpack_cells(source, folder / "runs"), config.model_copy(update={"root": str(folder)})
                asked = study_cells(own)
                if unknown := [key for key in keys if key not in asked]:
                    raise StudyError(
                        f"{source}: {unknown[0]} is no cell of the grids in this configuration; give that with which "
                        "the cells were trained, with their operating points (of a search: one whose `study` lists its "
                        "strengths, as results/reference/search/config.yaml)"
                    )
                collect(own, folder)
            folders.append(folder)
        yield folders


def merge(folders: Sequence[Path], output: Path, order: Iterable[str] = ()) -> list[str]:
    """Write the merged tables of all folders into `output` (which may be one of them); return lines to print.

    A cell that several folders hold is taken as a whole from the last of them; one that failed in some of them,
    from the last in which it did not. order: keys of cells, which come first, in this order. missing.csv holds what
    any folder lacks and none has. Collapse is judged again over all networks. Tables that were measured in networks
    of `output` lose the rows of those that others replace; those of other folders are not joined. A control whose
    source is taken from another folder with other networks is left out and missing. Raises StudyError naming a
    missing file, one that lacks a column, and a wrong row; nothing is written then.
    """
    collected = [_read_folder(folder) for folder in folders]
    held = [set(tables["runs.csv"].index) for tables in collected]
    trained = [set(own.index[own["status"] != "failed"]) for own in (tables["runs.csv"] for tables in collected)]
    dropped = [_replaced(number, held, trained) for number in range(len(collected))]
    stale = stale_controls(collected, dropped)
    dropped = [{*own, *stale} for own in dropped]
    merged, rank = {}, {key: number for number, key in enumerate(order)}
    for name in TABLES:
        parts = [tables[name] for tables in collected]
        parts = [part[~part.index.isin(others)] for part, others in zip(parts, dropped, strict=True)]
        filled = [part for part in parts if len(part)]
        whole = pd.concat(filled) if filled else parts[0]
        places = [rank.get(key, len(rank)) for key in whole.index]
        merged[name] = whole.iloc[np.argsort(places, kind="stable")]
    merged["runs.csv"], merged["details.csv"] = _judged(merged["runs.csv"], merged["details.csv"])
    merged["missing.csv"] = still_missing(*([own[name] for own in collected] for name in ("runs.csv", "missing.csv")))
    lost = pd.DataFrame([(key, REASON) for key in stale], columns=MISSING)
    merged["missing.csv"] = pd.concat([merged["missing.csv"], lost], ignore_index=True)
    measured = without_replaced(output, merged["runs.csv"], TABLES)
    merged["runs.csv"] = merged["runs.csv"][list(RUN_COLUMNS)]
    _write(output, merged, {rest.path.name: rest.table for rest in measured})
    lines = [f"{output / name}: {len(table)} rows" for name, table in merged.items()]
    return lines + [rest.line for rest in measured] + [f"{key}: left out; {REASON}" for key in stale]


def _write(output: Path, merged: dict[str, pd.DataFrame], measured: dict[str, pd.DataFrame]) -> None:
    """Write all tables aside, then replace those of `output`.

    Their digests go first and runs.csv last, so that readers refuse what a killed call has replaced in part.
    """
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".merged.") as aside:
        made = Path(aside)
        for name, table in (merged | measured).items():
            write_table(table, made / name)
        write_table_digests(made, merged)
        for name in (TABLES_NAME, *measured, *reversed(merged)):
            (made / name).replace(output / name)


def _replaced(number: int, held: Sequence[set[str]], trained: Sequence[set[str]]) -> set[str]:
    """Return the cells that are not taken from a folder: those trained later, failed ones that another folder has."""
    failed = held[number] - trained[number]
    return set().union(*trained[number + 1 :]) | (failed & set().union(*trained, *held[number + 1 :]))


def _judged(runs: pd.DataFrame, details: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both with the statuses of all networks together; details may hold the rows in another order."""
    places = pd.MultiIndex.from_frame(details[IDENTITY]).get_indexer(pd.MultiIndex.from_frame(runs[IDENTITY]))
    return judged(runs, details.iloc[places])


def _read_folder(folder: Path) -> dict[str, pd.DataFrame]:
    tables = {name: _read(folder / name) for name in (*TABLES, "missing.csv")}
    check_same_networks(tables["runs.csv"], tables["details.csv"], folder)
    check_tables(folder, ("runs.csv", "details.csv"), tables)  # all: the merged ones get digests of their own
    return tables


def _read(path: Path) -> pd.DataFrame:
    """Read a table; the index of TABLES is the key of each row's cell."""
    if path.name == NAME and not path.exists():  # older versions did not collect it
        return pd.DataFrame(columns=list(COLUMNS))
    if not path.exists():
        raise StudyError(f"{path}: no such file; make it with `robustprune collect`")
    with reading(path, AGAIN):
        table = read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    added = {"budget", "depth"}  # with_axes adds them
    wanted = {"missing.csv": {*MISSING}, "details.csv": {*ASKED, *IDENTITY} - added}
    if missing := wanted.get(path.name, set()) - set(table.columns):
        raise StudyError(
            f"{path}: no column {', '.join(sorted(missing))} (collected by an older version); make it again with "
            "`robustprune collect`"
        )
    if path.name == "runs.csv":
        table = checked_runs(table, path)
        check_sizes(table, path)
    if path.name not in TABLES or table.empty:
        return table
    if path.name == NAME:
        return table.set_index("key", drop=False).rename_axis(None)
    table = with_axes(table)
    return table.set_index(pd.Index(map(cell_key, table[list(AXES)].itertuples(index=False, name=None))))
