"""What the study asked for becomes columns of details.csv."""

import pandas as pd
import pytest
from made_up_study import stored

from robustprune.engine.jobs import unfinished_replicates
from robustprune.errors import StudyError
from robustprune.gathering import merging
from robustprune.gathering.asked import asked_columns
from robustprune.gathering.collection import collect
from robustprune.gathering.merging import merge
from robustprune.study.cells import asked_of_cells, study_cells
from robustprune.study.config import validate_study

NETWORK = {"dataset": "digits", "architecture": "lenet_300_100"}


def study(root, **values):
    """`a` is the operating point, asked for from width 1; from width 2 it is asked for by its name."""
    point = {**NETWORK, "track": "full", "method": "bernoulli", "strength": "a", "bound_percent": 2.0}
    grids = [
        {**NETWORK, "methods": {"bernoulli": ["operating_point", "b"]}, "replicates": 1},
        {**NETWORK, "methods": {"bernoulli": ["a"]}, "widths": [2], "replicates": 1},
        {**NETWORK, "methods": {"ticket": ["of_a"]}, "replicates": 1},
    ]
    strengths = {"bernoulli": {"a": {"price": 1e-3}, "b": {"price": 1e-2, "prior": "fixed"}}}
    strengths["ticket"] = {"of_a": {"of": "bernoulli/a"}}
    values = {"root": str(root), "strengths": strengths, "operating_points": [point], "study": grids, **values}
    return validate_study(values, "test")


def test_only_cells_asked_for_as_operating_point_are_marked(tmp_path):
    asked = asked_of_cells(study(tmp_path))
    points = {key: how.point for key, how in asked.items() if how.point}
    assert points == {"digits/lenet_300_100-full/bernoulli/a/he_normal/width-1": "operating_point"}
    assert list(asked) == list(study_cells(study(tmp_path)))


def test_collection_writes_what_was_asked_for_cells_that_failed_too(tmp_path):
    config = study(tmp_path)
    for cell in study_cells(config).values():
        path = tmp_path / "runs" / cell.key / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text("{}")  # not a record: the cell's networks count as failed
        assert unfinished_replicates(cell, "failed", "x")
    collect(config, tmp_path)
    runs = pd.read_csv(tmp_path / "runs.csv")
    marked = runs.loc[runs["operating_point"] == "operating_point", "key"]
    assert marked.tolist() == [key for key, how in asked_of_cells(config).items() if how.point]
    details = pd.read_csv(tmp_path / "details.csv").set_index(["method", "strength", "width"])
    assert details["operating_point"].to_dict() == {
        ("bernoulli", "a", 1.0): True,
        ("bernoulli", "b", 1.0): False,
        ("bernoulli", "a", 2.0): False,
        ("ticket", "of_a", 1.0): False,
    }
    assert details["variant"].dropna().to_dict() == {("bernoulli", "b", 1.0): "fixed prior"}
    assert details["start_of"].dropna().to_dict() == {("ticket", "of_a", 1.0): "bernoulli/a"}


def test_a_strength_of_the_search_is_of_the_variant_of_its_form(tmp_path):
    """The search's own cells are at strengths that nobody named a variant of: its curves would mix both forms."""
    knob = {"knob": "price", "range": [1e-5, 1e-1]}
    knobs = {"bernoulli": {"c": knob, "c_sgd": {**knob, "training": {"optimizer": "sgd"}, "variant": "sgd"}}}
    strengths = {"bernoulli": {name: {"price": 1e-3} for name in ("c_1e_3", "c_sgd_1e_3", "own")}}
    grid = {**NETWORK, "methods": {"bernoulli": list(strengths["bernoulli"])}, "replicates": 1}
    config = study(tmp_path, strengths=strengths, operating_points=[], knobs=knobs, study=[grid])
    for cell in study_cells(config).values():
        path = tmp_path / "runs" / cell.key / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    collect(config, tmp_path)
    details = pd.read_csv(tmp_path / "details.csv", keep_default_na=False).set_index("strength")
    assert details["variant"].to_dict() == {"c_1e_3": "", "c_sgd_1e_3": "sgd", "own": ""}


def test_a_setting_that_is_no_name_is_no_start():
    assert asked_columns({"of": 3}, operating_point=True) == {"operating_point": True, "start_of": None, "variant": ""}


def test_tables_of_an_older_version_are_not_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "check_sizes", lambda runs, path: None)  # the made-up study has other sizes
    first, second = stored(tmp_path / "first", ("bernoulli",)), stored(tmp_path / "second", ("dense",))
    details = pd.read_csv(first / "details.csv")
    details.drop(columns="operating_point").to_csv(first / "details.csv", index=False)
    with pytest.raises(StudyError, match=r"first/details.csv: no column operating_point .*robustprune collect"):
        merge([first, second], tmp_path / "both")
