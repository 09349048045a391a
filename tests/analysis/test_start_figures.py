"""The headline figure and the maps of kept pixels: what is drawn is what the tables hold."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_study import made_up, store
from matplotlib import pyplot as plt

from robustprune.analysis import figures
from robustprune.analysis.figures import FIGURES, draw_figure
from robustprune.analysis.figures.looks import BLUE
from robustprune.analysis.figures.start import training_of
from robustprune.analysis.read import read_collected
from robustprune.analysis.select import of_standard_initialization, studied
from robustprune.analysis.tables import write_tables


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    plt.close("all")


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_a_trail_joins_the_means_of_the_widths_and_dots_are_initializations(tmp_path):
    collected = read_collected(store(tmp_path, made_up(widths=(0.5, 1.0, 8.0))))
    left, right, near, _ = FIGURES["start_matters"](collected, 0.95).axes
    trails = {line.get_color(): line.get_xydata() for line in left.lines if len(line.get_xydata()) == 3}
    np.testing.assert_allclose(trails["#000000"], [[501, 1.6], [1001, 1.6], [8001, 1.6]])
    np.testing.assert_allclose(trails[BLUE], [[1001, 1.6]] * 3)
    dots = [line.get_xydata() for line in left.lines if line.get_marker() == "." and line.get_color() == BLUE]
    np.testing.assert_allclose(dots, [[[1001, 1.6]]])  # orthogonal; the trail has the standard initialization
    ends = next(line for line in right.lines if line.get_marker() == "X" and len(line.get_xdata()) == 3)
    np.testing.assert_allclose(ends.get_xydata(), [[w * 100, w * 266610] for w in (0.5, 1, 8)])
    assert {"0.5", "1", "8"} <= {text.get_text() for text in right.texts}
    assert {line.get_color() for line in right.lines} == {BLUE, "black"}  # dense training is its ends only
    (frame,) = left.patches
    np.testing.assert_allclose(frame.get_extents().transformed(left.transData.inverted()).intervalx, near.get_xlim())
    assert near.get_xlim()[0] < 1001 < near.get_xlim()[1] < 8001  # around the method, not dense
    dots = [line for line in near.lines if line.get_marker() == "." and len(line.get_xdata())]
    assert not dots  # initializations are in the last panel


def test_an_initialization_that_changes_the_size_is_named_once(tmp_path):
    """Two methods keep far more from x3; the one that keeps little more from orthogonal has no name there."""
    names = ("he_normal", "orthogonal", "he_normal_x3", "mmd")
    runs, *rest = made_up(methods=("bernoulli", "vib", "sbp"), initializations=names)
    runs["params_kept"] = 1000.0
    runs.loc[runs["initialization"] == "orthogonal", "params_kept"] = 1100
    runs.loc[(runs["initialization"] == "he_normal_x3") & (runs["method"] != "bernoulli"), "params_kept"] = 1500
    runs.loc[(runs["initialization"] == "mmd") & (runs["method"] == "vib"), "params_kept"] = 9000  # outside
    runs.loc[(runs["initialization"] == "he_normal_x3") & (runs["method"] == "sbp"), "error_test_percent"] += 0.05
    figure = FIGURES["start_matters"](read_collected(store(tmp_path, (runs, *rest))), 0.95)
    last = figure.axes[3]
    assert [text.get_text() for text in last.texts] == ["he_normal_x3"]
    np.testing.assert_allclose(last.texts[0].xy, [1500, 1.65])  # over the upper one
    assert "n = 3 seeds" in texts(figure)


def test_the_close_view_needs_neither_the_method_nor_a_pruned_one(tmp_path):
    collected = read_collected(store(tmp_path, made_up(methods=("vib", "dense"))))
    for methods, size in ((["vib", "dense"], 2001), (["dense"], 2001)):
        near = FIGURES["start_matters"](collected.of_methods(methods), 0.95).axes[2]
        assert near.get_xlim()[0] < 1001 < size < near.get_xlim()[1]


def test_the_second_budget_is_not_mixed_in(tmp_path, monkeypatch):
    tables = made_up()
    both = [pd.concat([table, table.assign(budget="macs")], ignore_index=True) for table in tables]
    both[0].loc[both[0]["budget"] == "macs", "error_test_percent"] = 50.0
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, *rest: drawn.append(figure.axes[0].get_ylim()) or [])
    figures.draw_figure("start_matters", store(tmp_path, both), tmp_path)
    assert drawn
    assert 1 < drawn[0][1] < 3


def test_one_width_draws_no_trail(tmp_path):
    collected = read_collected(store(tmp_path, made_up(widths=(1.0,))))
    assert "no networks of several widths" in texts(FIGURES["start_matters"](collected, 0.95))


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_the_shipped_lines_end_where_the_records_say(dataset):
    """Cumulative MACs from the history against train_macs, and the last size against params_kept."""
    collected = read_collected(REPOSITORY / "results" / "reference")
    runs = of_standard_initialization(studied(collected.runs))
    network = (runs["architecture"] == "lenet_300_100") & (runs["dataset"] == dataset)
    runs = runs[network & runs["method"].isin(["bernoulli", "vib"])]
    training = training_of(collected.history, runs, "lenet_300_100")
    axes = ["method", "strength", "width"]
    last = training.sort_values("epoch").groupby(axes).last()
    asked = runs.groupby(axes)[["train_macs", "params_kept"]].mean()
    np.testing.assert_allclose(last["macs"], asked["train_macs"], rtol=1e-9)
    np.testing.assert_allclose(last["params"].loc["vib"], asked["params_kept"].loc["vib"], rtol=0.004)
    np.testing.assert_allclose(last["params"], asked["params_kept"], rtol=0.07)  # rounding at the end takes some more
    first = training[training["epoch"] == 0].set_index(axes)["params"].sort_index()
    np.testing.assert_allclose(first, runs.groupby(axes)["params_dense"].first(), rtol=1e-9)
    assert (training.sort_values("epoch").groupby(axes)["macs"].diff().dropna() > 0).all()


def with_kept(folder):
    """A study whose networks of replicate r keep the first 100 + r pixels; only bernoulli's are known."""
    runs, *rest = made_up(widths=(1.0,), initializations=("he_normal",))
    store(folder, (runs, *rest))
    rows = [
        ("bernoulli-key", replicate, slot, units, np.packbits(np.arange(units) < 100 + replicate).tobytes())
        for replicate in range(3)
        for slot, units in (("input", 784), ("fc1", 300))
    ]
    columns = ["key", "replicate", "slot", "units", "kept"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "kept.parquet")
    collected = read_collected(folder)
    keyed = collected.runs.assign(key=collected.runs["method"] + "-key")
    return collected.with_runs(keyed)


