"""Comparison of runs with a reference: level, power, and what is not compared."""

import json

import matplotlib
import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store
from matplotlib import pyplot as plt

from robustprune.analysis.check import write_check
from robustprune.analysis.consistency import (
    conclusion,
    consistency,
    coverage,
    interval_of_counts,
    prediction_interval,
)
from robustprune.analysis.figures import draw_figure
from robustprune.analysis.figures.looks import BLUE
from robustprune.analysis.figures.start_over import OTHER, start_matters_over
from robustprune.analysis.read import CELL, read_collected
from robustprune.cli import main
from robustprune.errors import StudyError
from robustprune.study.cells import NO_DEPTH

KEY = "mnist/lenet_300_100-full/bernoulli/a/he_normal/width-"
CELL_OF_TESTS = ["mnist", "lenet_300_100", "full", "bernoulli", "a", "he_normal", 1.0, "epochs"]


def networks(generator, n, cells=3, size=0.0):
    """n networks of each cell, log sizes and errors normal; `size` is added to the log sizes of the last cell."""
    rows = [
        dict(zip(CELL, CELL_OF_TESTS, strict=True)) | {"width": float(width), "training": "{}", "settings": "{}"}
        for width in range(1, cells + 1)
        for _ in range(n)
    ]
    table = pd.DataFrame(rows)
    shift = size * (table["width"] == cells)
    table["params_kept"] = np.exp(10 + 0.03 * generator.normal(size=len(table)) + shift)
    table["depth"], table["units_kept"] = NO_DEPTH, "200-40-20"
    return table.assign(error_test_percent=1.5 + 0.1 * generator.normal(size=len(table)))


def test_false_alarms_are_as_rare_as_stated():
    """Fifteen comparisons at level 80 %, 2 networks against 5. In six of them networks differ at all: 1 - (1 - 0.2 /
    15)^6 of equal studies are inconsistent.
    """
    generator, studies = np.random.default_rng(0), 200
    pairs = [(networks(generator, 2), networks(generator, 5)) for _ in range(studies)]
    no = sum("no;" in conclusion(consistency(own, theirs, level=0.8)[0]) for own, theirs in pairs)
    assert no / studies == pytest.approx(0.077, abs=0.06)  # standard error 0.019


def test_the_prediction_interval_covers_the_mean_of_further_networks():
    generator = np.random.default_rng(1)
    samples = generator.normal(size=(4000, 7))
    inside = [low <= row[5:].mean() <= high for row in samples for low, high in [prediction_interval(row[:5], 2, 0.9)]]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_a_shifted_size_is_found_and_named():
    generator = np.random.default_rng(2)
    table, _ = consistency(networks(generator, 2, size=0.5), networks(generator, 5))
    assert conclusion(table) == f"consistent with the reference: no; outside: {KEY}3 size"
    assert table["n"].eq(2).all()
    assert table["reference_n"].eq(5).all()


def test_a_network_without_a_number_is_outside():
    generator = np.random.default_rng(3)
    runs = networks(generator, 2)
    runs.loc[0, ["params_kept", "error_test_percent"]] = np.nan
    table, _ = consistency(runs, networks(generator, 5))
    assert list(table["inside"]) == [False, False] + [True] * 3 + 2 * [True] * 5  # the units are known


def test_too_few_reference_networks_and_other_settings_are_not_compared():
    generator = np.random.default_rng(4)
    runs, reference = networks(generator, 2), networks(generator, 5)
    reference = reference[(reference["width"] != 2) | ~reference["width"].duplicated()]
    assert set(consistency(runs, reference)[0]["width"]) == {1, 3}
    other = json.dumps({"epochs": 8, "new key": 1})
    assert len(consistency(runs.assign(training=other), reference.assign(training=json.dumps({"epochs": 40})))[0]) == 0
    same = reference.assign(settings=json.dumps({"epochs": 8}))
    assert len(consistency(runs.assign(settings=other), same)[0]) == 2 * 5


