"""Panels with one legend: a colour means the same in all of them; panels without lines have no frame."""

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_depths import networks
from made_up_depths import stored as store_depths
from made_up_study import made_up, store
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.text import Text

from robustprune.analysis.figures import DEEP, FIGURES, FINE_TUNED, PROBED
from robustprune.analysis.figures.style import drawing, label_ends, legend_below, panel_grid
from robustprune.analysis.probes.false_removals import RULE_TITLES
from robustprune.analysis.read import CELL, read_collected

PROBED_CELL = dict(
    zip(CELL, ("mnist", "lenet_300_100", "full", "bernoulli", "c", "he_normal", 1.0, "epochs"), strict=True)
)
OTHER = "fashion_mnist"


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    plt.close("all")


def colour(artist) -> str:
    return to_hex(to_rgba_array(artist.get_color())[0])


def colours_of_legend(figure) -> dict[str, str]:
    (legend,) = figure.legends
    handles = zip(legend.get_texts(), legend.legend_handles, strict=True)
    return {text.get_text(): colour(handle) for text, handle in handles}


def of_legend_everywhere(figure, panels: int) -> dict[str, str]:
    """Assert that every line has the colour of its label's entry, and every label its own; return them."""
    expected, found = colours_of_legend(figure), 0
    for ax in figure.axes:
        handles, labels = ax.get_legend_handles_labels()
        for handle, label in zip(handles, labels, strict=True):
            line = handle[0] if isinstance(handle, tuple) else handle  # an error bar has several artists
            assert colour(line) == expected[label], label
        found += bool(labels)
    assert found == panels
    assert len(set(expected.values())) == len(expected)
    return expected


def two_networks(first, second):
    """The tables of two studies, the second on another data set."""
    second = [table.assign(dataset=OTHER) for table in second]
    return tuple(pd.concat(both, ignore_index=True) for both in zip(first, second, strict=True))


def widths(*values):
    return made_up(methods=("bernoulli",), widths=values, initializations=("he_normal",))


@pytest.fixture
def several_widths(tmp_path):
    return read_collected(store(tmp_path, two_networks(widths(1.0, 4.0), widths(0.5, 4.0))))


@pytest.mark.parametrize(("name", "panels"), [("params_over_macs", 2), ("when_units_leave", 2)])
def test_a_starting_width_has_one_colour(several_widths, name, panels):
    figure = FIGURES[name](several_widths, 0.95)
    assert list(of_legend_everywhere(figure, panels)) == [f"starting width {width}" for width in ("0.5", "1", "4")]


def test_an_initialization_has_one_colour(tmp_path):
    cells = [
        networks(2, [1, 1, 2]),
        networks(4, [1, 2, 2], initialization="orthogonal"),
        networks(2, [1, 1, 2], strength="c3e_3", initialization="orthogonal"),
        networks(4, [1, 1, 2], strength="c3e_3", initialization="xavier_uniform"),
    ]
    collected = read_collected(store_depths(tmp_path, pd.concat(cells, ignore_index=True)), deep=True)
    of_legend_everywhere(DEEP["depth_kept_by_start"](collected, 0.95), panels=2)


def probed(folder, name, table):
    """The tables of the networks that were probed, and what was read of them."""
    runs, details, *long = made_up(methods=("bernoulli",), widths=(1.0,), initializations=("he_normal",))
    cells = [dict(zip(CELL, cell, strict=True)) for cell, _ in table.groupby(CELL)]
    store(folder, [pd.concat([one.assign(**cell) for cell in cells]) for one in (runs, details)] + long)
    table.to_parquet(folder / f"{name}.parquet")
    return read_collected(folder)


def test_a_variant_has_one_colour(tmp_path):
    rule, rows = next(iter(RULE_TITLES)), []
    for dataset, strengths in (("mnist", "ab"), (OTHER, "cb")):
        for strength in strengths:
            own = {**PROBED_CELL, "dataset": dataset, "strength": strength, "slot": "fc1", "rule": rule, "epoch": 2.0}
            rows += [{**own, "replicate": number, "unit": 0, "theta_end": 0.0} for number in range(3)]
    figure = PROBED["false_removals_by_rule"](probed(tmp_path, "removals", pd.DataFrame(rows)), 0.95)
    of_legend_everywhere(figure, panels=2)


