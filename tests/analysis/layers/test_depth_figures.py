"""Figures of networks with sections, from made-up networks with known answers."""

import itertools

import numpy as np
import pandas as pd
import pytest
from made_up_depths import networks, stored
from matplotlib import pyplot as plt

from robustprune.analysis.figures import DEEP, draw_figure
from robustprune.analysis.figures.depth import NO_SECTION
from robustprune.analysis.read import read_collected, read_kind


def cost(nu, r):
    return {"cost": "complexity", "nu": nu, "r": r}


@pytest.fixture
def folder(tmp_path):
    joint = {"track": "joint"}
    cells = [
        networks(2, [1, 1, 2]),
        networks(4, [1, 2, 2]),
        networks(8, [1, 1, 1]),
        networks(4, [3, 1, 1], initialization="orthogonal"),
        networks(4, [4, 4, 4], method="dense", strength="dense", settings={}),
        networks(4, [1, 1, 1], method="taylor", strength="one", settings={"target_params": 99610}),
        networks(4, [3, 3, 4], strength="j0", settings=cost(0.2, 0.0), inner=20, **joint),
        networks(4, [1, 1, 0], strength="j5", settings=cost(0.2, 0.5), inner=60, **joint),
        networks(8, [2, 2, 2], strength="j5", settings=cost(0.2, 0.5), inner=50, **joint),
        networks(0, [0, 0, 0], strength="j5", settings=cost(0.2, 0.5), **joint),
    ]
    return stored(tmp_path, pd.concat(cells, ignore_index=True))


def drawn(name, folder):
    figure = DEEP[name](read_collected(folder, deep=True), 0.95)
    axes = [ax for ax in figure.axes if ax.get_title()]
    plt.close(figure)
    return axes


def whole(ax):
    """Left end, right end and height of the segments "all sections are left"."""
    (drawn,) = ax.collections
    return [(*segment[:, 0], *np.unique(segment[:, 1])) for segment in drawn.get_segments()]


def test_depths_kept_are_dots_and_their_means_a_line(folder):
    (ax,) = drawn("depth_kept_by_start", folder)
    assert ax.get_title() == "residual MLP on MNIST, track layers\nc3e_2, price 0.03"
    networks_, means, _, one = ax.lines
    assert sorted(networks_.get_ydata()) == [1, 1, 1, 1, 1, 1, 2, 2, 2]
    assert means.get_ydata().tolist() == pytest.approx([4 / 3, 5 / 3, 1])
    assert one.get_ydata().tolist() == pytest.approx([5 / 3])
    assert [height for *_, height in whole(ax)] == [2, 4, 8]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "4", "8"]


@pytest.mark.parametrize("count", [2, 8])
def test_where_all_is_kept_every_mean_lies_on_the_segment_of_its_start(tmp_path, count):
    names = [f"init_{number}" for number in range(count)]
    cells = [networks(depth, [depth] * 3, initialization=name) for depth in (2, 4, 8) for name in names]
    (ax,) = drawn("depth_kept_by_start", stored(tmp_path, pd.concat(cells, ignore_index=True)))
    segments = whole(ax)
    assert [height for *_, height in segments] == [2, 4, 8]
    assert all(left[1] < right[0] for left, right in itertools.pairwise(segments))
    means = [line for line in ax.lines if line.get_label() in names]
    assert len(means) == count
    for line in means:
        for x, y, (left, right, height) in zip(line.get_xdata(), line.get_ydata(), segments, strict=True):
            assert y == height
            assert left < x < right


def test_depth_stands_against_inner_width_by_price_of_sequence(folder):
    four, eight = drawn("depth", folder)
    note = four.figure.legends[0].get_title().get_text()
    assert all(words in note for words in ("$r$: price of sequence", r"$\nu$: strength", "n = 3 networks"))
    assert four.get_title() == "residual MLP on MNIST, starting depth 4"
    means = {
        line.get_label(): (*line.get_xdata(), *line.get_ydata()) for line in four.lines if len(line.get_xdata()) == 1
    }
    assert means[r"$r$ = 0, $\nu$ = 0.2"] == pytest.approx((20, 10 / 3))
    assert np.isnan(means[r"$r$ = 0.5, $\nu$ = 0.2"]).all()  # one network has no section
    some = next(line for line in four.lines if len(line.get_xdata()) == 3 and 60 in line.get_xdata())
    assert sorted(some.get_xdata()) == [NO_SECTION, 60, 60]
    assert four.get_xticklabels()[0].get_text() == "none"
    colours = [line.get_color() for line in four.lines if len(line.get_xdata()) == 1]
    assert not np.allclose(*colours)
    assert len(eight.lines) == 2


@pytest.mark.parametrize("name", DEEP)
def test_figures_are_drawn_by_name_and_without_any_such_network(name, folder, tmp_path):
    written = draw_figure(name, folder, tmp_path / "figures")
    assert [path.suffix for path in written] == [".png", ".pdf", ".svg"]
    runs = networks(4, [4, 4, 4], method="dense", strength="dense", settings={})
    (tmp_path / "none").mkdir()
    assert len(draw_figure(name, stored(tmp_path / "none", runs), tmp_path / "none")) == 3
    figure = DEEP[name](read_kind(tmp_path / "none", deep=True), 0.95)
    assert "in these records" in figure.axes[0].texts[0].get_text()
    plt.close(figure)
