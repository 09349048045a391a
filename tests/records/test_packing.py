"""Archives of cells: whole cells come back, damaged ones are named."""

import tarfile

import pytest

from robustprune.errors import StudyError
from robustprune.records.packing import check_archive, pack_cell, pack_once, unpack_cells

KEYS = ("digits/a/one", "digits/a/two")


@pytest.fixture
def archive(tmp_path):
    for key in KEYS:
        folder = tmp_path / "made" / key
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(f"{key} " * 400)
        (folder / "history.csv").write_text("epoch\n1\n")
        pack_cell(tmp_path / "cells.tar", key, folder)
    return tmp_path / "cells.tar"


def test_cells_come_back_as_they_were(archive, tmp_path):
    assert unpack_cells(archive, tmp_path / "back") == list(KEYS)
    for key in KEYS:
        back, made = tmp_path / "back" / key, tmp_path / "made" / key
        assert sorted(path.name for path in back.iterdir()) == ["history.csv", "record.json"]
        assert (back / "record.json").read_bytes() == (made / "record.json").read_bytes()


def test_an_archive_cut_short_gives_the_whole_cells_before_the_cut(archive, tmp_path):
    content = archive.read_bytes()
    archive.write_bytes(content[: content.index(KEYS[1].encode()) + 600])
    assert unpack_cells(archive, tmp_path / "back") == [KEYS[0]]


def test_changed_content_is_named(archive, tmp_path):
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"digits/a/two digits", b"digits/b/two digits"))
    with pytest.raises(StudyError, match=r"cells.tar: digits/a/two: record.json differs from its digest"):
        unpack_cells(archive, tmp_path / "back")


def test_a_file_that_is_no_archive_is_named(tmp_path):
    (tmp_path / "cells.tar").write_text("no archive")
    with pytest.raises(StudyError, match=r"cells.tar: not an archive"):
        unpack_cells(tmp_path / "cells.tar", tmp_path)


def test_no_file_is_written_outside_the_folder(tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    (made / "record.json").write_text("{}")
    pack_cell(tmp_path / "cells.tar", "../evil", made)
    with pytest.raises(StudyError, match="outside"):
        unpack_cells(tmp_path / "cells.tar", tmp_path / "back")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("rest", [b"", bytes(20_000)], ids=["cut", "zeros"])
def test_an_archive_that_a_kill_or_a_full_disk_cut_goes_on(archive, tmp_path, rest):
    """What was written of a cell is followed by nothing, or by the zeros that ended the archive before."""
    content = archive.read_bytes()
    found = set()
    for end in range(512, len(content), 300):
        archive.write_bytes(content[:end] + rest)
        pack_cell(archive, "digits/a/three", tmp_path / "made" / KEYS[0])
        found.add(tuple(unpack_cells(archive, tmp_path / "back")))
    assert found == {(*KEYS[:number], "digits/a/three") for number in range(3)}


def test_an_empty_file_becomes_an_archive(tmp_path, archive):
    (tmp_path / "empty.tar").touch()
    pack_cell(tmp_path / "empty.tar", KEYS[0], tmp_path / "made" / KEYS[0])
    assert unpack_cells(tmp_path / "empty.tar", tmp_path / "back") == [KEYS[0]]


def test_nothing_is_added_to_an_archive_of_something_else(tmp_path, archive):
    with tarfile.open(tmp_path / "other.tar", "w") as opened:
        opened.add(tmp_path / "made")
    before = (tmp_path / "other.tar").read_bytes()
    for call in (check_archive, lambda path: pack_cell(path, KEYS[0], tmp_path / "made" / KEYS[0])):
        with pytest.raises(StudyError, match=r"other.tar: not an archive"):
            call(tmp_path / "other.tar")
    assert (tmp_path / "other.tar").read_bytes() == before


@pytest.mark.parametrize("only_new", [False, True])
def test_a_cell_is_packed_once_for_each_record(tmp_path, archive, only_new):
    """Also the one of a call that was killed before it had packed; what a killed write left is no part of it."""
    folder, other = tmp_path / "made" / KEYS[0], tmp_path / "other.tar"
    (folder / ".record.json.x.json").write_text("{")
    for _ in range(2):
        pack_once(other, KEYS[0], folder, check_archive(other), only_new)
    assert unpack_cells(other, tmp_path / "back") == [KEYS[0]]
    assert sorted(path.name for path in (tmp_path / "back" / KEYS[0]).iterdir()) == ["history.csv", "record.json"]
    (folder / "record.json").write_text("of a second training")
    held = check_archive(other)
    for _ in range(2):
        pack_once(other, KEYS[0], folder, held, only_new)
    assert unpack_cells(other, tmp_path / "back") == [KEYS[0], KEYS[0]]


@pytest.mark.parametrize(("only_new", "packed"), [(False, [KEYS[0]]), (True, [])])
def test_another_archive_gets_a_packed_cell_too_unless_only_new_ones_are_asked_for(tmp_path, only_new, packed):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "record.json").write_text("{}")
    for name in ("one.tar", "two.tar"):
        pack_once(tmp_path / name, KEYS[0], folder, check_archive(tmp_path / name), only_new)
    assert unpack_cells(tmp_path / "one.tar", tmp_path / "back") == [KEYS[0]]
    assert list(check_archive(tmp_path / "two.tar")) == packed


def test_a_cell_that_was_cut_is_not_held(archive, tmp_path):
    assert list(check_archive(archive)) == list(KEYS)
    content = archive.read_bytes()
    archive.write_bytes(content[: content.rindex(b"digits/a/two/SHA256SUMS") + 520] + bytes(9000))
    assert list(check_archive(archive)) == [KEYS[0]]


def test_the_folder_of_a_new_archive_is_tried_first(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        check_archive(tmp_path / "file" / "cells.tar")
    check_archive(tmp_path / "new" / "cells.tar")
    assert list((tmp_path / "new").iterdir()) == []
