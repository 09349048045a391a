"""Figures of convergence: lines have the values that follow from the history."""

import itertools

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_study import made_up, store
from matplotlib import pyplot as plt
from matplotlib.text import Text

from robustprune.analysis.figures import FIGURES
from robustprune.analysis.figures.style import drawing
from robustprune.analysis.moments import before_the_rate_falls, while_gates_are_drawn
from robustprune.analysis.read import Collected, read_collected
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters

SHARE = {"units_input": (300, 100), "units_fc1": (200, 100), "units_fc2": (100, 100)}


@pytest.fixture
def collected(tmp_path):
    """Two epochs from 784-300-100 units to 100-100-100, with as many MACs per image as the epoch's number times 100."""
    runs, details, history, gates = made_up(methods=("bernoulli",))
    for name, (first, last) in SHARE.items():
        history[name] = np.where(history["epoch"] == 1, first, last)
        history[name.replace("units", "undetermined")] = np.where(history["epoch"] == 1, first // 2, 0)
    history["macs_step"] = 100 * history["epoch"]
    gates["theta"] = (5 - gates["unit"]) / 10  # the later unit leaves first
    runs["train_macs_dense"] = 3.0 * 500 * runs["macs_dense"] * runs["epochs"]  # five hundred images an epoch
    return read_collected(store(tmp_path, (runs, details, history, gates)))


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    plt.close("all")


def lines(figure, label):
    return [line for ax in figure.axes for line in ax.lines if line.get_label() == label]


def test_params_over_the_macs_of_the_epochs(collected):
    (line,) = lines(FIGURES["params_over_macs"](collected, 0.95), "starting width 1")
    # of the 11 MACs recorded (mean of three networks) the first epoch has the part of the whole network, the second
    # that of what was left after the first
    np.testing.assert_allclose(line.get_xdata(), [11 * 2000 / (2000 + 100), 11])
    network = architecture("lenet_300_100")
    expected = [
        parameters(network, {"input": first, "fc1": second, "fc2": third})
        for first, second, third in ((300, 200, 100), (100, 100, 100))
    ]
    np.testing.assert_allclose(line.get_ydata(), expected)


def test_tick_labels_of_the_macs_lie_side_by_side():
    """The shipped study: labels of minor ticks, 2 x 10^10 and 3 x 10^10, lay on each other."""
    with drawing():
        figure = FIGURES["params_over_macs"](read_collected(REPOSITORY / "results" / "reference"), 0.95)
        figure.draw_without_rendering()
        labels = [ax.get_xticklabels(which="both") for ax in figure.axes]
        shown = [[tick.get_window_extent() for tick in ticks if tick.get_text()] for ticks in labels]
    assert shown
    for extents in shown:
        boxes = sorted(extents, key=lambda box: box.x0)
        assert len(boxes) > 2
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_the_share_of_the_units_that_leave(collected):
    figure = FIGURES["when_units_leave"](collected, 0.95)
    assert " ".join(figure.axes[0].get_ylabel().split()) == "units gone (% of those that leave)"
    drawn = lines(figure, "starting width 1")
    assert len(drawn) == 2  # nothing leaves fc2
    np.testing.assert_allclose(drawn[0].get_ydata(), [0, 100 * (784 - 300) / (784 - 100), 100])
    np.testing.assert_allclose(drawn[1].get_ydata(), [0, 50, 100])


@pytest.mark.parametrize("name", ["params_over_macs", "when_units_leave"])
def test_every_strength_of_the_method_has_its_own_panel(collected, tmp_path, name):
    """A network may have several operating points, as LeNet-5 has."""
    for path in (*tmp_path.glob("*.csv"), *tmp_path.glob("*.parquet")):
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        both = pd.concat([table, table.assign(strength="b")], ignore_index=True)
        both.to_csv(path, index=False) if path.suffix == ".csv" else both.to_parquet(path)
    twice = FIGURES[name](read_collected(tmp_path), 0.95)
    once = FIGURES[name](collected, 0.95)
    assert len(lines(twice, "starting width 1")) == 2 * len(lines(once, "starting width 1"))
    text = str([part.get_text() for part in twice.findobj(Text)])
    assert "strength a" in text
    assert "strength b" in text


def test_undetermined_gates_are_a_share_of_those_left(collected):
    drawn = lines(FIGURES["undetermined_over_epochs"](collected, 0.95), "bernoulli")
    assert len(drawn) == 3
    for line in drawn:
        np.testing.assert_allclose(line.get_ydata(), [50, 0])


def test_the_heat_map_has_the_gates_that_leave_first_at_the_bottom(collected):
    figure = FIGURES["gate_heat_map"](collected, 0.95)
    assert figure.axes[0].get_ylabel() == "gates, sorted by mean"
    assert "bernoulli, strength a" in figure.subfigs[0].get_suptitle()
    for image in (image for ax in figure.axes for image in ax.images):
        means = np.asarray(image.get_array()).mean(axis=1)
        assert (np.diff(means) >= 0).all()
        assert means[0] < means[-1]


def test_histograms_add_up_to_all_gates(collected):
    figure = FIGURES["gate_histograms"](collected, 0.95)
    panels = [ax for ax in figure.axes if ax.patches]
    assert panels
    for ax in panels:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(100)


def test_networks_that_collapsed_have_no_undetermined_gates(collected):
    """Replicate 0 collapsed with all gates open: the mean is that of the other two."""
    runs, history = collected.runs.copy(), collected.history.copy()
    runs.loc[runs["replicate"] == 0, "status"] = "collapsed"
    history.loc[history["replicate"] == 0, "undetermined_fc1"] = 0
    seen = Collected(runs, lambda name, cells=None: history)
    (line,) = lines(FIGURES["undetermined_over_epochs"](seen, 0.95), "bernoulli")[1:2]
    np.testing.assert_allclose(line.get_ydata(), [50, 0])


def test_dotted_lines_say_when_the_schedule_changes(collected):
    """After the last epoch before the rate falls, and after the last whose gates are not rounded yet."""
    figure = FIGURES["undetermined_over_epochs"](collected, 0.95)
    own = collected.runs[collected.runs["method"] == "bernoulli"]
    expected = {before_the_rate_falls(own), while_gates_are_drawn(own)}
    for ax in figure.axes[:3]:
        dotted = {float(line.get_xdata()[0]) for line in ax.lines if line.get_linestyle() == ":"}
        assert dotted == expected
