"""The files beside a record: each is read once, for its digest and for its rows."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from robustprune.records.digests import check_files

AGAIN = "run the cell again"


class CellFiles:
    """The files in a cell's folder; those that were checked stay in memory."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._contents: dict[str, bytes] = {}

    def check(self, digests: Mapping[str, str]) -> None:
        """Read the files that have a digest; raises StudyError as check_files does."""
        for name, expected in digests.items():
            with suppress(OSError):
                self._contents[name] = (self.folder / name).read_bytes()
            if name not in self._contents or hashlib.sha256(self._contents[name]).hexdigest() != expected:
                check_files(self.folder, {name: expected}, AGAIN)  # says what is wrong

    def has(self, name: str) -> bool:
        """Return whether there is a file of that name."""
        return name in self._contents or (self.folder / name).exists()

    def content(self, name: str) -> bytes:
        """Return the bytes of a file; raises OSError where it cannot be read."""
        return self._contents[name] if name in self._contents else (self.folder / name).read_bytes()
