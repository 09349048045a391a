"""A grid of one data set at the operating points of another: the strengths move unchanged."""

import pytest

from robustprune.errors import StudyError
from robustprune.study.cells import study_cells
from robustprune.study.config import validate_study
from robustprune.study.needed import needed_search
from robustprune.study.strengths import resolve

LENET = {"architecture": "lenet_300_100"}
VALUES = {
    "knobs": {"magnitude": {"keep": {"knob": "target", "range": [0.02, 0.6]}}},
    "search": [
        LENET | {"dataset": "mnist", "methods": {"magnitude": ["keep"]}, "targets": {"at_size": {"params": 26000}}}
    ],
    "study": [LENET | {"dataset": dataset, "methods": {"magnitude": ["at_size"]}} for dataset in ("mnist", "digits")],
}
POINT = LENET | {
    **{"dataset": "mnist", "track": "full", "method": "magnitude", "strength": "keep_1p76e_1", "target": "at_size"},
    **{"form": "keep", "settings": {"target": 0.176}},
}


def study(points_of="mnist", **changes):
    values = VALUES | changes
    moved = values["study"][1] | ({} if points_of is None else {"points_of": points_of})
    return validate_study(values | {"study": [values["study"][0], moved]}, "test")


def test_the_point_of_another_data_set_is_taken_unchanged():
    config = study(operating_points=[POINT])
    cells = study_cells(config)
    assert {key: cell.settings for key, cell in cells.items()} == {
        f"{dataset}/lenet_300_100-full/magnitude/keep_1p76e_1/he_normal/width-1": {"target": 0.176}
        for dataset in ("mnist", "digits")
    }
    found = [resolve(config, grid, "magnitude", "at_size", "test") for grid in config.grids]
    assert [strength.point for strength in found] == ["at_size", "at_size"]
    assert [strength.params for strength in found] == [26000, None]  # the size was a target of the first only


def test_the_search_of_the_other_data_set_is_needed():
    config = study()
    moved_alone = config.model_copy(update={"study": config.study[1:]})
    assert needed_search(moved_alone) == config.search


def test_without_points_of_another_data_set_has_no_point():
    with pytest.raises(StudyError, match=r"study\.1\.methods: 'magnitude' has no entry under strengths"):
        study(points_of=None)


def test_a_data_set_that_is_not_searched_is_refused():
    with pytest.raises(StudyError, match=r"study\.1\.methods"):
        study(points_of="kmnist")
