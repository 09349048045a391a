"""Tables and figures from made-up records with known answers, complete and with holes."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store
from matplotlib import pyplot as plt
from matplotlib.text import Text

from robustprune.analysis.figures import FIGURES, draw_figure
from robustprune.analysis.figures.scales import thousands
from robustprune.analysis.figures.style import label_ends, legend_below, panel_grid, set_style
from robustprune.analysis.read import read_collected, read_runs
from robustprune.analysis.tables import TABLES, write_tables
from robustprune.errors import StudyError


def test_tables_hold_the_known_means(tmp_path):
    store(tmp_path, made_up())
    written = write_tables(tmp_path, tmp_path / "tables", 0.95)
    assert {path.stem for path in written} == set(TABLES)
    table = pd.read_csv(tmp_path / "tables" / "robustness_width.csv")
    row = table[(table.method == "dense") & (table.width == 2) & (table.initialization == "he_normal")].iloc[0]
    assert (row.params_kept, row.error_test_percent, row.n, row.not_ok) == (2001, pytest.approx(1.6), 3, 0)
    assert row.units_kept == "101.0-50.0-20.0"
    ratio = np.exp(4.302653 / np.sqrt(3) / 2001)  # sizes: Student's t on the log, standard deviation 1
    assert row.params_kept_high / row.params_kept == pytest.approx(ratio, rel=1e-8)
    at_width_one = pd.read_csv(tmp_path / "tables" / "robustness_initialization.csv")
    assert set(at_width_one.width) == {1.0}
    page = (tmp_path / "tables" / "robustness_width.html").read_text()
    assert "LeNet-300-100 on MNIST, track full" in page
    assert "95%" in page
    assert "1.60 [1.35, 1.85]" in page


def test_cost_tables_hold_the_known_shares(tmp_path):
    """Training: MACs against the record's own dense count, seconds against the dense runs of the same start."""
    runs, *rest = made_up()
    runs.loc[runs.method == "bernoulli", "train_seconds"] = 0.5
    runs = runs[(runs.method != "dense") | (runs.width != 2)]
    rest[0] = rest[0][(rest[0].method != "dense") | (rest[0].width != 2)]
    store(tmp_path, (runs, *rest))
    write_tables(tmp_path, tmp_path / "tables", 0.95)
    table = pd.read_csv(tmp_path / "tables" / "training_cost.csv").set_index(["method", "width"])
    row = table.loc[("bernoulli", 1.0)]
    assert (row.macs_percent, row.n, row.dense_seconds, row.seconds_percent) == (pytest.approx(11), 3, 2.0, 25.0)
    assert row.macs_percent_high / row.macs_percent == pytest.approx(np.exp(4.302653 / np.sqrt(3) / 11), rel=1e-6)
    wider = table.loc[("bernoulli", 2.0)]
    assert wider.macs_percent == pytest.approx(5.5)
    assert np.isnan(wider.dense_seconds)
    assert ">-</td>" in (tmp_path / "tables" / "training_cost.html").read_text()
    table = pd.read_csv(tmp_path / "tables" / "inference_cost.csv").set_index(["method", "width"])
    row = table.loc[("bernoulli", 1.0)]
    assert (row.macs_ratio, row.kept_ms_256, row.speedup_256, row.speedup_1) == (20, 1.0, 3.0, 2.0)


def test_failed_and_collapsed_runs_show(tmp_path):
    runs, *rest = made_up()
    chosen = (runs.method == "dense") & (runs.width == 2) & (runs.initialization == "he_normal")
    runs.loc[chosen, "status"] = ["failed", "collapsed", "ok"]
    runs.loc[runs.status == "failed", ["units_kept", "params_kept", "error_test_percent"]] = None
    store(tmp_path, (runs, *rest))
    write_tables(tmp_path, tmp_path / "tables")
    table = pd.read_csv(tmp_path / "tables" / "robustness_width.csv")
    row = table[(table.method == "dense") & (table.width == 2) & (table.initialization == "he_normal")].iloc[0]
    assert (row.n, row.not_ok) == (2, 2)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_in_three_forms(tmp_path, name):
    store(tmp_path, made_up())
    written = draw_figure(name, tmp_path, tmp_path / "figures")
    assert [path.name for path in written] == [f"{name}.{form}" for form in ("png", "pdf", "svg")]
    assert all(path.stat().st_size > 1000 for path in written)


@pytest.fixture(params=["few", "none"])
def holes(request, tmp_path):
    """A folder with tables without a gated method, of one width, with a failed run; or without any run."""
    few = made_up(methods=("dense",), widths=(1.0,), initializations=("he_normal",))
    few[0].loc[0, ["status", "params_kept", "error_test_percent", "units_kept"]] = ["failed", None, None, None]
    return store(tmp_path, few if request.param == "few" else tuple(table.iloc[:0] for table in few))


@pytest.mark.parametrize("name", FIGURES)
def test_figures_survive_holes(holes, name):
    assert len(draw_figure(name, holes, holes / "figures")) == 3
    assert not plt.get_fignums()


def test_tables_survive_holes(holes):
    assert len(write_tables(holes, holes / "tables")) == 4 * len(TABLES)


