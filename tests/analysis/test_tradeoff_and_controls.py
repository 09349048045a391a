"""The trade-off and the controls from made-up records with known answers."""

import json

import pandas as pd
import pytest
from made_up_study import made_up, store
from matplotlib import pyplot as plt
from scipy import stats

from robustprune.analysis.controls import controls
from robustprune.analysis.figures import FIGURES
from robustprune.analysis.figures.scales import log_axis, log_counts_axis, plain
from robustprune.analysis.figures.tradeoff import _panels
from robustprune.analysis.read import read_collected, read_detailed_runs
from robustprune.analysis.tradeoff import points, tradeoff


def study(tmp_path):
    """bernoulli as the source of two controls; its errors are 1.5, 1.6, 1.7."""
    runs, details, history, gates = made_up(widths=(1.0,), initializations=("he_normal",))
    for name, errors in (("ticket", [1.6, 1.9, 1.9]), ("scratch_e", [1.4, 1.7, 1.6])):
        own, described = (table[table["method"] == "bernoulli"].copy() for table in (runs, details))
        own["method"] = described["method"] = name
        own["strength"] = described["strength"] = "of_it"
        own["error_test_percent"] = errors
        described["settings"], described["start_of"] = json.dumps({"of": "bernoulli/a"}), "bernoulli/a"
        runs, details = pd.concat([runs, own[::-1]]), pd.concat([details, described])
    return store(tmp_path, (runs, details, history, gates))


def test_controls_are_paired_by_seed_and_adjusted(tmp_path):
    """The rows come in another order: pairs go by seed."""
    sheet = controls(read_detailed_runs(study(tmp_path)), 0.95)
    table, page = sheet.table, sheet.html()
    table = table.set_index("control")
    raw = {}
    for name, errors in (("ticket/of_it", [1.6, 1.9, 1.9]), ("scratch_e/of_it", [1.4, 1.7, 1.6])):
        reference = stats.ttest_rel(errors, [1.5, 1.6, 1.7])
        low, high = reference.confidence_interval(0.95)
        row = table.loc[name]
        expected = (sum(errors) / 3 - 1.6, low, high, 3, 1.6)
        found = (row.difference, row.difference_low, row.difference_high, row.n, row.source_error)
        assert found == pytest.approx(expected, abs=1e-9)
        raw[name] = reference.pvalue
    smallest = min(raw, key=raw.get)
    assert table.loc[smallest, "p_holm"] == pytest.approx(min(1, 2 * raw[smallest]))
    assert set(table["source"]) == {"bernoulli/a"}
    assert "+0.20 [-0.05, +0.45]" in page


def test_a_control_without_its_source_has_no_difference(tmp_path):
    runs = read_detailed_runs(study(tmp_path))
    table = controls(runs[runs["method"] != "bernoulli"], 0.95).table
    assert table["difference"].isna().all()
    assert (table["difference_n"] == 0).all()


def test_trade_off_has_a_row_per_strength_without_controls(tmp_path):
    sheet = tradeoff(read_detailed_runs(study(tmp_path)), 0.95)
    table, page = sheet.table, sheet.html()
    assert list(table["method"]) == ["bernoulli", "dense"]
    row = table.iloc[0]
    assert (row.params, row.error, row.n, row.not_ok) == (1001, pytest.approx(1.6), 3, 0)
    assert row.params_percent == pytest.approx(100 * 1001 / 266610)
    assert row.macs_percent == pytest.approx(5.0)
    assert "1,001 [999, 1,003]" in page


def test_validation_error_and_failures_show(tmp_path):
    runs = read_detailed_runs(study(tmp_path))
    runs["error_valid_percent"] = 2.0
    bernoulli = runs["method"] == "bernoulli"
    runs.loc[bernoulli, "status"] = ["ok", "failed", "collapsed"]
    runs.loc[runs["status"] == "failed", ["params_kept", "macs_kept", "error_test_percent"]] = None
    row = points(runs, 0.95).set_index("method").loc["bernoulli"]
    assert (row.n, row.not_ok, row.error_valid) == (2, 2, 2.0)


