"""docs/theory.md cites functions and tests that exist."""

import importlib
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

from robustprune.analysis.tables import TABLES

PAGE = (REPOSITORY / "docs" / "theory.md").read_text()
DERIVED, MEASURED = PAGE.split("## 8. ")
MODULES = ("hyper_prior", "vertices", "tiny_network", "one_unit", "certified")
CITED = sorted(set(re.findall(r"`([A-Za-z_.]+)`", DERIVED)))


@pytest.mark.parametrize("name", CITED)
def test_what_the_page_cites_exists(name):
    if name.startswith("test_"):
        assert any(f"def {name}(" in path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
        return
    modules = [importlib.import_module(f"robustprune.analysis.theory.{module}") for module in MODULES]
    places = [*modules, *(getattr(modules[-1], bound) for bound in ("UnitBound", "OneMatrixBound"))]
    own, *rest = name.split(".")
    found = [getattr(place, own) for place in places if hasattr(place, own)]
    assert found
    for attribute in rest:
        assert hasattr(found[0], attribute)


def test_every_statement_of_the_page_says_what_shows_it():
    sections = re.split(r"^## ", DERIVED, flags=re.M)[1:]
    assert len(sections) == 7
    assert all("*Shown" in section for section in sections)


def test_every_claim_of_the_abstract_has_a_verdict():
    rows = [line for line in PAGE.split("## 9. ")[1].splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 8
    assert all(row.split("|")[3].strip().startswith(("held", "did not hold", "undecided")) for row in rows)


def test_tables_and_probes_of_the_measured_section_exist():
    probes = REPOSITORY / "src" / "robustprune" / "experiments" / "probes"
    for table, probe in re.findall(r"\| `(\w+)` \| `(\w+\.py)` \|", MEASURED):
        assert table in TABLES
        assert (probes / probe).exists()
    assert len(re.findall(r"\| `\w+` \| `\w+\.py` \|", MEASURED)) == 4