def test_an_estimator_has_one_colour_and_may_miss_a_moment(tmp_path):
    """The second variant of a network is in the table only."""
    rows = []
    first, second = ("first_order", "straight_through"), ("reinforce", "first_order")
    for dataset, strength, kinds in (("mnist", "a", first), ("mnist", "c", ("exact",)), (OTHER, "b", second)):
        for kind in kinds:
            for epoch in (1.0, 2.0) if kind == "first_order" else (2.0,):
                own = {**PROBED_CELL, "dataset": dataset, "strength": strength, "estimator": kind}
                own |= {"slot": "fc1", "epoch": epoch}
                own |= {"theta": 0.5, "price": 1e-3, "deviation": 0.1, "exact_error": 0.0}
                for replicate in range(3):
                    rows += [
                        {**own, "replicate": replicate, "unit": unit, "mean": value, "exact": value}
                        for unit, value in enumerate((-3e-3, 1e-3, 2e-3))
                    ]
    figure = PROBED["estimator_quality"](probed(tmp_path, "estimates", pd.DataFrame(rows)), 0.95)
    of_legend_everywhere(figure, panels=10)
    spread = figure.axes[4]
    assert spread.get_title() == "spread of one step / c"
    assert spread.containers[0].lines[0].get_ydata().tolist() == pytest.approx([100, 100])  # 0.1 over a price of 1e-3


@pytest.mark.parametrize(
    ("name", "why"), [("undetermined_over_epochs", "no gates"), ("when_units_leave", "no unit leaves")]
)
def test_a_slot_without_lines_has_no_frame_and_says_why(tmp_path, name, why):
    """Only the middle slot has lines; it has the label of the row."""
    tables = made_up(methods=("bernoulli",))
    history = tables[2]
    history["units_input"] = 784
    history["units_fc1"] = np.where(history["epoch"] == 1, 200, 100)
    history["undetermined_fc1"] = 50
    figure = FIGURES[name](read_collected(store(tmp_path, tables)), 0.95)
    first, second, third = figure.axes
    assert [ax.axison for ax in figure.axes] == [bool(ax.lines) for ax in figure.axes] == [False, True, False]
    for ax in (first, third):
        assert [text.get_text() for text in ax.texts] == [why]
    assert [ax.get_title() for ax in figure.axes] == ["slot input", "slot fc1", "slot fc2"]
    assert second.get_ylabel()
    low, high = second.get_ylim()
    assert low < 0
    assert high > 100


@pytest.mark.parametrize("letters", [4, 20, 40])
def test_a_legend_is_not_wider_than_its_figure(letters):
    """Three columns of strengths with long names were cut at both sides."""
    with drawing():
        figure, (ax,) = panel_grid(1, 8.25, 3.0)
        for number in range(7):
            ax.plot([0, 1], label=f"{number}".rjust(letters, "e"))
        legend_below(figure, [ax], "a footnote")
        figure.draw_without_rendering()
        extent = figure.legends[0].get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1
    assert extent.width > 0.4 * figure.bbox.width


def test_no_text_is_smaller_than_eight_points():
    with drawing():
        figure, (ax,) = panel_grid(1, 5.0, 3.0)
        label_ends(ax, [(1, 1, "a method", "black")])
        legend_below(figure, [ax], "a footnote")
        sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}
    assert round(min(sizes), 1) >= 8


def test_panels_of_one_network_share_the_axis_of_errors_and_say_n():
    """The shipped networks: beside each other, pruned and dense ones had axes of their own."""
    source = read_collected(REPOSITORY / "results" / "reference" / "mars")
    figure = FINE_TUNED["finetune"](source, 0.95)
    limits = [ax.get_ylim() for ax in figure.axes]
    assert limits[0] == limits[1]
    assert limits[2] == limits[3] != limits[0]
    assert "over n = 5 networks" in figure.legends[0].get_title().get_text()
