"""README and guides: links resolve, commands exist, and the numbers are those of the shipped results."""

import re

import pytest
from conftest import REPOSITORY

from robustprune.cli import build_parser

README = REPOSITORY / "README.md"
REFERENCE = REPOSITORY / "results" / "reference"
DOCUMENTS = [README, REPOSITORY / "config" / "README.md", REFERENCE / "README.md", REFERENCE / "FINDINGS.md"]
COMMANDS = next(action for action in build_parser()._actions if action.dest == "command").choices


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_commands_and_files_exist(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    for command in re.findall(r"robustprune ([a-z]+)\b(?! is)", text):
        assert command in COMMANDS or command in {"study"}, command
    for target in re.findall(r"(?<![a-z])make ([a-z][a-z-]*)", text):
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.M), target
    made_by_the_reader = re.findall(r"^`([\w./]+)`:\n\n```", text, re.M)
    for file in re.findall(r"config/\w+\.yaml", text):
        assert (REPOSITORY / file).exists() or file in made_by_the_reader, file


@pytest.fixture
def findings(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "workflow" / "scripts"))
    import findings

    return findings


def test_documents_show_the_shipped_results(findings):
    marked = []
    for path in findings.DOCUMENTS:
        text = path.read_text()
        marked += [found["name"] for found in findings.MARKED.finditer(text)]
        assert findings.filled(text) == text, f"{path.name} is not what the results say: make findings"
    assert set(marked) == set(findings.BLOCKS)


def test_an_edited_number_is_replaced_and_nothing_else(findings):
    text = "before\n<!-- progress:begin -->\n999 cells\n<!-- progress:end -->\nafter <!-- cost:begin -->\n"
    filled = findings.filled(text)
    assert filled == text.replace("999 cells", findings.progress())
