"""Figures: looks that cannot be mistaken, what is cut is marked, nothing is drawn from files that are not shown."""

import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_study import made_up, store
from matplotlib import pyplot as plt

from robustprune.analysis.figures import FIGURES, caption, draw_figure
from robustprune.analysis.figures.looks import BLUE, CONTROLS, FAMILIES, LOOKS, REFERENCES, Looks
from robustprune.analysis.figures.style import (
    drawing,
    legend_below,
    mark_cut_bars,
    panel_grid,
    save,
    titled_rows,
)
from robustprune.analysis.read import read_collected
from robustprune.cli import main
from robustprune.errors import StudyError

METHODS = {**REFERENCES} | {name: own for family in FAMILIES.values() for name, own in family.items()}
DEFAULT_STUDY = ("bernoulli", "dense", "magnitude", "taylor", "random", "group_lasso", "l0_hc", "generalized_dropout")
DEFAULT_STUDY += ("vib",)
NUMBERS = re.compile(r"-?\d+\.\d+")


@pytest.fixture
def collected(tmp_path):
    return read_collected(store(tmp_path, made_up()))


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    plt.close("all")


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_no_two_methods_share_a_colour_nor_neighbours_a_marker():
    assert len({colour for colour, _ in METHODS.values()}) == len(METHODS)
    assert len(set(LOOKS.values())) == len(LOOKS)
    panels = [[*REFERENCES, *family] for family in FAMILIES.values()]
    for panel in [*panels, [*CONTROLS, "width_uniform"], DEFAULT_STUDY]:
        markers = [LOOKS[name][1] for name in panel]
        assert len(set(markers)) == len(markers), panel


def test_blue_and_the_circle_are_the_methods_alone_whatever_is_new():
    """A hash of the name gave "pruner_12" and others the blue circle."""
    new = [f"pruner_{number}" for number in range(60)]
    looks = Looks([*METHODS, *new])
    drawn = {name: looks(name) for name in [*METHODS, *new]}
    for name, look in drawn.items():
        assert name == "bernoulli" or (look["color"] != BLUE and look["marker"] not in ("o", "X")) or name == "dense"
    pairs = [(look["color"], look["marker"]) for look in drawn.values()]
    assert len(set(pairs)) == len(pairs)


def test_few_new_methods_have_unused_colours_and_the_same_every_time():
    looks = Looks(["somebodys_own", "bernoulli", "another", "dense", "magnitude"])
    colours = {looks(name)["color"] for name in ("somebodys_own", "bernoulli", "another", "dense", "magnitude")}
    assert len(colours) == 5
    again = Looks(["dense", "another", "magnitude", "bernoulli", "somebodys_own"])
    assert again("another") == looks("another")


def test_points_of_sizes_lie_at_their_width(collected):
    """C10: beside it, dense seemed to lie above the line of the starting network."""
    figure = FIGURES["kept_params_by_width"](collected, 0.95)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    for container in figure.axes[0].containers:
        np.testing.assert_array_equal(container.lines[0].get_xdata(), [1.0, 2.0])
    np.testing.assert_array_equal(lines["starting network"].get_xdata(), [1.0, 2.0])


def test_only_files_that_a_figure_shows_are_needed(tmp_path):
    store(tmp_path, made_up())
    (tmp_path / "history.parquet").unlink()
    (tmp_path / "gates.parquet").unlink()
    assert draw_figure("error_by_width", tmp_path, tmp_path / "figures")
    with pytest.raises(StudyError, match=r"history.parquet: no such file"):
        draw_figure("units_over_epochs", tmp_path, tmp_path / "figures")


