"""Long tables whose first rows say less than later ones."""

import pandas as pd
import pyarrow as pa

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
