"""Long tables in Parquet that are written while their rows come in, so that memory does not grow with the records."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute, parquet

from robustprune.files import written_atomically

GROUP = 2**17
"""A row group has so many rows, and those of the part that completes it. A table of one group has the bytes that
DataFrame.to_parquet writes."""
COMPRESSION: Literal["zstd"] = "zstd"


Part = tuple[Mapping[str, Any], pa.Table]
"""Columns that have one value in all rows of a part of a table, and the other columns."""


class LongTable:
    """The concatenation of tables, in a Parquet file. Tables may lack columns of others, and types may differ.

    Columns and types are those that pandas gives the concatenation: a column of whole numbers that a table lacks is one
    of floats. Where a table changes them, the rows that were written before are written again with the new ones.

    A thread writes a row group while the rows of the next come in. Its errors are raised by the next call that writes.
    """

    def __init__(self, path: Path, columns: Sequence[str] = ()):
        """columns: those of a table without rows."""
        self.path, self.columns, self.rows, self._written = path, columns, 0, 0
        self._examples: dict[pa.Schema, pd.DataFrame] = {}
        self._schema = pa.schema([])
        self._waiting: list[Part] = []
        self._writer: parquet.ParquetWriter | None = None
        self._thread = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None

    def add(self, repeated: Mapping[str, Any], table: pa.Table) -> None:
        """Append the rows of a table, after columns that have the same value in each of them."""
        if not table.num_rows:
            return
        if not any(map(table.schema.equals, self._examples)):  # a hash of a schema is slow
            schema = table.schema.remove_metadata()  # older versions of Arrow cannot hash one with it
            first = {name: [value] for name, value in repeated.items()}
            self._examples[schema] = pd.DataFrame(first).join(table.slice(0, 1).to_pandas())
            self._adopt(pd.concat(self._examples.values(), ignore_index=True))
        self._waiting.append((repeated, table))
        self.rows += table.num_rows
        if self.rows - self._written >= GROUP:
            self._write()

    def finish(self) -> None:
        """Write what is left, and close the file."""
        if not self.rows:
            pd.DataFrame(columns=list(self.columns)).to_parquet(str(self.path), index=False, compression=COMPRESSION)
        elif self._waiting:
            self._write()
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._thread.shutdown()
        try:
            self._wait()
        finally:
            if self._writer is not None:
                self._writer.close()

    def _adopt(self, example: pd.DataFrame) -> None:
        """Take the columns and types of an example of the concatenation."""
        schema = pa.Schema.from_pandas(example, preserve_index=False)
        for place, field in enumerate(schema):
            # the first rows have no value: any table with a type for the column knows better
            known = [own.field(field.name).type for own in self._examples if field.name in own.names]
            if pa.types.is_null(field.type) and (typed := [kind for kind in known if not pa.types.is_null(kind)]):
                schema = schema.set(place, field.with_type(typed[0]))
        if schema.equals(self._schema, check_metadata=True):
            return
        self._schema = schema
        if self._writer is not None:
            self._writer = self._written_again(self._writer)

    def _written_again(self, written: parquet.ParquetWriter) -> parquet.ParquetWriter:
        """Write what the file holds with the new columns and types."""
        self._wait()
        written.close()
        before = self.path.with_suffix(".before")
        self.path.replace(before)
        try:
            writer = self._opened()
            with parquet.ParquetFile(before) as groups:
                for number in range(groups.num_row_groups):
                    _append(writer, [({}, groups.read_row_group(number))], self._schema)
        finally:
            before.unlink()
        return writer

    def _write(self) -> None:
        """Begin to write the rows that wait, as one row group."""
        self._wait()
        self._writer = self._writer or self._opened()
        self._pending = self._thread.submit(_append, self._writer, self._waiting, self._schema)
        self._waiting, self._written = [], self.rows

    def _wait(self) -> None:
        """Wait until the last row group is written."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _opened(self) -> parquet.ParquetWriter:
        return parquet.ParquetWriter(self.path, self._schema, compression=COMPRESSION)


def _append(writer: parquet.ParquetWriter, parts: Sequence[Part], schema: pa.Schema) -> None:
    """Write parts as one row group."""
    table = pa.Table.from_arrays([_column(field, parts) for field in schema], schema=schema)
    writer.write_table(table, table.num_rows)


def _column(field: pa.Field, parts: Sequence[Part]) -> pa.Array:
    """Return a column of the concatenation of parts; it is null where a part lacks it."""
    if field.name in parts[0][0]:
        ends = np.cumsum([table.num_rows for _, table in parts], dtype=np.int32)
        values = pa.array([repeated[field.name] for repeated, _ in parts], field.type)
        return compute.run_end_decode(pa.RunEndEncodedArray.from_arrays(ends, values))
    chunks: list[pa.Array] = []
    for _, table in parts:
        known = field.name in table.schema.names
        chunks += table[field.name].chunks if known else [pa.nulls(table.num_rows, field.type)]
    # a file holds integers as they are where another table makes them floats
    return pa.concat_arrays(
        [chunk if chunk.type == field.type else chunk.cast(field.type, safe=False) for chunk in chunks]
    )


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
