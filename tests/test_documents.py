"""README and guides: links resolve, commands exist, and the numbers are those of the shipped results."""

import itertools
import re
import subprocess
import textwrap

import pytest
from conftest import REPOSITORY
from pydantic import BaseModel

import robustprune
from robustprune.cli import build_parser
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.starts.parts.registry import find_start, start_names
from robustprune.study.cells import study_cells
from robustprune.study.config import StudyConfig, load_study

README = REPOSITORY / "README.md"
REFERENCE = REPOSITORY / "results" / "reference"
FIRST_STUDY = REPOSITORY / "results" / "first_study"  # kept as it was written
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
    for command in re.findall(r"(?<!from )robustprune ([a-z]+)\b(?! is)", text):
        assert command in COMMANDS or command in {"study"}, command
    for target in re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.M):
        assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.M), target
    made_by_the_reader = re.findall(r"^`([\w./]+)`:\n\n```", text, re.M)
    for file in re.findall(r"config/\w+\.yaml", text):
        assert (REPOSITORY / file).exists() or file in made_by_the_reader, file


def test_cited_pages_exist():
    """Docstrings, comments, rules and schemas cite a page by its path from the top of the repository."""
    # the links of the pages that the last two become are tested as those of every page
    own = {"tests/test_documents.py", "workflow/scripts/reference_pages.py", "docs/tutorial/tutorial.py"}
    missing = [
        f"{name}: {cited}"
        for name in NAMES
        if name.endswith((".py", ".json", ".smk", ".yaml", "Snakefile", "Makefile")) and name not in own
        for cited in re.findall(r"(?<![\w./-])(?<!/ \")[\w./-]*\w\.md\b", (REPOSITORY / name).read_text())
        if REPOSITORY / cited not in DOCUMENTS
    ]
    assert not missing, "\n".join(["no such page:", *missing])


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in (".md", ".yaml", ".smk", "")], **by_path)
def test_no_command_reads_its_target_as_a_configuration(path):
    """--configfile takes all names that follow it: a target stands before it, or behind another option or `--`."""
    for line in path.read_text().splitlines():
        assert not re.search(r"snakemake.* --configfile[ =][^\s`]+[ \t]+[\w{<$]", line), line


def test_generated_files_are_tracked_only_where_documents_show_them():
    """Pictures and pages are made by the targets report-reference, scaling and tutorial; tables are tracked as CSV."""
    shown = {target for path in DOCUMENTS for target in linked(path)}
    folders = [REPOSITORY / name for name in ("figures", "benchmarks", "docs/tutorial")]
    held = [path for path in FILES if set(folders) & set(path.parents)]
    made = [path for path in held if folders[0] in path.parents or path.suffix not in (".py", ".md")]
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


def test_pages_of_reference_say_what_the_source_says(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "workflow" / "scripts"))
    import reference_pages as reference

    for name, made in reference.PAGES.items():
        assert (reference.FOLDER / name).read_text() == made(), f"{name} is not what the source says: make reference"
    assert {path.name for path in reference.FOLDER.iterdir()} == set(reference.PAGES)
    assert all(f"\n## {command}\n" in reference.cli() for command in COMMANDS)
    assert all(f"\n### {name}\n" in reference.api() for name in robustprune.HOMES)
    assert "\n`read_results(folder, *, deep=False)`\n" in reference.api()


def test_an_edited_number_is_replaced_and_nothing_else(findings):
    text = "before\n<!-- progress:begin -->\n999 cells\n<!-- progress:end -->\nafter <!-- cost:begin -->\n"
    filled = findings.filled(text)
    assert filled == text.replace("999 cells", findings.progress.progress())


def test_estimates_in_documents_are_by_the_shipped_times(findings, monkeypatch):
    """Not by benchmarks/latest.json, which `make bench` replaces on every machine."""
    read, read_timings = [], findings.configurations.read_timings
    monkeypatch.setattr(findings.configurations, "read_timings", lambda path: read.append(path) or read_timings(path))
    findings.configurations.core_hours(REPOSITORY / "config" / "quick.yaml")
    assert read == [REFERENCE / "bench.json"]


PROSE = re.compile(r"^(?!\||    |#|!?\[[^]]*\]\(|<!--).+", re.M)


def prose(text):
    """Lines of running text: no code, tables, headings, pictures or lines that are one link, and no marked blocks."""
    text = re.sub(r"<!-- ([a-z-]+):begin -->.*?<!-- \1:end -->", "", text, flags=re.S)
    return PROSE.findall(re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.parent != FIRST_STUDY], **by_path)
def test_lines_of_prose_have_at_most_120_characters(path):
    assert not [line for line in prose(path.read_text()) if len(line) > 120]


NOT_RESULTS = re.compile(
    r"`[^`]*`|\]\([^)]*\)|arXiv \d+\.\d+|LeNet-300-100|LeNet-5|Python 3\.\d+|28 x 28|10 classes|95 % intervals"
    r"|about [\d.]+ GB|[\d.]+ GB|\d+ to \d+ minutes"
)
"""What may have digits outside marked blocks: names, limits, sizes and time of the installation."""


def test_readme_is_short():
    text = README.read_text()
    assert len(text.splitlines()) <= 100
    assert "<!-- headline:begin -->" in text


@pytest.mark.parametrize("path", [README, REFERENCE / "FINDINGS.md"], **by_path)
def test_no_result_is_typed_by_hand(path):
    typed = [line for line in prose(path.read_text()) if re.search(r"\d", NOT_RESULTS.sub("", line))]
    assert not typed, "\n".join(["numbers belong into a marked block:", *typed])


def test_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    code = textwrap.dedent(re.search(r"^## Ten lines of Python\n\n(.*?)^\S", README.read_text(), re.M | re.S)[1])
    assert len(code.split("\n\n", 1)[1].strip().splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    units, params, error = capsys.readouterr().out.splitlines()[0].split()
    assert units.count("-") == 2
    assert int(params) < 266610
    assert float(error) < 50


def test_the_network_that_the_readme_exports_is_made_by_quick():
    folders = re.findall(r"results/quick/runs/(\S+)", README.read_text())
    assert folders
    assert set(folders) <= set(study_cells(load_study(REPOSITORY / "config" / "quick.yaml")))


def test_readme_says_what_is_downloaded_and_how_to_download_less():
    start = README.read_text().split("## Start")[1].split("\n## ")[0]
    for named in ("3 GB", "0.4 GB", "--extra-index-url"):
        assert named in start


def settings():
    """Every model of the configuration and of the methods' and starts' settings."""
    found = [StudyConfig]
    found += [find_method(name).Settings for name in method_names()]
    found += [find_start(name).Settings for name in start_names()]
    for model in found:
        kinds = [field.annotation for field in model.model_fields.values()]
        for kind in kinds:
            kinds += getattr(kind, "__args__", ())
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
                found.append(kind)
    return found


@pytest.mark.parametrize("model", settings(), ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_every_setting_is_named_and_described(model):
    """In a row of a table of config/README.md, or (the fields of an operating point) in the text of one."""
    text = (REPOSITORY / "config" / "README.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    named = [row if row[0] == "`operating_points`" else row[:2] for row in rows if row[-1]]
    described = set(re.findall(r"`(\w+)`", " ".join(itertools.chain(*named))))
    for name, field in model.model_fields.items():
        assert f"`{name}`" in text, f"{name} is not in config/README.md"
        assert name in described or field.description, f"{name} has no description"
