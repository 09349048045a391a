"""docs/how-to-methods.md, followed literally in a copy of the repository."""

import os
import re
import shlex

import pandas as pd
import pytest
from conftest import REPOSITORY
from forked import run_module
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)

import robustprune

pytestmark = pytest.mark.workflow
PAGE = (REPOSITORY / "docs" / "how-to-methods.md").read_text()
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S))
COMMANDS = [line for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
METHODS = ("concrete_gates", "norm_threshold", "l4_norm")
TARGETS = ("results/mine/tables/robustness_width.html", "results/mine/figures/kept_params_by_width.png")
STUDY = (*TARGETS, "--configfile", "config/mine.yaml")  # the page's command, with fewer tables and figures


def write(folder):
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def trained(output: str) -> dict[str, int]:
    """Planned jobs that train."""
    return {rule: count for rule, count in planned(output).items() if rule.startswith("train")}


@pytest.fixture(scope="module")
def followed(checkout):  # noqa: F811
    write(checkout)
    snakemake(checkout, *STUDY)
    return checkout


def test_the_page_begins_with_the_smallest_file_and_uses_the_public_face():
    assert list(FILES) == [*(f"plugins/methods/{name}.py" for name in METHODS), "config/mine.yaml"]
    for content in FILES.values():
        for module, names in re.findall(r"^from (robustprune\S*) import (.*)$", content, re.M):
            assert module == "robustprune"
            assert set(names.split(", ")) <= set(robustprune.__all__)
    assert len([line for line in FILES["plugins/methods/concrete_gates.py"].splitlines() if line.strip()]) <= 25


def test_the_commands_are_those_tested_here():
    check, run = COMMANDS
    assert shlex.split(check)[:3] == ["robustprune", "check-method", METHODS[0]]
    assert run == "snakemake --cores 2 --configfile config/mine.yaml"


def test_the_smallest_method_keeps_the_contract(tmp_path):
    write(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    environment.pop("ROBUSTPRUNE_PLUGINS", None)
    status, output = run_module("robustprune.cli", shlex.split(COMMANDS[0])[1:], tmp_path, environment)
    assert status == 0, output
    assert "keeps the contract" in output


def test_the_new_baselines_are_in_tables_and_figures_without_any_other_edit(followed):
    results, dense = followed / "results" / "mine", 266610
    runs = pd.read_csv(results / "runs.csv")
    assert set(runs["method"]) == {*METHODS, "dense"}
    assert set(runs["status"]) == {"ok"}
    kept = runs.set_index("method")["params_kept"]
    assert (kept[["concrete_gates", "norm_threshold"]] < dense).all()
    assert (kept["l4_norm"] <= 0.2 * dense).all()
    page = (results / "tables" / "robustness_width.html").read_text()
    figure = (results / "figures" / "kept_params_by_width.svg").read_text()
    for method in METHODS:
        assert method in page
        assert method in figure
    assert pd.read_csv(results / "missing.csv").empty


def test_editing_one_baseline_reruns_only_its_cells(followed):
    path = followed / "plugins" / "methods" / "l4_norm.py"
    before = path.read_text()
    path.write_text(before.replace("slot, 4)", "slot, 6)"))
    try:
        output = snakemake(followed, *STUDY, "--dry-run")
    finally:
        path.write_text(before)
    assert trained(output) == {"train": 1}
    assert "method=l4_norm" in output