def test_what_is_not_compared_is_named_with_the_reason():
    generator = np.random.default_rng(4)
    runs, reference = networks(generator, 2, cells=4), networks(generator, 5)
    reference = reference[(reference["width"] != 2) | ~reference["width"].duplicated()]
    runs.loc[runs["width"] == 3, "settings"] = json.dumps({"price": 1.0})
    _, left_out = consistency(runs, reference.assign(settings=json.dumps({"price": 3.0})))
    assert left_out == {
        f"{KEY}2": "fewer than 3 networks with numbers in the reference",
        f"{KEY}3": "settings.price is 1.0, in the reference 3.0",
        f"{KEY}4": "not in the reference",
    }
    line = coverage(1, left_out, ["a/cell"])
    assert line.startswith(f"compared: 1 of 5 cells; not compared: {KEY}2 (fewer than 3 ")
    assert line.endswith("a/cell (missing in these runs)")


def test_cells_of_two_budgets_and_depths_are_cells_of_their_own():
    """One name, but another budget or depth: a reason of one must not hide that of the other."""
    generator = np.random.default_rng(4)
    reference = networks(generator, 5, cells=1).assign(settings=json.dumps({"price": 1.0}))
    own = networks(generator, 2, cells=1).assign(settings=json.dumps({"price": 9.0}))
    runs = pd.concat([own, own.assign(budget="macs"), own.assign(depth=4)], ignore_index=True)
    known = pd.concat([reference, reference.assign(depth=4)], ignore_index=True)
    _, left_out = consistency(runs, known)
    other = "settings.price is 9.0, in the reference 1.0"
    assert left_out == {f"{KEY}1": other, f"{KEY}1-macs": "not in the reference", f"{KEY}1/depth-4": other}


def test_counts_of_units_that_do_not_vary_are_no_false_alarm():
    """Three networks with 43 units in fc2: one with 44 is no other method. One with half of them is."""
    generator = np.random.default_rng(7)
    reference = networks(generator, 3, cells=1).assign(units_kept="200-40-43")
    runs = reference.assign(units_kept=["200-40-43", "200-40-43", "200-40-44"])
    assert consistency(runs, reference)[0]["inside"].all()
    fewer = consistency(reference.assign(units_kept="200-40-21"), reference)[0].set_index("quantity")["inside"]
    assert not fewer["fc2"]


def test_false_alarms_of_counts_are_rare():
    """Rounded counts of spread 0.5 and 1, three networks against three. With the interval of a continuous quantity
    a fifth and a twelfth of comparisons at level 99.92 % were false alarms."""
    generator = np.random.default_rng(8)
    for mean, spread in ((43, 0.5), (43, 1.0), (5, 0.5)):
        draws = np.log(np.maximum(1, np.round(generator.normal(mean, spread, size=(2000, 6)))))
        alarms = []
        for draw in draws:
            low, high = interval_of_counts(draw[:3], 3, 1 - 0.05 / 60)
            alarms.append(not low <= draw[3:].mean() <= high)
        assert np.mean(alarms) < 0.02


def test_a_reference_that_lost_networks_is_not_equivalent():
    generator = np.random.default_rng(9)
    same = networks(generator, 9, cells=1).assign(params_kept=20_000.0, error_test_percent=1.5)
    lost = same.copy()
    lost.loc[:3, ["params_kept", "error_test_percent", "units_kept"]] = np.nan
    assert set(consistency(same, same)[0]["equivalent"]) == {"yes"}
    assert "yes" not in set(consistency(same, lost)[0]["equivalent"])


def test_the_units_of_every_slot_are_compared():
    """The same size and error, but other layers."""
    generator = np.random.default_rng(6)
    runs, reference = networks(generator, 3, cells=1), networks(generator, 5, cells=1)
    table, _ = consistency(runs.assign(units_kept="200-40-30"), reference)
    assert table.set_index("quantity")["inside"].to_dict() == {
        **dict.fromkeys(["size", "test error", "input", "fc1"], True),
        "fc2": False,
    }
    assert table.set_index("quantity").loc["fc2", "mean"] == pytest.approx(30)


def test_equal_studies_without_any_spread_are_consistent():
    same = networks(np.random.default_rng(5), 3).assign(params_kept=26611.0, error_test_percent=1.7)
    assert conclusion(consistency(same, same)[0]) == "consistent with the reference: yes"


def folders(tmp_path, **of_reference):
    (tmp_path / "own").mkdir()
    (tmp_path / "theirs").mkdir()
    store(tmp_path / "own", made_up(methods=("bernoulli",)))
    store(tmp_path / "theirs", made_up(**of_reference))
    return tmp_path / "own", tmp_path / "theirs"


