"""config/README.md, "Add a baseline", followed literally in a copy of the repository."""

import re

import pandas as pd
import pytest
from conftest import REPOSITORY
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)

pytestmark = pytest.mark.workflow
CONFIG = "config/mine.yaml"


def blocks() -> dict[str, str]:
    """File name -> content of the how-to's blocks."""
    text = (REPOSITORY / "config" / "README.md").read_text().split("## Add a baseline")[1]
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", text, re.M | re.S))


@pytest.fixture(scope="module")
def extended(checkout):  # noqa: F811
    for name, content in blocks().items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content)
    snakemake(checkout, "--configfile", CONFIG)
    return checkout


def test_the_how_to_has_its_paths():
    assert sorted(name.split("/")[-1] for name in blocks()) == [
        "l4_norm.py",
        "mine.yaml",
        "soft_gates.py",
    ]


def test_the_new_baselines_are_in_tables_and_figures_without_any_other_edit(extended):
    results = extended / "results" / "mine"
    runs = pd.read_csv(results / "runs.csv")
    assert set(runs["method"]) == {"soft_gates", "l4_norm", "dense"}
    assert set(runs.loc[runs["method"] == "l4_norm", "status"]) <= {"ok", "collapsed"}
    assert (runs.loc[runs["method"] == "soft_gates", "params_kept"] < 266610).all()
    assert (runs.loc[runs["method"] == "l4_norm", "params_kept"] <= 0.2 * 266610).all()
    page = (results / "tables" / "robustness_width.html").read_text()
    figure = (results / "figures" / "kept_params_by_width.svg").read_text()
    for method in ("soft_gates", "l4_norm"):
        assert method in page
        assert method in figure
    assert pd.read_csv(results / "missing.csv").empty


def test_editing_one_baseline_reruns_only_its_cells(extended):
    path = extended / "src/robustprune/methods/l4_norm.py"
    before = path.read_text()
    path.write_text(before + "\n# edited\n")
    try:
        counts = planned(snakemake(extended, "--configfile", CONFIG, "--dry-run"))
    finally:
        path.write_text(before)
    assert {name: count for name, count in counts.items() if name.startswith("train")} == {"train": 1}
