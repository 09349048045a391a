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
    left, right = FIGURES["start_matters"](collected, 0.95).axes
    trails = {line.get_color(): line.get_xydata() for line in left.lines if len(line.get_xydata()) == 3}
    np.testing.assert_allclose(trails["#000000"], [[501, 1.6], [1001, 1.6], [8001, 1.6]])
    np.testing.assert_allclose(trails[BLUE], [[1001, 1.6]] * 3)
    dots = [line.get_xydata() for line in left.lines if line.get_marker() == "." and line.get_color() == BLUE]
    np.testing.assert_allclose(dots, [[[1001, 1.6]]])  # orthogonal; the trail has the standard initialization
    ends = next(line for line in right.lines if line.get_marker() == "X" and len(line.get_xdata()) == 3)
    np.testing.assert_allclose(ends.get_xydata(), [[w * 100, w * 266610] for w in (0.5, 1, 8)])
    assert {"0.5", "1", "8"} <= {text.get_text() for text in right.texts}
    assert {line.get_color() for line in right.lines} == {BLUE, "black"}  # dense training is its ends only


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


def test_the_shipped_lines_end_where_the_records_say():
    """Cumulative MACs from the history against train_macs, and the last size against params_kept."""
    collected = read_collected(REPOSITORY / "results" / "reference")
    runs = of_standard_initialization(studied(collected.runs))
    runs = runs[(runs["architecture"] == "lenet_300_100") & runs["method"].isin(["bernoulli", "vib"])]
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


def test_without_kept_pixels_the_page_says_so_and_the_scorecard_has_a_dash(tmp_path):
    store(tmp_path, made_up())
    assert "no kept pixels" in texts(FIGURES["kept_pixels"](read_collected(tmp_path), 0.95))
    assert draw_figure("kept_pixels", tmp_path, tmp_path / "figures")
    write_tables(tmp_path, tmp_path / "tables", names=["scorecard"])
    assert pd.read_csv(tmp_path / "tables" / "scorecard.csv")["jaccard"].isna().all()