def test_the_command_writes_table_page_and_line(tmp_path, capsys):
    own, theirs = folders(tmp_path)
    output = tmp_path / "out"
    assert main(["check", "--source", str(own), "--reference", str(theirs), "--output", str(output)]) == 0
    line = "consistent with the reference: yes"
    lines = [line, "equivalent to the reference: yes 16, cannot be decided at this n 4", "compared: 4 of 4 cells"]
    assert capsys.readouterr().out.splitlines() == lines
    assert (output / "consistency.txt").read_text().splitlines() == lines
    assert (output / "start_matters.png").stat().st_size > 1000
    page = (output / "consistency.html").read_text()
    assert f"<h2>C{line[1:]}</h2>" in page
    assert page.count("<td>size (params)</td>") == page.count("<td>test error (%)</td>") == 4
    table = pd.read_csv(output / "consistency.csv")
    assert len(table) == 20  # 2 widths, 2 initializations; size, error and three slots
    np.testing.assert_allclose(table.query("quantity == 'test error'")["mean"], 1.6)


def test_nothing_in_common_is_an_error_that_names_both_folders(tmp_path):
    own, theirs = folders(tmp_path, methods=("dense",))
    with pytest.raises(StudyError, match=f"nothing in {own} can be compared with {theirs}"):
        write_check(own, theirs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("factor", "status"), [(1.0, 0), (1.2, 3)])
def test_the_status_says_whether_the_check_passed(tmp_path, factor, status):
    """Sizes differ by 0.1 % between seeds: a fifth more is outside the prediction and not equivalent."""
    own, theirs = folders(tmp_path)
    runs = pd.read_csv(own / "runs.csv")
    runs["params_kept"] = (factor * runs["params_kept"]).astype(int)
    runs.to_csv(own / "runs.csv", index=False)
    words = ["check", "--source", str(own), "--reference", str(theirs), "--output", str(tmp_path / "out")]
    assert main(words) == status
    table = pd.read_csv(tmp_path / "out" / "consistency.csv").query("quantity == 'size'")
    assert set(table["equivalent"]) == {"yes" if status == 0 else "no"}


@pytest.mark.parametrize("how", ["missing", "other settings"])
def test_a_check_of_a_part_does_not_pass(tmp_path, capsys, how):
    own, theirs = folders(tmp_path)
    if how == "missing":
        (own / "missing.csv").write_text("cell,reason\nmnist/x/bernoulli/a/he_normal/width-8,not run\n")
    else:
        details = pd.read_csv(own / "details.csv")
        details.loc[details["width"] == 2, "settings"] = json.dumps({"price": 9.0})
        details.to_csv(own / "details.csv", index=False)
        more = pd.read_csv(theirs / "details.csv").assign(settings=json.dumps({"price": 3.0}))
        more.loc[more["width"] != 2, "settings"] = details.loc[details["width"] != 2, "settings"].iloc[0]
        more.to_csv(theirs / "details.csv", index=False)
    assert main(["check", "--source", str(own), "--reference", str(theirs), "--output", str(tmp_path / "out")]) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    reason = "settings.price is 9.0, in the reference 3.0" if how == "other settings" else "missing in these runs"
    assert last.startswith("compared: ")
    assert reason in last


def test_the_figure_has_both_with_their_n(tmp_path):
    own, theirs = folders(tmp_path, widths=(1.0, 2.0, 4.0), methods=("bernoulli", "magnitude", "dense"))
    figure = start_matters_over(read_collected(own), read_collected(theirs), 0.95)
    texts = {text.get_text() for text in figure.findobj(matplotlib.text.Text)}
    assert {"bernoulli, these runs (n = 3)", "bernoulli, reference (n = 3)", "other methods, reference"} <= texts
    trails = {line.get_color(): len(line.get_xdata()) for line in figure.axes[0].lines if line.get_linestyle() == "-"}
    behind = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    assert {line.get_color() for line in behind} == {OTHER, "#99c7e0"}  # no method of the runs is grey
    assert BLUE in trails
    low, high = figure.axes[0].get_xlim()
    assert low < 1000 < 1002 < high < 4000  # sizes of the method; 4,001 is that of the others at width 4
    plt.close(figure)
    assert len(draw_figure("start_matters", own, tmp_path / "figures", over=theirs)) == 3
