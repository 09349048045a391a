"""The public face: every name resolves, is typed, and is loaded only when it is used."""

import ast
import subprocess
import sys

import pytest
from conftest import REPOSITORY

import robustprune
from robustprune import StudyError

STUB = REPOSITORY / "src" / "robustprune" / "__init__.pyi"


@pytest.mark.parametrize("arguments", [["-c", "import robustprune"], ["-m", "robustprune.cli", "--help"]])
def test_importing_it_and_asking_for_help_load_neither_torch_nor_pandas(arguments):
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "robustprune" in loaded or "robustprune.cli" in loaded
    assert not {"torch", "pandas", "torchvision", "snakemake"} & loaded


def test_every_name_resolves():
    for name in robustprune.__all__:
        assert getattr(robustprune, name) is not None
    assert dir(robustprune) == sorted(robustprune.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = robustprune.nothing


def test_from_import_star_gives_all_names():
    given: dict = {}
    exec("from robustprune import *", given)
    assert set(robustprune.__all__) <= set(given)


def test_type_checkers_see_the_same_names_from_the_same_homes():
    homes, renamed = {}, {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            homes |= {alias.name: node.module for alias in node.names}
        if isinstance(node, ast.Assign):
            renamed[node.targets[0].id] = node.value.id
    seen = {name: module for name, module in homes.items() if name not in renamed.values()}
    assert seen | {name: homes[at_home] for name, at_home in renamed.items()} == robustprune.HOMES
    assert set(renamed.items()) == set(robustprune.NAMES_AT_HOME)
    assert (STUB.parent / "py.typed").exists()


def test_what_plug_ins_and_programs_need_is_there():
    from robustprune import Criterion, Method, Settings, load_dataset
    from robustprune.study.strict import Strict

    assert Settings is Strict
    assert issubclass(Criterion, Method)
    assert load_dataset.__module__ == "robustprune.data.datasets"


def test_a_study_of_depths_is_not_read_as_an_empty_one():
    reference = REPOSITORY / "results" / "reference"
    with pytest.raises(StudyError, match=r"layers: of 242 networks each has a depth; pass deep=True"):
        robustprune.read_results(reference / "layers")
    results = robustprune.read_results(reference / "layers", deep=True)
    assert isinstance(results, robustprune.Collected)
    assert len(results.runs) == 242
    assert (results.history["depth"] >= 0).all()
    assert len(results.history)
    with pytest.raises(StudyError, match=r"mars: of 390 networks none has a depth; leave deep=True out"):
        robustprune.read_results(reference / "mars", deep=True)


def test_results_are_read_as_tables():
    results = robustprune.read_results(REPOSITORY / "results" / "reference")
    assert len(results.runs) > 100
    assert {"epoch", "train_loss"} <= set(results.history.columns)
