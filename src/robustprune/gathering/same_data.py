"""Which data a cell trains on, as a parameter of its job: a changed digest trains it again, a changed time stamp does
not."""

import json
from pathlib import Path

from robustprune.data.datasets import content_digest
from robustprune.study.config import DataSettings


def data_digest(name: str, settings: DataSettings, record: Path) -> str:
    """Return the digest of a data set; where it is not prepared (any more), that of the record, "" without a record.

    So a study whose data were deleted has nothing to do.
    """
    return content_digest(name, settings) or _recorded(record)


def _recorded(path: Path) -> str:
    try:
        return json.loads(path.read_bytes())["provenance"]["data_digest"] or ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
