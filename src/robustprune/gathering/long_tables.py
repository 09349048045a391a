"""Long tables in Parquet that are written while their rows come in, so that memory does not grow with the records."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from robustprune.files import written_atomically

GROUP = 2**17
"""Rows of a row group. A table of no more rows has the bytes that DataFrame.to_parquet writes."""
COMPRESSION = "zstd"


class LongTable:
    """The concatenation of tables, in a Parquet file. Tables may lack columns of others, and types may differ.

    Columns and types are those that pandas gives the concatenation: a column of whole numbers that a table lacks is one
    of floats. Where a table changes them, the rows that were written before are written again with the new ones.
    """

    def __init__(self, path: Path, columns: Sequence[str] = ()):
        """columns: those of a table without rows."""
        self.path, self.columns, self.rows = path, columns, 0
        self._first_rows: dict[pa.Schema, pd.DataFrame] = {}
        self._schema = pa.schema([])
        self._pending: list[pa.Table] = []
        self._waiting = 0
        self._writer: parquet.ParquetWriter | None = None

    def add(self, table: pa.Table) -> None:
        """Append the rows of a table."""
        if not table.num_rows:
            return
        if table.schema not in self._first_rows:
            self._first_rows[table.schema] = table.slice(0, 1).to_pandas()
            self._adopt(pd.concat(self._first_rows.values(), ignore_index=True))
        self._pending.append(table)
        self.rows += table.num_rows
        self._waiting += table.num_rows
        if self._waiting >= GROUP:
            self._write(self._waiting // GROUP * GROUP)

    def finish(self) -> None:
        """Write what is left, and close the file."""
        if not self.rows:
            pd.DataFrame(columns=list(self.columns)).to_parquet(self.path, index=False, compression=COMPRESSION)
        elif self._waiting:
            self._write(self._waiting)
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        if self._writer is not None:
            self._writer.close()

    def _adopt(self, example: pd.DataFrame) -> None:
        """Take the columns and types of an example of the concatenation."""
        schema = pa.Schema.from_pandas(example, preserve_index=False)
        if schema.equals(self._schema, check_metadata=True):
            return
        self._schema = schema
        if self._writer is not None:
            self._write_again()

    def _write_again(self) -> None:
        self.close()
        before = self.path.with_suffix(".before")
        self.path.replace(before)
        try:
            self._writer = self._opened()
            with parquet.ParquetFile(before) as written:
                for number in range(written.num_row_groups):
                    self._writer.write_table(self._fitted(written.read_row_group(number)), GROUP)
        finally:
            before.unlink()

    def _write(self, rows: int) -> None:
        """Write the first rows of those that wait."""
        self._writer = self._writer or self._opened()
        table = pa.concat_tables(map(self._fitted, self._pending)).combine_chunks()
        self._writer.write_table(table.slice(0, rows), GROUP)
        self._pending, self._waiting = [table.slice(rows)], self._waiting - rows

    def _opened(self) -> parquet.ParquetWriter:
        return parquet.ParquetWriter(self.path, self._schema, compression=COMPRESSION)

    def _fitted(self, table: pa.Table) -> pa.Table:
        """Return a table with the columns and types of the file."""
        known, rows = {*table.column_names}, table.num_rows
        columns = [
            table[field.name].cast(field.type, safe=False) if field.name in known else pa.nulls(rows, field.type)
            for field in self._schema
        ]
        return pa.Table.from_arrays(columns, schema=self._schema)


@contextmanager
def long_table(path: Path, columns: Sequence[str] = ()) -> Iterator[LongTable]:
    """Yield a table whose file is there, as a whole, when the block ends; a block that raises leaves the old file.

    Raises OSError naming the file where the system refuses.
    """
    with written_atomically(path) as temporary:
        table = LongTable(temporary, columns)
        try:
            yield table
            table.finish()
        except BaseException:
            with suppress(OSError):
                table.close()
            raise
