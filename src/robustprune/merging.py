"""Join the collected tables of several sittings or machines into those of one study."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from robustprune.cells import AXES
from robustprune.errors import StudyError
from robustprune.records import write_table

TABLES = ("runs.csv", "details.csv", "history.parquet", "gates.parquet")


def merge(folders: Sequence[Path], output: Path, order: Iterable[str] = ()) -> list[str]:
    """Write the tables of all folders together into `output` (which may be one of them); returns lines to print.

    A cell that several folders hold is taken whole from the last of them. `order`: keys of cells; those that are there
    come first and in this order, as if all had been collected at once. missing.csv is that of the last folder, the
    one collected with the study's configuration of today, without the cells that another folder has. Raises StudyError
    naming a file that is not there.
    """
    collected = [{name: _read(folder / name) for name in (*TABLES, "missing.csv")} for folder in folders]
    cells = [_cells(tables["runs.csv"]) for tables in collected]
    merged, rank = {}, {key: number for number, key in enumerate(order)}
    for name in TABLES:
        parts = []
        for number, tables in enumerate(collected):
            later = set().union(*cells[number + 1 :])
            table = tables[name]
            parts.append(table[[key not in later for key in _keys(table)]] if len(table) else table)
        filled = [part for part in parts if len(part)]
        whole = pd.concat(filled, ignore_index=True) if filled else parts[0]
        places = pd.Series([rank.get(_path(key), len(rank)) for key in _keys(whole)], index=whole.index, dtype=int)
        merged[name] = whole.loc[places.sort_values(kind="stable").index]
    found = {_path(key) for key in set().union(*cells)}
    missing = collected[-1]["missing.csv"]
    merged["missing.csv"] = missing[~missing["cell"].isin(found)]
    for name, table in merged.items():
        write_table(table, output / name)
    return [f"{output / name}: {len(table)} rows" for name, table in merged.items()]


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise StudyError(f"{path}: no such file; make it with `robustprune collect`")
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def _keys(table: pd.DataFrame) -> list[tuple]:
    return list(table[list(AXES)].itertuples(index=False, name=None)) if len(table) else []


def _cells(runs: pd.DataFrame) -> set[tuple]:
    return set(_keys(runs))


def _path(key: tuple) -> str:
    """A cell's key, as missing.csv has it."""
    dataset, architecture, track, method, strength, initialization, width = key
    return f"{dataset}/{architecture}-{track}/{method}/{strength}/{initialization}/width-{width:g}"