def test_figures_show_the_numbers(tmp_path):
    source = read_collected(study(tmp_path))
    figure = FIGURES["error_by_params"](source, 0.95)
    (ax,) = figure.axes
    points_drawn = [container.lines[0].get_data() for container in ax.containers]
    assert [float(x[0]) for x, _ in points_drawn] == [1001, 1001]
    assert [float(y[0]) for _, y in points_drawn] == pytest.approx([1.6, 1.6])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["bernoulli", "dense"]
    plt.close(figure)
    figure = FIGURES["controls_difference"](source, 0.95)
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ticket", "scratch_e"]
    plt.close(figure)


def test_longer_training_and_the_ablation_have_lines_of_their_own(tmp_path):
    source = read_collected(study(tmp_path))
    ours = source.runs[source.runs["method"] == "bernoulli"]
    smaller = ours.assign(strength="b", params_kept=500)
    longer = smaller.assign(strength="long", epochs=200)
    ablation = ours.assign(strength="fixed", variant="fixed prior")
    mine = smaller.assign(method="mine", epochs=1)
    more = source.with_runs(pd.concat([source.runs, smaller, longer, ablation, mine]))
    figure = FIGURES["error_by_params"](more, 0.95)
    (ax,) = figure.axes
    drawn = {entry.get_label(): list(entry.lines[0].get_xdata()) for entry in ax.containers}
    assert drawn == {
        "bernoulli": [500, 1001],
        "bernoulli, 200 epochs": [500],
        "bernoulli, fixed prior": [1001],
        "dense": [1001],
        "mine, 1 epoch": [500],
    }
    plt.close(figure)


def test_controls_of_one_name_are_told_apart_and_floors_alone_have_no_panel(tmp_path):
    source = read_collected(study(tmp_path))
    runs = source.runs
    longer = runs[runs["method"] == "scratch_e"].assign(strength="of_it_longer", epochs=80)
    floor = runs[runs["method"] == "ticket"].assign(method="width_uniform", start_of="dense/a")
    figure = FIGURES["controls_difference"](source.with_runs(pd.concat([runs, longer, floor])), 0.95)
    (ax,) = figure.axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["ticket", "scratch_e, 40 epochs", "scratch_e, 80 epochs"]
    plt.close(figure)


def test_worthless_networks_do_not_push_the_others_together(tmp_path):
    source = read_collected(study(tmp_path))
    worthless = source.runs[source.runs["method"] == "bernoulli"].assign(strength="b", params_kept=5)
    runs = pd.concat([source.runs, worthless.assign(error_test_percent=88.0)])
    figure = FIGURES["error_by_params"](source.with_runs(runs), 0.95)
    (ax,) = figure.axes
    assert ax.get_xlim()[0] > 500
    assert ax.get_ylim()[1] < 10
    note = "1 of 3 points err more than 25 % and lie outside the axes: bernoulli"
    assert note in " ".join(figure.legends[0].get_title().get_text().split())
    plt.close(figure)
    figure = FIGURES["error_by_params"](source.with_runs(runs.assign(variant="fixed prior")), 0.95)
    assert f"{note}, fixed prior" in " ".join(figure.legends[0].get_title().get_text().split())
    plt.close(figure)
    figure = FIGURES["overview"](source.with_runs(runs), 0.95)
    assert note in " ".join(figure.legends[0].get_title().get_text().split())
    plt.close(figure)


def test_controls_of_one_source_are_one_family_over_all_starts(tmp_path):
    runs = read_detailed_runs(study(tmp_path))
    wider = pd.concat([runs, runs.assign(width=2.0)], ignore_index=True)
    ticket, both = (controls(own, 0.95).table.set_index("control").loc["ticket/of_it"] for own in (runs, wider))
    assert both["p_holm"].tolist() == pytest.approx([min(1, 2 * ticket["p_holm"])] * 2)


