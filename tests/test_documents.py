"""README and guides: links resolve, commands exist, and the numbers are those of the shipped results."""

import re
import subprocess

import pytest
from conftest import REPOSITORY

from robustprune.cli import build_parser

README = REPOSITORY / "README.md"
REFERENCE = REPOSITORY / "results" / "reference"
LISTED = ["git", "ls-files", "-co", "--exclude-standard"]
NAMES = subprocess.run(LISTED, cwd=REPOSITORY, capture_output=True, text=True).stdout.splitlines()
FILES = [REPOSITORY / name for name in NAMES if (REPOSITORY / name).is_file()]
DOCUMENTS = [path for path in FILES if path.suffix == ".md"]
COMMANDS = next(action for action in build_parser()._actions if action.dest == "command").choices
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
by_path = {"ids": lambda path: str(path.relative_to(REPOSITORY))}


def linked(path):
    """The files of the repository that a document shows or links."""
    found = [target for target in LINK.findall(path.read_text()) if "://" not in target]
    return [(path.parent / target).resolve() for target in found]


@pytest.mark.parametrize("path", DOCUMENTS, **by_path)
def test_links_commands_and_files_exist(path):
    text = path.read_text()
    for target in linked(path):
        assert target.is_dir() or target in FILES, f"{target} is not in the repository"
    for command in re.findall(r"robustprune ([a-z]+)\b(?! is)", text):
        assert command in COMMANDS or command in {"study", "import"}, command
    for target in re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.M):
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.M), target
    made_by_the_reader = re.findall(r"^`([\w./]+)`:\n\n```", text, re.M)
    for file in re.findall(r"config/\w+\.yaml", text):
        assert (REPOSITORY / file).exists() or file in made_by_the_reader, file


def test_cited_pages_exist():
    """Docstrings, comments, rules and schemas cite a page by its path from the top of the repository."""
    own = {"tests/test_documents.py"}
    missing = [
        f"{name}: {cited}"
        for name in NAMES
        if name.endswith((".py", ".json", ".smk", ".yaml", "Snakefile", "Makefile")) and name not in own
        for cited in re.findall(r"[\w./-]*\w\.md\b", (REPOSITORY / name).read_text())
        if REPOSITORY / cited not in DOCUMENTS
    ]
    assert not missing, "\n".join(["no such page:", *missing])


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in (".md", ".yaml", ".smk", "")], **by_path)
def test_no_command_reads_its_target_as_a_configuration(path):
    """--configfile takes all names that follow it: a target stands before it, or behind another option or `--`."""
    for line in path.read_text().splitlines():
        assert not re.search(r"snakemake.* --configfile[ =][^\s`]+[ \t]+[\w{<$]", line), line


def test_generated_files_are_tracked_only_where_documents_show_them():
    """Pictures and pages are made by `make report-reference` and `make scaling`; tables are tracked as CSV."""
    shown = {target for path in DOCUMENTS for target in linked(path)}
    folders = (REPOSITORY / "figures", REPOSITORY / "benchmarks")
    made = [p for p in FILES if folders[0] in p.parents or (folders[1] in p.parents and p.suffix not in (".py", ".md"))]
    assert {path.suffix for path in made} <= {".png", ".svg", ".csv"}
    for path in made:
        tables = path.suffix == ".csv" and folders[0] in path.parents
        assert path in shown or tables, f"{path.relative_to(REPOSITORY)}: no document shows it"
    assert {path for path in shown if path.suffix in (".png", ".svg")} <= set(made)


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


def test_estimates_in_documents_are_by_the_shipped_times(findings, monkeypatch):
    """Not by benchmarks/latest.json, which `make bench` replaces on every machine."""
    read, read_timings = [], findings.read_timings
    monkeypatch.setattr(findings, "read_timings", lambda path: read.append(path) or read_timings(path))
    findings.progress()
    assert read == [REFERENCE / "bench.json"]
