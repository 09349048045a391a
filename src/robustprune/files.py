"""Atomic writes: a file is written as a whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Call write(temporary path), then rename it to `path`; a killed process leaves the old file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table atomically, as CSV or Parquet according to the suffix."""
    if path.suffix == ".csv":
        write_atomically(path, lambda temporary: table.to_csv(temporary, index=False))
    else:
        write_atomically(path, lambda temporary: table.to_parquet(temporary, index=False, compression="zstd"))
