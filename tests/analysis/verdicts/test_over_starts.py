"""Comparisons over widths and initializations from collected runs."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_study import made_up

from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, UNDECIDED, YES, equivalent
from robustprune.analysis.verdicts.equal_size import MARGIN as NOT_WORSE
from robustprune.analysis.verdicts.over_starts import (
    ERROR_MARGIN,
    SIZE_MARGIN,
    SIZE_MARGINS,
    SLOT_MARGIN,
    over_initializations,
    over_widths,
    sized_by_itself,
)

WIDTHS = (0.5, 1.0, 2.0, 8.0)


def runs_of(method, **axes):
    return made_up(methods=(method,), **axes)[0]


def test_sizes_errors_and_every_slot_are_compared_with_width_one():
    """dense keeps 1000 x width + replicate params here, and the same units and errors at every width."""
    runs = runs_of("dense", widths=WIDTHS)
    found = over_widths(runs)
    keys = [(one.what, one.start) for one in found]
    whats = ("params", "error", "input", "fc1", "fc2")
    assert keys == [(what, f"width {width:g}") for what in whats for width in (0.5, 2, 8)]
    values = {key: one.effect.value for key, one in zip(keys, found, strict=True)}
    assert values["params", "width 8"] == pytest.approx(np.log(8), abs=0.001)
    assert values["params", "width 0.5"] == pytest.approx(np.log(0.5), abs=0.001)
    assert values["fc1", "width 8"] == pytest.approx(0)
    margins = {one.what: one.margin for one in found}
    assert margins == pytest.approx(
        {"params": np.log(1.1), "error": 0.15, **dict.fromkeys(("input", "fc1", "fc2"), np.log(1.15))}
    )
    assert {one.start for one in over_widths(runs, least=1.0)} == {"width 2", "width 8"}
    assert equivalent(found).answer == NO


def test_the_architecture_has_its_margin_and_the_standard_initialization_its_say():
    runs = runs_of("bernoulli", widths=(1.0, 2.0)).assign(architecture="lenet5", units_kept="5-10-60-20")
    runs.loc[runs["initialization"] == "orthogonal", "params_kept"] *= 5
    found = over_widths(runs)
    assert found[0].margin == pytest.approx(np.log(1.25))
    assert equivalent([one for one in found if one.what == "params"]).answer == YES
    assert [one.what for one in found[2:]] == ["conv1", "conv2", "flat", "fc1"]
    assert equivalent(over_widths(runs[runs["width"] == 1])).answer == NOT_APPLICABLE
    assert over_widths(runs[runs["width"] == 2]) == []


def test_a_network_without_numbers_leaves_it_undecided():
    runs = runs_of("bernoulli", widths=(1.0, 2.0))
    more = runs.assign(replicate=runs["replicate"] + 3)
    lost = (more["width"] == 1) & (more["replicate"] == 3)
    more.loc[lost, ["params_kept", "error_test_percent", "units_kept"]] = [np.nan, np.nan, None]
    for together, unknown in ((runs, 0), (pd.concat([runs, more]), 1)):
        sizes = [one for one in over_widths(together) if one.what == "params"]
        assert [one.unknown for one in sizes] == [unknown]
        assert equivalent(sizes).answer == (UNDECIDED if unknown else YES)


def test_initializations_are_compared_with_their_mean_at_width_one():
    runs = runs_of("bernoulli", widths=(1.0, 2.0), initializations=("he_normal", "orthogonal", "fuse"))
    runs.loc[runs["width"] == 2, "params_kept"] = 1
    runs.loc[runs["initialization"] == "fuse", "params_kept"] *= 2
    found = [one for one in over_initializations(runs) if one.what == "params"]
    assert [one.start for one in found] == ["he_normal", "orthogonal", "fuse"]
    third = np.log(2) / 3
    assert [one.effect.value for one in found] == pytest.approx([-third, -third, 2 * third])
    assert equivalent(found).answer == NO
    assert over_initializations(runs[runs["initialization"] == "fuse"]) == []


def test_the_protocol_states_the_margins_of_the_code():
    part = re.sub(r"\s+", " ", (REPOSITORY / "docs" / "protocol.md").read_text().split("## Part B")[1])
    assert "Written on 2026-11-27, before the runs of the core study" in part
    assert f"size {100 * SIZE_MARGIN:g} % on LeNet-300-100, {100 * SIZE_MARGINS['lenet5']:g} % on LeNet-5" in part
    assert f"every slot {100 * SLOT_MARGIN:g} %; test error {ERROR_MARGIN:g} points" in part
    assert f"margin {NOT_WORSE:g} points at equal size" in part


@pytest.mark.parametrize(
    ("method", "settings", "itself"),
    [
        ("bernoulli", '{"price": 0.001}', True),
        ("random", '{"target": 0.1, "target_params": null, "units": null}', True),
        ("random", '{"target": null, "target_params": 26000, "units": null}', False),
        ("random", '{"target": null, "units": {"input": 150, "fc1": 90, "fc2": 40}}', False),
        ("dense", "{}", False),
    ],
)
def test_a_method_whose_params_or_units_are_given_does_not_size_itself(method, settings, itself):
    """A share of the start is no size: what is kept follows the start."""
    assert sized_by_itself(runs_of(method).assign(settings=settings)) is itself
