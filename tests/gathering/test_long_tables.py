"""Long tables whose first rows say less than later ones."""

import errno

import pandas as pd
import pyarrow as pa
import pytest

from robustprune.gathering import long_tables
from robustprune.gathering.long_tables import long_table


def written(folder, *parts):
    with long_table(folder / "t.parquet") as table:
        for part in parts:
            table.add({"cell": "a"}, pa.table(part))
    table = pd.read_parquet(folder / "t.parquet")
    return table.astype(object).where(table.notna(), None)


def test_a_column_whose_first_value_is_missing_has_the_type_of_the_others(tmp_path):
    names, bits = pa.array([None, "b"]), pa.array([None, b"x"])
    table = written(tmp_path, {"name": names, "bits": bits, "n": pa.array([1, 2])})
    assert table["name"].tolist() == [None, "b"]
    assert table["bits"].tolist() == [None, b"x"]


def test_the_type_may_come_with_a_later_table(tmp_path):
    table = written(tmp_path, {"name": pa.nulls(2)}, {"name": pa.array([None, "b"])}, {"name": pa.array(["c"])})
    assert table["name"].tolist() == [None, None, None, "b", "c"]


def test_a_disk_that_fills_while_a_group_is_written_leaves_the_old_table(tmp_path, monkeypatch):
    """The error comes from the thread that writes."""

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    written(tmp_path, {"n": pa.array([1])})
    monkeypatch.setattr(long_tables, "GROUP", 1)
    monkeypatch.setattr(long_tables.parquet.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*t\.parquet'"):
        written(tmp_path, {"n": pa.array([2])})
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]
    assert pd.read_parquet(tmp_path / "t.parquet")["n"].tolist() == [1]
