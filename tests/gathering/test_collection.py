"""Collection writes long tables record by record: the same tables as all at once, in memory that does not grow."""

import sys
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import REPOSITORY

from robustprune.errors import StudyError
from robustprune.gathering import long_tables
from robustprune.gathering.cell_files import CellFiles
from robustprune.gathering.cell_tables import gates_table
from robustprune.gathering.collection import collect
from robustprune.gathering.long_tables import long_table
from robustprune.study.cells import AXES, NO_DEPTH, study_cells

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from made_up_runs import made_up_study, write_made_up_runs


def with_axes(cell, table):
    axes = {axis: getattr(cell, axis) for axis in AXES} | {"depth": NO_DEPTH}
    return table.assign(**axes)[[*AXES, *table]]


def gates_at_once(folder):
    """The sample of 60 gates per slot, unit by unit."""
    rows = []
    with np.load(folder / "gates.npz") as arrays:
        for slot in arrays.files:
            units = sorted({int(u) for u in np.linspace(0, arrays[slot].shape[2] - 1, 60)})
            for epoch, values in enumerate(arrays[slot][:, 0]):
                rows += [(slot, unit, epoch, np.float32(values[unit])) for unit in units]
    return pd.DataFrame(rows, columns=["slot", "unit", "epoch", "theta"])


@pytest.mark.parametrize("group", [long_tables.GROUP, 50])
def test_tables_are_those_of_all_records_at_once(tmp_path, monkeypatch, group):
    """Of 160 cells one has no record, one a damaged file and one a record of other settings."""
    monkeypatch.setattr(long_tables, "GROUP", group)
    config = made_up_study(tmp_path / "study", cells=160, replicates=2, epochs=2)
    write_made_up_runs(config)
    cells = study_cells(config)
    missing, damaged, stale = [key for key, cell in cells.items() if cell.method == "bernoulli"][:3]
    folders = {key: tmp_path / "study" / "runs" / key for key in cells}
    (folders[missing] / "record.json").unlink()
    (folders[damaged] / "history.parquet").unlink()  # the file is shared with other cells
    (folders[damaged] / "history.parquet").write_bytes(b"PAR1")
    settings = {**config.strengths, "bernoulli": {**config.strengths["bernoulli"]}}
    strength = cells[stale].strength
    settings["bernoulli"][strength] = {"price": 0.5}
    config = config.model_copy(update={"strengths": settings})
    left = {
        key: cell for key, cell in study_cells(config).items() if key not in (missing, damaged) and cell == cells[key]
    }
    collect(config, tmp_path)
    history = pd.concat(
        [with_axes(cell, pd.read_parquet(folders[key] / "history.parquet")) for key, cell in left.items()]
    )
    gates = pd.concat(
        [with_axes(cell, table) for key, cell in left.items() if len(table := gates_at_once(folders[key]))]
    )
    for name, expected in (("history.parquet", history), ("gates.parquet", gates)):
        expected.reset_index(drop=True).to_parquet(tmp_path / "expected.parquet", index=False, compression="zstd")
        found, whole = tmp_path / name, tmp_path / "expected.parquet"
        pd.testing.assert_frame_equal(pd.read_parquet(found), pd.read_parquet(whole))
        if len(expected) < group:  # not only the same table
            assert found.read_bytes() == whole.read_bytes()
    kept = pd.read_parquet(tmp_path / "kept.parquet")
    assert list(dict.fromkeys(kept["key"])) == list(left)
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert set(runs["key"]) == {*left, damaged}
    assert set(runs.loc[runs["status"] != "ok", "key"]) == {damaged}
    assert set(pd.read_csv(tmp_path / "missing.csv")["cell"]) == set(cells) - set(left)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "values",
    [
        np.arange(24, dtype=np.float16).reshape(4, 2, 3),
        np.asfortranarray(np.arange(24, dtype=np.float16).reshape(4, 2, 3)),
        np.arange(24, dtype=">f4").reshape(4, 2, 3),
    ],
    ids=["as written", "Fortran", "big-endian"],
)
def test_gates_are_those_that_numpy_reads(tmp_path, values, make_cell):
    np.savez_compressed(tmp_path / "gates.npz", fc1=values)
    _, table = gates_table(make_cell(), CellFiles(tmp_path))
    assert table["theta"].to_pylist() == values[:, 0].ravel().tolist()
    assert table["unit"].to_pylist() == 4 * [0, 1, 2]


