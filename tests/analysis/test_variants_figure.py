"""The figure of variants shows the numbers of their table."""

import pandas as pd
import pytest
from test_variants import study

from robustprune.analysis.figures.variants import variants_difference
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.read import Collected
from robustprune.analysis.variants import ALL, variants


def collected(runs) -> Collected:
    return Collected(runs, lambda name, cells=None: pd.DataFrame())


@pytest.fixture
def runs():
    return study(shift=0.3).assign(
        training='{"epochs": 40, "decay_at": 0.75}', budget="macs", train_macs=20.0, train_macs_dense=100.0
    )


def test_points_are_those_of_the_table(runs):
    figure = variants_difference(collected(runs), 0.95)
    difference, _, macs = figure.axes
    table = variants(runs, 0.95).table.query("variant == 'slow'")
    open_points = difference.lines[1 + 1]  # the line at zero, then the method's row without points
    single = table[table["strength"] != ALL]
    assert open_points.get_xdata().tolist() == pytest.approx(single["difference"].tolist())
    pooled = difference.containers[0]
    assert pooled.lines[0].get_xdata()[0] == pytest.approx(0.3, abs=1e-9)
    assert [text.get_text() for text in difference.get_yticklabels()] == ["the method", "slow"]
    assert macs.lines[0].get_xdata()[0] == pytest.approx(20)
    assert difference.get_title(loc="left") == heading_of_budget("mnist", "lenet_300_100", "full", "macs")


@pytest.mark.parametrize(("shift", "scale"), [(0.3, "linear"), (8.0, "symlog")])
def test_a_variant_that_errs_far_more_does_not_flatten_the_others(runs, shift, scale):
    worse = runs["variant"] != ""
    runs = runs.assign(error_valid_percent=runs["error_valid_percent"] + worse * (shift - 0.3))
    ax = variants_difference(collected(runs), 0.95).axes[0]
    assert ax.get_xscale() == scale
    low, high = ax.get_xlim()
    assert low < 0 < shift < high


def test_a_variant_has_a_line_for_each_form_that_it_is_compared_with(runs):
    """Two forms of the method: the comparisons were two equal points on one line."""
    forms = [
        runs[runs["variant"] == ""].assign(strength=lambda rows, form=form: form + rows["strength"].str[1:])
        for form in ("one_1e_", "sep_1e_")
    ]
    both = pd.concat([*forms, runs[runs["variant"] != ""]], ignore_index=True)
    figure = variants_difference(collected(both), 0.95)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["the method", "slow, against one", "slow, against sep"]


def test_without_variants_the_figure_says_so(runs):
    figure = variants_difference(collected(runs[runs["variant"] == ""]), 0.95)
    assert "no method ran in variants" in figure.axes[0].texts[0].get_text()