def test_methods_can_be_chosen(tmp_path, capsys):
    store(tmp_path, made_up(methods=("bernoulli", "dense", "vib")))
    figure = FIGURES["error_by_width"](read_collected(tmp_path).of_methods(["vib", "dense"]), 0.95)
    assert {drawn.get_label() for drawn in figure.axes[0].containers} == {"vib", "dense"}
    command = ["figure", "error_by_width", "--source", str(tmp_path), "--output", str(tmp_path)]
    assert main([*command, "--methods", "vib,dense"]) == 0
    assert main([*command, "--methods", "vib,dens"]) == 2
    assert "no method 'dens' in these runs; did you mean 'dense'?" in capsys.readouterr().err


def test_a_users_matplotlibrc_changes_nothing(tmp_path):
    """Nothing else differs between two drawings either: all three files are equal."""
    store(tmp_path, made_up())
    own = [path.read_bytes() for path in draw_figure("overview", tmp_path, tmp_path / "own")]
    theirs = {"savefig.transparent": True, "figure.figsize": (1, 1), "font.size": 40, "axes.facecolor": "red"}
    with matplotlib.rc_context(theirs):
        changed = [path.read_bytes() for path in draw_figure("overview", tmp_path, tmp_path / "theirs")]
        assert matplotlib.rcParams["font.size"] == 40
    assert changed == own


def test_a_bar_that_leaves_the_axes_has_an_arrow_at_the_edge(tmp_path):
    with drawing():
        figure, ax = plt.subplots()
        ax.errorbar([1, 2, 3, 4], [1, 1, 1, 9], yerr=[0.2, 3, 0.2, 0.5])
        ax.errorbar([2.5], [0.5], xerr=[5])
        ax.set(xlim=(0, 5), ylim=(0, 2))
        assert mark_cut_bars(figure) == 4
    arrows = {(line.get_marker(), *map(float, line.get_xydata()[0])) for line in ax.lines[2:]}
    assert {("v", 2.0, 0.0), ("^", 2.0, 2.0), ("<", 0.0, 0.5), (">", 5.0, 0.5)} <= arrows
    with drawing():
        save(figure, tmp_path, "cut")
    assert "arrows: bars that continue beyond the axes" in texts(figure)


def test_gates_have_their_own_names_and_none_is_cut(tmp_path):
    """vib's gates are means: they rise above 1 and fall below 0."""
    tables = made_up(methods=("vib", "bernoulli"), widths=(1.0,), initializations=("he_normal",))
    gates = tables[3]
    vib = gates.assign(method="vib", theta=np.resize([1.0, 3.1, -0.2], len(gates)))
    store(tmp_path, (*tables[:3], pd.concat([gates, vib])))
    figure = FIGURES["gate_trajectories"](read_collected(tmp_path), 0.95)
    labels = {ax.get_ylabel(): ax for ax in figure.axes if ax.get_ylabel()}
    assert list(labels) == [r"keep probability $\theta$", r"mean gate $\mu$"]
    low, high = labels[r"mean gate $\mu$"].get_ylim()
    assert (low < -0.2, high > 3.1) == (True, True)
    low, high = labels[r"keep probability $\theta$"].get_ylim()
    assert (round(low, 2), round(high, 2)) == (-0.03, 1.03)


def test_trajectories_show_every_method_before_a_second_strength_and_say_what_is_left_out(tmp_path):
    tables = made_up(methods=("vib", "bernoulli"), widths=(1.0,), initializations=("he_normal",))
    runs, details, history, gates = tables
    gates = gates[gates["unit"] < 3]
    own = [(f"kappa_{index}", "vib") for index in range(13)] + [("c", "bernoulli")]
    store(
        tmp_path,
        (
            *(pd.concat([runs.iloc[:1].assign(strength=key, method=name) for key, name in own]),),
            *(pd.concat([details.iloc[:1].assign(strength=key, method=name) for key, name in own]),),
            history.iloc[:0],
            pd.concat([gates.assign(strength=key, method=name) for key, name in own]),
        ),
    )
    figure = FIGURES["gate_trajectories"](read_collected(tmp_path), 0.95)
    titles = [part.get_suptitle() for part in figure.subfigs]
    assert len(titles) == 12
    assert ["bernoulli" in title for title in titles] == [False, True] + [False] * 10
    assert "2 rows are left out" in texts(figure)


