"""What thousands of cells share is looked up once, and is as strict as a look at each."""

import pytest

from robustprune.errors import StudyError
from robustprune.gathering.shared import valid_settings
from robustprune.starts.parts.registry import check_cell


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("bernoulli", {"price": -1.0}),
        ("bernoulli", {"price": 1e-3, "prize": 1e-3}),
        ("bernoulli", {"price": {"fc1": 1e-3}}),
        ("random", {"target": 0.3, "units": {"fc1": 10}}),
        ("magnitude", {"target_params": 300_000}),
        ("ticket", {"of": 3}),
    ],
)
def test_other_settings_of_a_known_method_are_checked(make_cell, method, settings):
    valid = make_cell(method, settings={"of": "dense/dense"}) if method == "ticket" else make_cell(method)
    wrong = make_cell(method, settings=settings)
    assert valid_settings(valid) == check_cell(valid)
    with pytest.raises(StudyError) as expected:
        check_cell(wrong)
    for _ in range(2):
        with pytest.raises(StudyError) as found:
            valid_settings(wrong)
        assert str(found.value) == str(expected.value)


def test_other_settings_that_are_valid(make_cell):
    for price in (1e-3, 2e-3):
        cell = make_cell(settings={"price": price})
        assert valid_settings(cell) == check_cell(cell)
        assert valid_settings(cell).price == price
