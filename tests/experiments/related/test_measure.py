"""From a study's results to the tables of the related systems, by the commands that the rules run."""

import pandas as pd
import pytest
import yaml

from robustprune.analysis.tables import TABLES
from robustprune.cli import main
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study
from robustprune.study.related import RELATED_TABLES, pruned_cells

STUDY = {
    "results": "runs",
    "related": True,
    "training": {"epochs": 2, "batch_size": 64},
    "strengths": {
        "bernoulli": {"c": {"price": 1e-3}},
        "magnitude": {"keep_20": {"target": 0.2}},
        "cafo": {"keep_20": {"target": 0.2, "images": 200, "events": 2}},
        "dense": {"dense": {}},
        "ticket": {"of_magnitude": {"of": "magnitude/keep_20"}},
    },
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {
                "bernoulli": ["c"],
                "magnitude": ["keep_20"],
                "cafo": ["keep_20"],
                "dense": ["dense"],
                "ticket": ["of_magnitude"],
            },
            "widths": [0.2, 1],
            "replicates": 3,
        }
    ],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The root of a finished study with its configuration, collected and measured."""
    folder = tmp_path_factory.mktemp("related")
    root, config = folder / "results", folder / "study.yaml"
    values = STUDY | {"root": str(root), "data": {"directory": str(folder / "data")}}
    config.write_text(yaml.safe_dump(values))
    assert main(["prepare", "digits", "--directory", str(folder / "data")]) == 0
    cells = study_cells(load_study(config))
    for key in sorted(cells, key=lambda key: "ticket" in key):
        assert main(["train", "--config", str(config), "--cell", key]) == 0
    assert main(["collect", "--config", str(config)]) == 0
    assert main(["related", "--config", str(config)]) == 0
    return root, config, cells


def test_networks_that_were_not_pruned_from_their_own_weights_are_left_out(study):
    root, _, cells = study
    assert {cell.method for cell in pruned_cells(cells, ()).values()} == {"bernoulli", "magnitude", "cafo"}
    assert {cell.method for cell in pruned_cells(cells, {"magnitude": None}).values()} == {"bernoulli", "cafo"}
    deep = {key: cell.model_copy(update={"depth": 2}) for key, cell in cells.items()}
    assert not pruned_cells(deep, ())
    assert set(pd.read_parquet(root / "imbalance.parquet")["method"]) == {"bernoulli", "magnitude", "cafo"}


def test_every_table_is_made_and_has_rows(study, tmp_path, capsys):
    root, _, _ = study
    shown = [name for name in RELATED_TABLES if name in TABLES]
    assert set(RELATED_TABLES) - set(shown) == {"moved"}  # the tables of balls read it
    assert len(pd.read_parquet(root / "moved.parquet"))
    assert main(["tables", "--source", str(root), "--output", str(tmp_path), "--names", *shown]) == 0
    assert "could not be made" not in capsys.readouterr().err
    for name in shown:
        assert len(pd.read_csv(tmp_path / f"{name}.csv")), name
        assert "<td>" in (tmp_path / f"{name}.html").read_text()


def test_partial_results_are_measured_as_far_as_they_go(study, tmp_path, capsys):
    root, config, cells = study
    key = next(key for key in cells if "magnitude" in key)
    path = root / "runs" / key / "networks.safetensors"
    moved = path.rename(tmp_path / path.name)
    try:
        assert main(["related", "--config", str(config), "--output", str(tmp_path)]) == 2
        assert str(path) in capsys.readouterr().err
        partial = tmp_path / "partial.yaml"
        values = yaml.safe_load(config.read_text()) | {"results": "partial"}
        partial.write_text(yaml.safe_dump(values))
        assert main(["related", "--config", str(partial), "--output", str(tmp_path)]) == 0
    finally:
        moved.rename(path)
    assert len(pd.read_parquet(tmp_path / "imbalance.parquet")) < len(pd.read_parquet(root / "imbalance.parquet"))
