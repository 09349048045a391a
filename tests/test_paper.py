"""The paper: it shows only what the pipeline makes, types no result by hand, and can be made from any results."""

import json
import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from made_up_study import made_up, store

from robustprune.analysis.figures import DRAWN, THEORY
from robustprune.analysis.tables import TABLES, write_tables

PAPER = REPOSITORY / "paper"
SECTIONS = sorted(PAPER.glob("sections/*.typ"))
SHOWS = re.compile(r'#(tab|fig)\(\s*"(\w+)"')
RESULTS = ("results", "robustness", "units", "ablations", "related")
NUMBERS = re.compile(r"#\w+\(.*?\)$|LeNet-300-100|LeNet-5|@\w+|`[^`]*`|\$[^$]*\$", re.M | re.S)
"""What may have digits in a section of results: calls, names, citations, code, formulas."""


def test_what_the_paper_shows_is_made_by_rules():
    for path in SECTIONS:
        for kind, name in SHOWS.findall(path.read_text()):
            assert name in (TABLES if kind == "tab" else DRAWN | THEORY), f"{path.name}: {name}"


@pytest.mark.parametrize("name", RESULTS)
def test_no_result_is_typed_by_hand(name):
    text = NUMBERS.sub("", (PAPER / "sections" / f"{name}.typ").read_text())
    assert not re.findall(r".*\d.*", text)


def test_every_section_is_included_and_every_source_cited_is_listed():
    main = (PAPER / "main.typ").read_text()
    assert set(re.findall(r'include "sections/(\w+)\.typ"', main)) == {path.stem for path in SECTIONS}
    text = main + "".join(path.read_text() for path in SECTIONS)
    labels = set(re.findall(r"<([\w-]+)>", text))
    cited = {name.rstrip("-") for name in re.findall(r"@([\w-]+)", text)}
    listed = set(re.findall(r"^@\w+\{(\w+),", (PAPER / "references.bib").read_text(), re.M))
    cited -= labels | {name for name in cited if name.startswith(("tab-", "fig-"))}
    assert cited == listed


def test_the_paper_is_made_from_any_results(tmp_path):
    pytest.importorskip("typst")
    source = store(tmp_path, made_up())
    write_tables(source, tmp_path / "tables", names=["claims", "sensitivity_width"])
    (tmp_path / "figures").mkdir()
    command = [sys.executable, REPOSITORY / "workflow/scripts/paper.py", "--source", source]
    command += ["--part", "study", tmp_path / "tables", tmp_path / "figures", "--output", tmp_path / "paper.pdf"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")


def test_sentences_on_the_shipped_results_stand_beside_these_alone(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "workflow" / "scripts"))
    import paper

    source = store(tmp_path, made_up())
    for name, shipped in (("own", False), ("reference", True)):
        index = json.loads((paper.stage(tmp_path / name, {}, source) / "index.json").read_text())
        assert index["shipped"] is shipped
        (source / "FINDINGS.md").touch()  # beside the shipped study
    assert sum(path.read_text().count("#found[") for path in SECTIONS) >= 10


def test_tables_have_a_form_that_the_paper_reads(tmp_path):
    source = store(tmp_path, made_up())
    write_tables(source, tmp_path / "tables", names=["sensitivity_width"])
    sheet = json.loads((tmp_path / "tables" / "sensitivity_width.json").read_text())
    for section in sheet["sections"]:
        assert all(len(row) == len(section["columns"]) for row in section["rows"])
        assert all(isinstance(value, str) for row in section["rows"] for value in row)


def test_the_paper_shows_the_studies_beside_the_study(tmp_path):
    """Their tables are cut to rows and columns, whose names the tables must have."""
    pytest.importorskip("typst")
    parts, titles = [], set()
    shown = {"mars": ["ball", "finetune"], "probes": ["certified", "gate_worth", "false_removals"]}
    shown |= {"related": ["imbalance", "label_free", "cafo_blocks"], "smallest_width": ["smallest_width"]}
    for study, names in shown.items():
        folder = tmp_path / study
        write_tables(REPOSITORY / "results" / "reference" / study, folder, names=names)
        parts += ["--part", study, folder, tmp_path]
        for name in names:
            sheet = json.loads((folder / f"{name}.json").read_text())
            titles |= {title for section in sheet["sections"] for title in section["columns"]}
    source = store(tmp_path, made_up())
    command = [sys.executable, REPOSITORY / "workflow/scripts/paper.py", "--source", source, *parts]
    done = subprocess.run([*map(str, command), "--output", str(tmp_path / "p.pdf")], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    for name in ("convergence", "related"):
        for call in re.findall(r"#tab\(.*?\n\)", (PAPER / "sections" / f"{name}.typ").read_text(), re.S):
            if "estimators" not in call:
                cols = re.search(r"cols: \((.*?)\),\n", call, re.S)
                assert set(re.findall(r'"([^"]+)"', cols[1])) <= titles if cols else True
