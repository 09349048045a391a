"""The house keeps its shape: imports run downward, files stay small, one method never hashes into another."""

import ast
import subprocess
import sys
from collections import Counter

import pytest
from conftest import REPOSITORY

from robustprune.records.code_hash import PACKAGE, source_files

FLOORS = [
    *(
        "__init__",
        "errors",
        "files",
        "registry",
        "study",
        "records",
        "data",
        "networks",
        "initialization",
        "methods",
        "starts",
    ),
    *("engine", "experiments", "gathering", "analysis", "page", "commands", "cli"),
]
"""Folders (and files at the top) in the order in which they may import each other: only from those before them."""


def floor_of(path) -> int:
    return FLOORS.index(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("robustprune."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downward_and_files_are_small(path):
    for name in imported(path):
        assert FLOORS.index(name) <= floor_of(path), f"{path.name}: {name}"
    assert len(path.read_text().splitlines()) <= 260


def test_a_network_is_the_same_in_every_table_and_its_sizes_are_named_once():
    """NETWORK once meant three axes here and ten columns there, and two modules had the same table of sizes."""
    found = [
        (node.targets[0].id, ast.unparse(node.value))
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    assert len({value for name, value in found if name == "NETWORK"}) == 1
    assert len([value for name, value in found if name == "SIZES" and "parameters" in value]) == 1


@pytest.mark.parametrize("folder", ["methods", "starts"])
def test_a_folder_of_plug_ins_holds_nothing_else(folder):
    """What the plug-ins are made of lies in parts/, which imports none of them."""
    for path in (PACKAGE / folder / "parts").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"robustprune.{folder}"):
                assert node.module.split(".")[2:3] == ["parts"], f"{path.name}: {node.module}"


def test_analysis_never_touches_networks_or_torch():
    for path in (PACKAGE / "analysis").rglob("*.py"):
        names = {
            node.module if isinstance(node, ast.ImportFrom) else alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not any(str(name).split(".")[0] == "torch" for name in names), path
        assert not any("stacked" in str(name) or "plain" in str(name) for name in names), path


def test_reading_results_never_loads_torch():
    """Tables and figures start in a second and do not follow edits of the engine."""
    program = "import sys, robustprune.analysis.tables, robustprune.analysis.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    assert not {"training.py", "base.py", "stacked.py"} & {
        path.name for path in source_files("robustprune.analysis.figures")
    }


def test_no_source_is_ignored_by_git():
    """A pattern such as `data/` without a leading slash would keep a source folder of that name out of a commit."""
    folders = [folder for folder in PACKAGE.rglob("*") if folder.is_dir() and folder.name != "__pycache__"]
    sources = [*PACKAGE.rglob("*.py"), PACKAGE / "data" / "new.py"]
    paths = [str(path.relative_to(REPOSITORY)) for path in [*folders, *sources]]
    done = subprocess.run(["git", "check-ignore", *paths], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1, f"ignored: {done.stdout or done.stderr}"


def test_rules_are_thin():
    for path in (REPOSITORY / "workflow").glob("*/*.smk"):
        assert len(path.read_text().splitlines()) <= 120, path.name


def test_files_of_tests_have_names_of_their_own():
    """pytest imports them without their folders, so it refuses to run two of one name."""
    counts = Counter(path.name for path in (REPOSITORY / "tests").rglob("*.py") if path.name != "__init__.py")
    assert not [name for name, count in counts.items() if count > 1]
