"""A tar archive of trained cells, for machines that cannot make tables: each cell is followed by its digests."""

import hashlib
import io
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from robustprune.errors import StudyError
from robustprune.records.digests import file_digests
from robustprune.records.record import RECORD_NAME

DIGESTS = "SHA256SUMS"
"""The last member of each cell, as `sha256sum` writes it."""


PACKED = ".packed"
"""The file beside a record that holds its digest once any archive has had the cell."""


def check_archive(archive: Path) -> dict[str, str]:
    """Find out before hours of training whether cells can be added to an archive; return what it holds.

    That is the digest of the last record of each cell, by key. Raises StudyError for a file that `pack_cell` did not
    begin, and OSError where the system refuses.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    if not archive.exists():
        with tempfile.TemporaryFile(dir=archive.parent):
            return {}
    with archive.open("r+b") as opened:
        end, held = _whole_cells(opened)
    if end is None:
        raise StudyError(f"{archive}: not an archive of `robustprune train-many`; remove it, or name another")
    return held


def pack_once(archive: Path, key: str, folder: Path, held: dict[str, str], only_new: bool = False) -> None:
    """Append a cell to the archive, unless its record is there already: a call may be killed before it has packed.

    held: what check_archive returned; it is kept current. only_new: leave out a record that any archive has had.
    """
    mark, found = folder / PACKED, file_digests(folder, [RECORD_NAME])[RECORD_NAME]
    known = only_new and mark.exists() and mark.read_text() == found
    if held.get(key) != found and not known:
        pack_cell(archive, key, folder)
        held[key] = found
    mark.write_text(found)


def pack_cell(archive: Path, key: str, folder: Path) -> None:
    """Append the files of a cell's folder to the archive, below the cell's key, and their digests.

    A process killed meanwhile, or a full disk, leaves the cells before it whole; the next call writes over the rest.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    contents = {path.name: path.read_bytes() for path in paths}
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    check_archive(archive)
    if archive.exists():
        with archive.open("r+b") as opened:
            opened.truncate(_whole_cells(opened)[0])
            opened.seek(0, io.SEEK_END)
            opened.write(bytes(2 * tarfile.BLOCKSIZE))  # tarfile adds to an archive that has its end only
    with tarfile.open(archive, "a") as opened:
        for name, content in {**contents, DIGESTS: "".join(lines).encode()}.items():
            member = tarfile.TarInfo(f"{key}/{name}")
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))


def _whole_cells(opened: BinaryIO) -> tuple[int | None, dict[str, str]]:
    """Return where the last whole cell of an archive ends, and key -> digest of the record of these cells.

    The end is None for a file that does not begin with a cell.
    """
    size = opened.seek(0, io.SEEK_END)
    end = None if size else 0
    held: dict[str, str] = {}
    opened.seek(0)
    with suppress(tarfile.TarError), tarfile.open(fileobj=opened, mode="r:") as members:
        while (member := members.next()) is not None:
            after = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            if member.offset == 0:
                end = 0 if member.mtime == 0 else None  # members of cells have no time
            if end is None:
                break
            key, _, name = member.name.rpartition("/")
            if name == DIGESTS and after <= size:
                opened.seek(member.offset_data)
                digests = opened.read(member.size)
                if digests.endswith(b"\n"):  # space that was not written yet holds zeros
                    end, held[key] = after, _by_name(digests.decode(errors="replace")).get(RECORD_NAME, "")
    return end, held


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
    expected = _by_name(digests)
    found = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise StudyError(f"{where}: {', '.join(wrong)} differs from its digest; train the cell again")


def _by_name(digests: str) -> dict[str, str]:
    return {name: digest for digest, _, name in (line.partition("  ") for line in digests.splitlines())}