def test_the_overview_has_no_panel_of_what_was_not_varied(tmp_path):
    tables = made_up(widths=(1.0,), initializations=("he_normal",))
    figure = FIGURES["overview"](read_collected(store(tmp_path, tables)), 0.95)
    titles = [ax.get_title("left") for ax in figure.axes if ax.get_title("left")]
    assert titles == ["a  error against size"]
    assert len(figure.axes) == 1


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_to_draw_says_why_without_a_frame(tmp_path, name):
    empty = [table.iloc[:0] for table in made_up()]
    figure = FIGURES[name](read_collected(store(tmp_path, empty)), 0.95)
    assert [ax.axison for ax in figure.axes] == [False]
    assert "no " in texts(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_caption(name):
    assert caption(name).endswith(".")
    assert "\n" not in caption(name)


def test_legends_of_the_tradeoff_are_narrower_than_their_panels():
    """The shipped study: legends of four columns met each other and left half of the width to the panels."""
    with drawing():
        figure = FIGURES["error_by_params"](read_collected(REPOSITORY / "results" / "reference"), 0.95)
        figure.canvas.draw()
        panels = [ax for ax in figure.axes if ax.axison]
        widths = [(ax.get_legend().get_window_extent().width, ax.get_window_extent().width) for ax in panels]
    assert len(widths) > 1  # a panel for every family of methods
    assert all(legend <= panel for legend, panel in widths)


@pytest.mark.parametrize("count", [2, 24])
def test_a_legend_of_many_rows_takes_no_room_from_the_panels(count):
    """From eighteen methods on it left none, and the layout gave up."""
    with drawing():
        figure, (ax,) = panel_grid(1, 5.0, 4.4)
        before = ax.bbox.height
        for number in range(count):
            ax.plot([0, 1], label=f"method {number}")
        legend_below(figure, [ax], "a footnote")
        figure.draw_without_rendering()
    assert ax.bbox.height == pytest.approx(before, rel=0.2)


def test_a_title_over_one_panel_is_not_cut():
    with drawing():
        figure, _ = titled_rows(["LeNet-300-100 on Fashion-MNIST, track full: a_strength"], 1)
        figure.draw_without_rendering()
        (title,) = (text for text in figure.findobj(matplotlib.text.Text) if "LeNet" in text.get_text())
    assert title.get_window_extent().x1 < figure.bbox.x1


def test_a_long_footnote_is_broken_where_the_figure_ends():
    """The footnote of one panel was cut at both sides."""
    with drawing():
        figure, (ax,) = panel_grid(1, 5.0, 3.0)
        ax.plot([0, 1], label="a method")
        legend_below(figure, [ax], "mean over seeds, bars: intervals of the logarithm (three networks or more); " * 3)
        figure.canvas.draw()
        extent = figure.legends[0].get_title().get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1


def test_every_file_of_a_figure_has_its_layout(tmp_path):
    """The file that is written last is that of a figure with a layout of its own, but for rounding: nothing is cut."""

    def made():
        figure, (ax,) = panel_grid(1, 4.0, 3.0)
        ax.errorbar([1, 20, 300], [2, 3, 4000], yerr=[1, 1, 1], label="a method")
        ax.set_xscale("log")
        ax.set_title("A title")
        legend_below(figure, [ax], "a footnote")
        return figure

    with drawing():
        written, alone = save(made(), tmp_path, "own"), tmp_path / "alone.svg"
        made().savefig(alone, metadata={"Date": None})
        shown, expected = ([float(x) for x in NUMBERS.findall(path.read_text())] for path in (written[-1], alone))
    assert written[-1].suffix == ".svg"
    assert shown == pytest.approx(expected, abs=1.0)
