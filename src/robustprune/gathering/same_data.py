"""Which data a cell trains on, as a parameter of its job: a changed digest trains it again, a changed time stamp does
not."""

import json
from functools import cache
from pathlib import Path

from robustprune.data.datasets import content_digest, prepared_path
from robustprune.gathering.shared import reader_of
from robustprune.study.data_settings import DataSettings

State = tuple[int, int] | None
"""The state of a file: time of its last change in nanoseconds, and size; None without a file."""


def data_digest(name: str, settings: DataSettings, record: Path) -> str:
    """Return the digest of a data set; where it is not prepared (any more), that of the record, "" without a record.

    So a study whose data were deleted has nothing to do. Files are read again only where their states have changed:
    Snakemake asks for every cell.
    """
    files = [prepared_path(name, settings), *reader_of(name).files()]
    return _content(name, settings, tuple(map(_state, files))) or _recorded(record)


@cache
def _content(name: str, settings: DataSettings, states: tuple[State, ...]) -> str:
    """Return the digest of a data set, once for each state of its files."""
    return content_digest(name, settings)


def _state(path: Path) -> State:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _recorded(path: Path) -> str:
    try:
        return json.loads(path.read_bytes())["provenance"]["data_digest"] or ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
