"""Digests: of the content of record.json, of the files beside it, and of collected tables."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from robustprune.errors import StudyError
from robustprune.files import read_text, write_text

TABLES_NAME = "digests.json"
"""The file beside collected tables that holds their digests."""
OWN = "digest"
"""The key of record.json that holds the digest of all other keys."""


def content_digest(values: Mapping[str, Any]) -> str:
    """Return the digest of JSON values, whatever their order and layout; the key `digest` is left out."""
    own = {name: value for name, value in values.items() if name != OWN}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def file_digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return name -> digest of files in a folder."""
    digests = {}
    for name in names:
        with (folder / name).open("rb") as opened:
            digests[name] = hashlib.file_digest(opened, "sha256").hexdigest()
    return digests


def check_files(folder: Path, digests: Mapping[str, str], mend: str) -> None:
    """Raise StudyError naming the first file that is missing or differs from its digest. mend: how to make it again."""
    for name, expected in digests.items():
        try:
            found = file_digests(folder, [name])[name]
        except OSError as error:
            raise StudyError(f"{folder / name}: missing or damaged ({error.strerror}); {mend}") from None
        if found != expected:
            raise StudyError(f"{folder / name}: damaged or of another run (it differs from its digest); {mend}")


def write_table_digests(folder: Path, names: Iterable[str]) -> None:
    """Write the digests of collected tables beside them."""
    text = json.dumps(file_digests(folder, names), indent=1) + "\n"
    write_text(folder / TABLES_NAME, text)


def check_tables(folder: Path, names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise StudyError naming a table that differs from its digest; tables of older versions have no digests.

    others: further tables, whose digests older versions may lack.
    """
    path = folder / TABLES_NAME
    if not path.exists():
        return
    mend = "make the tables again with `robustprune collect`"
    try:
        digests = json.loads(read_text(path))
        wanted = {name: digests[name] for name in names}
        wanted |= {name: digests[name] for name in others if name in digests}
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: not digests of the tables ({error!r}); {mend}") from None
    check_files(folder, wanted, mend)
