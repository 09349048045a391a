"""Archives of cells: whole cells come back, damaged ones are named."""

import pytest

from robustprune.errors import StudyError
from robustprune.records.packing import pack_cell, unpack_cells

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
