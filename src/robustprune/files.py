"""Files: read with their names in every error, written as a whole or not at all."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError

from robustprune.errors import StudyError


def read_text(path: Path) -> str:
    """Read UTF-8 text, whatever the locale; raises StudyError naming the file for other bytes, and OSError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: not UTF-8 text (byte {error.start}); store it as UTF-8") from None


@contextmanager
def reading(path: Path, mend: str) -> Iterator[None]:
    """Turn every error of a library that reads `path` inside the block into a StudyError that names it.

    mend: what to do. A missing file stays FileNotFoundError.
    """
    try:
        yield
    except (StudyError, FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # libraries raise a great many types for damaged files
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:200] or type(error).__name__
        raise StudyError(f"{path}: cannot be read ({reason}); {mend}") from None


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path and rename it to `path` at the end of the block.

    A block that raises and a process that is killed leave the old file or none. Raises OSError naming the file or
    folder where the system refuses.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.parent / f".{path.name}.{secrets.token_hex(4)}{path.suffix}"
        made.touch(exist_ok=False)
        temporary, mode = made, made.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # as the umask has it; safetensors makes a file anew, for its owner only
        temporary.replace(path)
    except OSError as error:
        named = error.filename and not Path(error.filename).name.startswith(f".{path.name}.")
        raise OSError(error.errno, error.strerror or str(error), error.filename if named else str(path)) from error
    except SafetensorError as error:  # what its writer raises where the disk is full
        raise OSError(None, str(error), str(path)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Call write(temporary path), then rename it to `path`, as `written_atomically` does."""
    with written_atomically(path) as temporary:
        write(temporary)


def write_text(path: Path, text: str) -> None:
    """Write text atomically as UTF-8, whatever the locale, with the line ends that it has."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline=""))


def write_table(table: pd.DataFrame, path: Path, digits: int | None = None) -> None:
    """Write a table atomically, as CSV (with the same line ends on every system) or Parquet according to the suffix.

    digits: significant digits of numbers in a CSV; without, as many as tell them from any other.
    """
    if path.suffix == ".csv":
        form = None if digits is None else f"%.{digits}g"
        write_atomically(path, partial(table.to_csv, index=False, lineterminator="\n", float_format=form))
    else:
        write_atomically(path, lambda temporary: table.to_parquet(temporary, index=False, compression="zstd"))
