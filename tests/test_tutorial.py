"""The tutorial runs, and its page is what its script says."""

import re

import matplotlib.pyplot as plt
import pytest
from conftest import REPOSITORY

FOLDER = REPOSITORY / "docs" / "tutorial"
SMALL = {"EPOCHS, REPLICATES = 40, 3": "EPOCHS, REPLICATES = 2, 1"}


@pytest.fixture
def tutorial(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "workflow" / "scripts"))
    import tutorial

    return tutorial


def test_it_runs_and_its_page_has_its_text_and_code(tutorial, tmp_path, monkeypatch):
    """On two epochs of one network; what it prints of its own training differs then, all else is compared."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "reference").symlink_to(REPOSITORY / "results" / "reference")
    monkeypatch.chdir(tmp_path)
    source = (FOLDER / "tutorial.py").read_text()
    for usual, small in SMALL.items():
        assert source.count(usual) == 1
        source = source.replace(usual, small)
    page = tutorial.rendered(source)
    plt.close("all")
    committed = (FOLDER / "tutorial.md").read_text()
    for usual, small in SMALL.items():
        page = page.replace(small, usual)
    printed = re.compile(r"```text\n(.*?)```", re.S)
    assert printed.sub("", page) == printed.sub("", committed), "make tutorial"
    assert printed.findall(page)[:2] == printed.findall(committed)[:2]
    pictures = set(tutorial.PICTURE.findall(committed))
    assert pictures == {path.name for path in FOLDER.glob("*.png")}
    for name in pictures:
        assert plt.imread(tmp_path / "results" / "tutorial" / name).std() > 0.05
