"""A tar archive of trained cells, for machines that cannot make tables: each cell is followed by its digests."""

import hashlib
import io
import tarfile
from pathlib import Path

from robustprune.errors import StudyError

DIGESTS = "SHA256SUMS"
"""The last member of each cell, as `sha256sum` writes it."""


def pack_cell(archive: Path, key: str, folder: Path) -> None:
    """Append the files of a cell's folder to the archive, below the cell's key, and their digests.

    A process killed meanwhile leaves the cells before it whole.
    """
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "a") as opened:
        for name, content in {**contents, DIGESTS: "".join(lines).encode()}.items():
            member = tarfile.TarInfo(f"{key}/{name}")
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))


def unpack_cells(archive: Path, folder: Path) -> list[str]:
    """Write the cells of an archive below `folder`; return their keys. A cell without its digests is left out.

    Raises StudyError for a file that is no archive and for content that differs from its digest, naming both.
    """
    pending: dict[str, dict[str, bytes]] = {}
    keys = []
    for path, content in _members(archive):
        key, _, name = path.rpartition("/")
        if name != DIGESTS:
            pending.setdefault(key, {})[name] = content
            continue
        files = pending.pop(key, {})
        _compare(f"{archive}: {key}", files, content.decode())
        target = folder / key
        if not target.resolve().is_relative_to(folder.resolve()):
            raise StudyError(f"{archive}: {key} lies outside the folder of cells; expected a file of train-many")
        target.mkdir(parents=True, exist_ok=True)
        for member, value in files.items():
            (target / member).write_bytes(value)
        keys.append(key)
    return keys


def _members(archive: Path) -> list[tuple[str, bytes]]:
    """Return path and content of the members; an archive cut short gives those before the cut."""
    members: list[tuple[str, bytes]] = []
    try:
        with tarfile.open(archive) as opened:
            while (member := opened.next()) is not None:
                content = opened.extractfile(member)
                members.append((member.name, content.read() if content else b""))
    except (tarfile.TarError, OSError) as error:
        if not members:
            raise StudyError(f"{archive}: not an archive of `robustprune train-many` ({error})") from None
    return members


def _compare(where: str, files: dict[str, bytes], digests: str) -> None:
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in digests.splitlines())}
    found = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise StudyError(f"{where}: {', '.join(wrong)} differs from its digest; train the cell again")