@pytest.mark.parametrize("swept", [False, True])
def test_the_overview_says_all_strengths_where_there_are_others_than_operating_points(tmp_path, swept):
    runs = (collected := read_collected(store(tmp_path, made_up()))).runs.assign(operating_point=True)
    more = runs[runs["method"] == "bernoulli"].assign(strength="b", operating_point=False)
    figure = FIGURES["overview"](collected.with_runs(pd.concat([runs, more]) if swept else runs), 0.95)
    assert figure.axes[0].get_title("left") == "a  error against size" + swept * ", all strengths"
    assert ("all but a: operating points" in figure.legends[0].get_title().get_text()) == swept
    assert "operating points" in figure.legends[0].get_title().get_text()


def test_an_axis_of_errors_from_one_to_five_percent_has_a_label_at_four():
    figure, ax = plt.subplots()
    log_axis(ax, pd.Series([1.35, 4.3]), plain)
    figure.draw_without_rendering()
    low, high = ax.get_ylim()
    labels = {tick.get_text(): y for y, tick in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)}
    assert [name for name, y in labels.items() if low <= y <= high] == ["1.5", "2", "3", "4"]


def test_a_close_axis_of_counts_has_several_ticks():
    _, ax = plt.subplots()
    log_counts_axis(ax, [12_900, 45_500])
    ax.set_xlim(12_900, 45_500)
    assert [tick for tick in ax.get_xticks() if 12_900 <= tick <= 45_500] == pytest.approx(
        [15_000, 20_000, 30_000, 40_000]
    )


def test_each_form_of_a_method_has_a_curve_of_its_own(tmp_path):
    """LeNet-5 has a form with one price and one with ratios between slots; neither is a variant of the other."""
    runs = read_detailed_runs(study(tmp_path))
    own = runs[runs["method"] == "bernoulli"]
    named = {"one_1e_3": "", "sep_1e_3": "", "sep_2e_3": "", "c_sgd_1e_3": "sgd", "mine": ""}
    forms = pd.concat([own.assign(strength=name, variant=variant) for name, variant in named.items()])
    found = points(forms, 0.95).set_index("strength")
    assert found["variant"].to_dict() == named
    assert found["curve"].to_dict() == {
        "one_1e_3": "one",
        "sep_1e_3": "sep",
        "sep_2e_3": "sep",
        "c_sgd_1e_3": "sgd",
        "mine": "",
    }
    alone = points(forms[forms["strength"].str.startswith("sep")], 0.95)
    assert set(alone["curve"]) == {""}


def test_variants_of_the_method_have_a_panel_of_their_own(tmp_path):
    """Beside many methods; in the panels of families only the method itself stands for comparison."""
    runs = read_detailed_runs(study(tmp_path))
    own = runs[runs["method"] == "bernoulli"]
    names = ["vib", "sbp", "bmrs_n", "bmrs_u", "bc_gnj", "l0_hc", "l0_arm", "magnitude", "taylor"]
    many = [own, *(own.assign(method=name) for name in names), own.assign(strength="b", variant="sgd")]
    many.append(own.assign(method="l0_hc", strength="held", variant="held"))
    many += [own.assign(strength=name) for name in ("one_1e_3", "sep_1e_3")]  # forms, no variants
    table = points(pd.concat(many, ignore_index=True), 0.95)
    panels = {title.splitlines()[1]: shown for title, shown, _ in _panels(("mnist", "lenet_300_100", "full"), table)}
    shown = {name: set(zip(panel["method"], panel["variant"], strict=True)) for name, panel in panels.items()}
    assert shown.pop("variants of bernoulli") == {("bernoulli", ""), ("bernoulli", "sgd")}
    assert ("l0_hc", "held") in shown["stochastic gates"]
    assert all(("bernoulli", "") in panel and ("bernoulli", "sgd") not in panel for panel in shown.values())