def test_the_map_is_the_share_of_networks_that_keep_a_pixel(tmp_path):
    figure = FIGURES["kept_pixels"](with_kept(tmp_path), 0.95)
    (image,) = figure.axes[0].images
    shown = np.asarray(image.get_array())
    assert shown.shape == (28, 28)
    np.testing.assert_allclose(shown.reshape(-1)[[0, 99, 100, 101, 102]], [1, 1, 2 / 3, 1 / 3, 0])
    assert "101 pixels, n = 3" in texts(figure)


def test_the_map_is_of_the_standard_start(tmp_path):
    """Methods ran from different starts: over all of them their maps cannot be compared."""
    collected = with_kept(tmp_path)
    other = collected.runs.assign(initialization="orthogonal")
    both = collected.with_runs(pd.concat([collected.runs, other, collected.runs.assign(width=2.0)]))
    figure = FIGURES["kept_pixels"](both, 0.95)
    assert "101 pixels, n = 3" in texts(figure)
    assert "of width 1, He normal;" in " ".join(texts(figure).split())


def test_without_kept_pixels_the_page_says_so_and_the_scorecard_has_a_dash(tmp_path):
    store(tmp_path, made_up())
    assert "no kept pixels" in texts(FIGURES["kept_pixels"](read_collected(tmp_path), 0.95))
    assert draw_figure("kept_pixels", tmp_path, tmp_path / "figures")
    write_tables(tmp_path, tmp_path / "tables", names=["scorecard"])
    assert pd.read_csv(tmp_path / "tables" / "scorecard.csv")["jaccard"].isna().all()


@pytest.mark.parametrize("name", ["error_by_initialization", "kept_params_by_initialization", "overview"])
def test_initializations_of_one_method_are_named(tmp_path, name):
    collected = read_collected(store(tmp_path, made_up(initializations=("he_normal", "orthogonal", "fuse", "mmd"))))
    lone = collected.runs["initialization"].isin(["fuse", "mmd"]) & (collected.runs["method"] != "bernoulli")
    assert "only" not in texts(FIGURES[name](collected, 0.95))
    assert "only" not in texts(FIGURES[name](collected.of_methods(["bernoulli"]), 0.95))
    assert "from fuse, mmd: only bernoulli ran" in texts(
        FIGURES[name](collected.with_runs(collected.runs[~lone]), 0.95)
    )


def test_initializations_say_how_many_networks_there_are(tmp_path):
    collected = read_collected(store(tmp_path, made_up()))
    runs = collected.runs.drop(collected.runs.index[0])
    for name in ("error_by_initialization", "kept_params_by_initialization"):
        assert "n = 2 to 3 per initialization" in texts(FIGURES[name](collected.with_runs(runs), 0.95))
