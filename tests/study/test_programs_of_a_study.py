"""The key `foreign`: names, knob and range of programs, and what a list of names stands for."""

import pytest

from robustprune.errors import StudyError
from robustprune.study.config import StudyConfig, validate_study
from robustprune.study.find import find_cell
from robustprune.study.needed import search_of
from robustprune.study.search import sweep_values

KNOB = {"knob": "lambda", "range": [1e-5, 1e-1]}


def study(foreign, settings=None) -> StudyConfig:
    strengths = {"mine": {"a": {"lambda": 1e-3} if settings is None else settings}}
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"mine": ["a"]}}
    return validate_study({"strengths": strengths, "study": [grid], "foreign": foreign}, "my.yaml")


def test_a_program_has_a_knob_or_writes_its_record_itself():
    assert study({"mine": KNOB}).foreign["mine"].range == (1e-5, 1e-1)
    assert study({"mine": {}}).foreign["mine"] is not None
    assert study(["mine"]).foreign == study({"mine": None}).foreign == {"mine": None}
    for foreign in ({"mine": KNOB}, {"mine": {}}, ["mine"]):
        saved = study(foreign).model_dump(mode="json")
        assert validate_study(saved, "saved.yaml") == study(foreign)


@pytest.mark.parametrize("name", ["", "../../evil", "a/b", "Mine", "1st", "a-b", "a b"])
def test_a_name_that_is_no_folder_is_refused(name):
    for foreign in ([name], {name: KNOB}, {name: None}):
        with pytest.raises(StudyError, match=r"my.yaml: foreign: name .*expected a small letter"):
            study(foreign)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"knob": "lambda"}, "foreign.mine: give knob and range together"),
        ({"range": [1, 2]}, "foreign.mine: give knob and range together"),
        ({**KNOB, "knob": ""}, "foreign.mine.knob"),
        ({**KNOB, "range": [1e-1, 1e-5]}, "foreign.mine: range: expected [smallest, largest], both above 0"),
        ({**KNOB, "range": [0, 1]}, "both above 0"),
        ({**KNOB, "range": [1, float("inf")]}, "range.1: Input should be a finite number"),
        ({**KNOB, "range": [float("nan"), 1]}, "range.0: Input should be a finite number"),
        ({**KNOB, "range": [1]}, "foreign.mine.range"),
        ({"knobb": "lambda"}, "foreign.mine: unknown key 'knobb'; did you mean 'knob'"),
    ],
)
def test_wrong_entries_are_named(entry, message):
    with pytest.raises(StudyError) as caught:
        study({"mine": entry})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "strengths.mine.a: the knob 'lambda' is not set"),
        ({"lamda": 1e-3}, "the knob 'lambda' is not set; did you mean 'lamda'"),
        ({"lambda": "1e-3"}, "strengths.mine.a.lambda: expected a number such as 1.0e-3 (for YAML 1e-3 is text)"),
        ({"lambda": float("nan")}, "expected a number"),
        ({"lambda": True}, "expected a number"),
        ({"lambda": 0.2}, "strengths.mine.a.lambda: expected 1e-05 to 0.1 (foreign.mine.range), found 0.2"),
        ({"lambda": 1e-6}, "expected 1e-05 to 0.1 (foreign.mine.range), found 1e-06"),
    ],
)
def test_every_strength_sets_the_knob_within_its_range(settings, message):
    with pytest.raises(StudyError) as caught:
        study({"mine": KNOB}, settings)
    assert message in str(caught.value)


def searched(foreign, methods=None, **values) -> StudyConfig:
    network = {"dataset": "digits", "architecture": "lenet_300_100"}
    search = {**network, "methods": methods or {"mine": ["lambda"]}, "targets": {"at_size": {"params": 9000}}}
    grid = {**network, "methods": {"mine": ["at_size"]}}
    return validate_study({"search": [search], "study": [grid], "foreign": foreign, **values}, "my.yaml")


def test_a_program_with_a_knob_is_searched():
    study = searched({"mine": KNOB})
    assert sweep_values(study.knobs["mine"]["lambda"], 3) == [1e-5, 1e-3, 1e-1]
    key = "digits/lenet_300_100-full/mine/lambda_1e_3/he_normal/width-1"
    cell = find_cell(search_of(study, "there"), key)
    assert (cell.settings, cell.training.images, cell.first_replicate) == ({"lambda": 1e-3}, "tuning", 100)
    assert validate_study(study.model_dump(mode="json"), "saved.yaml") == study


def test_the_form_of_a_program_may_have_more_settings():
    knobs = {"mine": {"fast": {**KNOB, "settings": {"rate": 0.1}}}}
    study = searched({"mine": KNOB}, {"mine": ["fast"]}, knobs=knobs)
    assert study.knobs["mine"]["fast"].settings == {"rate": 0.1}


@pytest.mark.parametrize("foreign", [{"mine": {}}, {"mine": None}, ["mine"]])
def test_a_program_without_a_knob_is_not_searched(foreign):
    with pytest.raises(StudyError, match=r"my.yaml: foreign.mine: the search needs knob and range"):
        searched(foreign)