def test_gates_that_are_no_numbers_are_refused(tmp_path, make_cell):
    np.savez(tmp_path / "gates.npz", fc1=np.array([[[None]]]))
    with pytest.raises(StudyError, match=r"gates\.npz: cannot be read \(Object arrays cannot be loaded"):
        gates_table(make_cell(), CellFiles(tmp_path))


def test_two_threads_never_read_gates_at_once(tmp_path, make_cell, monkeypatch):
    """numpy parses headers of arrays with `ast`, which two threads must not do at once before Python 3.11.8."""
    np.savez(tmp_path / "gates.npz", fc1=np.zeros((4, 2, 3)))
    read_array, reading, most = np.lib.format.read_array, Counter(), []

    def slow(file):
        reading["now"] += 1
        most.append(reading["now"])
        time.sleep(0.02)
        reading["now"] -= 1
        return read_array(file)

    monkeypatch.setattr(np.lib.format, "read_array", slow)
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: gates_table(make_cell(), CellFiles(tmp_path)), range(8)))
    assert len(tables) == 8
    assert most == [1] * 8


def test_memory_does_not_grow_with_the_records(tmp_path):
    """Three times as many records, with five times as many gates, take less than half as much again."""
    peaks = {}
    usual = pa.default_memory_pool()
    for count in (80, 240):  # 40 of each are dense and have no gates
        config = made_up_study(tmp_path / str(count), count)
        write_made_up_runs(config)
        collect(config, tmp_path)  # what is looked up once
        pool = pa.proxy_memory_pool(usual)
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            collect(config, tmp_path)
        finally:
            pa.set_memory_pool(usual)
        peaks[count] = pool.max_memory() + tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[240] < 1.5 * peaks[80]


def test_columns_that_come_late(tmp_path, monkeypatch):
    """Types are those of pandas, also for rows that were written before the column came."""
    monkeypatch.setattr(long_tables, "GROUP", 4)
    parts = [
        pd.DataFrame({"epoch": [1, 2, 3, 4, 5], "units": [9, 8, 7, 6, 5], "none": [None] * 5}),
        pd.DataFrame({"epoch": [1, 2], "filters": [3, 2], "none": [None] * 2}),
        pd.DataFrame({"epoch": [1, 2, 3], "units": [4, 4, 3], "filters": [0.5, 1.5, 2.5]}),
        pd.DataFrame(),
    ]
    with long_table(tmp_path / "table.parquet") as table:
        for number, part in enumerate(parts):
            table.add({"key": f"cell {number}"}, pa.Table.from_pandas(part, preserve_index=False))
    expected = [part.assign(key=f"cell {number}")[["key", *part]] for number, part in enumerate(parts) if len(part)]
    pd.concat(expected, ignore_index=True).to_parquet(tmp_path / "expected.parquet")
    found, whole = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("table", "expected"))
    pd.testing.assert_frame_equal(found, whole)
    assert found.dtypes[["epoch", "units"]].tolist() == [np.int64, np.float64]
    assert table.rows == 10
    assert {path.name for path in tmp_path.iterdir()} == {"table.parquet", "expected.parquet"}


def test_a_table_that_is_not_finished_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(long_tables, "GROUP", 1)
    path = Path(tmp_path, "table.parquet")
    path.write_text("old")

    def broken():
        with long_table(path) as table:
            table.add({}, pa.table({"epoch": [1, 2]}))
            raise StudyError("no")

    with pytest.raises(StudyError):
        broken()
    assert [found.name for found in tmp_path.iterdir()] == ["table.parquet"]
    assert path.read_text() == "old"