def test_error_figure_shows_the_numbers(tmp_path):
    store(tmp_path, made_up())
    figure = FIGURES["error_by_width"](read_collected(tmp_path), 0.95)
    lines = figure.axes[0].lines
    assert any(np.allclose(line.get_ydata(), [1.6, 1.6]) for line in lines)
    plt.close(figure)


def test_labels_of_equal_ends_lie_apart_and_beside_the_axes(tmp_path):
    store(tmp_path, made_up(methods=("bernoulli", "dense", "magnitude", "generalized_dropout")))
    with matplotlib.rc_context():
        set_style()
        figure = FIGURES["error_by_width"](read_collected(tmp_path), 0.95)  # all err 1.6 % from every width
        figure.draw_without_rendering()
    ax = figure.axes[0]
    labels = [Text.get_window_extent(label) for label in ax.texts]  # without their lines
    labels = sorted(labels, key=lambda box: box.y0)
    assert len(labels) == 4
    assert all(above.y0 >= below.y1 for below, above in itertools.pairwise(labels))
    assert all(label.x0 > ax.bbox.x1 and label.x1 < figure.bbox.x1 for label in labels)
    plt.close(figure)


@pytest.mark.parametrize("lines", [1, 16])
def test_labels_of_clusters_lie_apart_whether_the_layout_shrinks_the_axes_or_not(lines):
    """Labels were spaced before the footnote took its room: those that needed no move until then collided."""
    with matplotlib.rc_context():
        set_style()
        figure, (ax,) = panel_grid(1, 5.0, 4.4)
        before = ax.bbox.height
        points = before * 72 / figure.dpi
        ends = [*range(10, 66, 14), 110, 111, 124, 138, 152, *range(200, 240, 14)]
        for number, end in enumerate(ends):
            ax.plot([0, 1], [0, end], label=f"method_{number}")
        ax.set_ylim(0, points)
        label_ends(ax, [(1, end, f"method_{number}", "black") for number, end in enumerate(ends)])
        legend_below(figure, [ax], "a footnote\n" * lines)
        figure.draw_without_rendering()
    assert (ax.bbox.height < 0.7 * before) == (lines > 1)
    boxes = [Text.get_window_extent(label) for label in ax.texts]  # without their lines
    assert len(boxes) == 12
    assert all(above.y0 >= below.y1 for below, above in itertools.pairwise(boxes))
    assert all(box.x0 > ax.bbox.x1 and box.x1 < figure.bbox.x1 for box in boxes)
    plt.close(figure)


def test_one_network_has_no_interval_and_takes_no_room(tmp_path):
    tables = made_up()
    store(tmp_path, [table[table["replicate"] == 0] if "replicate" in table else table for table in tables])
    figure = FIGURES["error_by_width"](read_collected(tmp_path), 0.95)
    bars = np.concatenate([bar for drawn in figure.axes[0].collections for bar in drawn.get_segments()])
    np.testing.assert_allclose(bars[:, 1], 1.5)
    low, high = figure.axes[0].get_ylim()
    assert high / low == pytest.approx(2)  # the smallest range that is shown
    plt.close(figure)


def test_training_macs_figure_adds_up(tmp_path):
    """Two epochs, the first dense (2000 MACs), the second at 500: four fifths of the recorded 11 MACs, then all."""
    store(tmp_path, made_up())
    figure = FIGURES["training_macs_over_epochs"](read_collected(tmp_path), 0.95)
    ends = [line.get_ydata() for line in figure.axes[0].lines[1:]]
    assert len(ends) == 2  # two widths; dense is the reference line
    for end, width in zip(ends, (1.0, 2.0), strict=True):  # of 100 MACs times the width
        np.testing.assert_allclose(end, [0, 8.8 / width, 11 / width])
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == ["bernoulli, width 2: 6 %", "bernoulli, width 1: 11 %", "dense"]
    plt.close(figure)


def test_a_method_that_spends_more_than_dense_training_stays_in_the_axes(tmp_path):
    """bc_gnj spends 123 %: its line left at the top, and a legend lay on the others."""
    runs, *rest = made_up()
    store(tmp_path, (runs.assign(train_macs=130.0), *rest))
    (ax,) = FIGURES["training_macs_over_epochs"](read_collected(tmp_path), 0.95).axes
    highest = max(line.get_ydata()[-1] for line in ax.lines)
    assert highest == pytest.approx(130)
    assert highest < ax.get_ylim()[1]
    assert ax.get_legend() is None
    plt.close(ax.figure)


def test_tick_labels_of_counts_are_short():
    counts = {500: "500", 20_000: "20k", 1_500_000: "1.5M", 2e10: "20G", 3e12: "3T"}
    assert {count: thousands(count, 0) for count in counts} == counts


def test_wrong_columns_are_named(tmp_path):
    made_up()[0].rename(columns={"seed": "sead"}).to_csv(tmp_path / "runs.csv", index=False)
    with pytest.raises(StudyError, match=r"wrong columns \(sead, seed\)"):
        read_runs(tmp_path / "runs.csv")
    (tmp_path / "runs.csv").write_text("")
    with pytest.raises(StudyError, match="cannot be read"):
        read_runs(tmp_path / "runs.csv")
