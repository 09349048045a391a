"""The table of tried settings: lines in closed form, the choice, and the configuration that tries them."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from made_up_study import made_up

from robustprune.analysis.read import CELL, read_beside
from robustprune.analysis.tried import TARGETS, error_at, read_before, settings_tried
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study
from robustprune.study.search import form_of_key, key_value

TUNING = '{"images": "tuning"}'
KNOBS = yaml.safe_load((REPOSITORY / "config" / "knobs.yaml").read_text())
STUDY = load_study(REPOSITORY / "config" / "settings.yaml")


def trial(setting, value, size, error, status="ok", method="l0_hc"):
    """Two networks of one strength, whose mean log size is that of `size`."""
    runs, details, _, _ = made_up(methods=(method,), widths=(1.0,), initializations=("he_normal",))
    runs = runs.rename(columns={"operating_point": "point"}).merge(
        details.drop(columns="status"), on=[*CELL, "replicate"]
    )
    own = {"strength": f"{setting}_{value}", "params_kept": [size * 1.1, size / 1.1], "training": TUNING}
    return runs.iloc[:2].assign(**own, error_valid_percent=[error - 0.1, error + 0.1], status=status)


def three():
    """a: on the line 2 - 0.5 log(size / 26,000); b: 0.1 lower; c: lower still, but with a lost network."""
    parts = []
    for setting, offset in (("a", 0.0), ("b", -0.1), ("c", -0.5)):
        for value, size in (("1e_1", 24_000), ("3e_1", 62_000)):
            error = 2 - 0.5 * np.log(size / 26_000) + offset
            parts.append(trial(setting, value, size, error, "collapsed" if setting == "c" and size > 26_000 else "ok"))
    return pd.concat(parts, ignore_index=True)


def table_of(runs, **options):
    table = settings_tried(runs, 0.95, **options).table
    return table[table["method"] == "l0_hc"].set_index("setting")


def test_the_error_is_that_of_the_line_through_both_strengths():
    table = table_of(three())
    last = 2 - 0.5 * np.log(60 / 26)
    assert table.loc["a", ["error_1", "error_2"]].tolist() == pytest.approx([2.0, last])
    assert table.loc["b", "error"] == pytest.approx((2.0 + last) / 2 - 0.1)
    assert table.loc["a", "strengths"] == "0.1, 0.3"
    assert table.loc["a", ["target_1", "target_2", "n", "tried"]].tolist() == [26_000, 60_000, 4, 3]
    assert table.loc["a", "smallest_params"] == pytest.approx(24_000)


def test_settings_tried_late_are_compared_at_the_first_target_alone():
    """a is better at 26,000, b at 60,000: the mean of both would choose b."""
    strengths = (("a", "1e_1", 26e3, 1.0), ("a", "3e_1", 60e3, 3.0), ("b", "1e_1", 26e3, 1.5), ("b", "3e_1", 60e3, 1.6))
    late = pd.concat([trial(*each, method="bc_ghs") for each in strengths], ignore_index=True)
    table = settings_tried(late, 0.95).table
    rows = table[(table["method"] == "bc_ghs") & table["n"].notna()].set_index("setting")
    assert rows["chosen"].to_dict() == {"a": "yes", "b": "no"}
    assert rows["error"].tolist() == pytest.approx([1.0, 1.5])
    assert rows[["target_2", "error_2"]].isna().all(axis=None)


def test_the_best_whose_networks_are_ok_is_chosen():
    assert table_of(three())["chosen"].to_dict() == {"a": "no", "b": "yes", "c": "no"}


def test_a_setting_far_from_the_targets_is_not_chosen():
    """From 36,000 to 50,000: 26,000 lies outside by 1.38. From 41,000: by 1.58."""
    near, far = (
        pd.concat([three(), trial("d", "1e_1", smallest, 1.0), trial("d", "2e_1", 50_000, 1.0)])
        for smallest in (36_000, 41_000)
    )
    assert table_of(near).loc["d", "outside"] == pytest.approx(36 / 26)
    assert table_of(near)["chosen"].to_dict() == {"a": "no", "b": "no", "c": "no", "d": "yes"}
    assert table_of(far)["chosen"].to_dict() == {"a": "no", "b": "yes", "c": "no", "d": "no"}
    assert table_of(far).loc["d", ["error_1", "error"]].isna().all()


def test_strengths_of_one_size_have_no_line():
    assert np.isnan(error_at(np.array([10.0, 10.0]), np.array([1.0, 2.0]), 10.1))
    assert error_at(np.array([12.0, 9.0, 10.0]), np.array([0.0, 3.0, 2.0]), 10.4) == pytest.approx(2.0 - 0.4)


def test_only_settings_with_two_strengths_on_the_tuning_split_count():
    assert table_of(three().assign(training='{"images": "all"}')).empty
    assert table_of(three().query("strength != 'a_1e_1'")).index.tolist() == ["b", "c"]
    sheet = settings_tried(three().iloc[:0], 0.95)
    assert "There are no runs of tried settings" in sheet.caption
    assert "There are no runs of tried settings" not in settings_tried(three().iloc[:0], 0.95, three()).caption


def test_what_was_tried_elsewhere_counts():
    table, before = settings_tried(three(), 0.95).table, read_before()
    own = table[table["method"] == "bernoulli"]
    assert own["error"].isna().all()
    assert set(own["tried"]) == {24}
    assert set(table.loc[table["method"] == "vib", "tried"]) == {0}
    assert len(table) == 3 + len(before)
    text = " ".join((REPOSITORY / "docs" / "method.md").read_text().split()).replace("\N{MINUS SIGN}", "-")
    decided = before["chosen"].notna()
    for change in set(before.loc[(before["method"] == "bernoulli") & ~decided, "change"]) - {"not lower"}:
        assert change in text, "docs/method.md, section 5, has the same numbers"


def test_what_decided_the_defaults_is_what_was_measured():
    measured = pd.read_csv(REPOSITORY / "results" / "reference" / "defaults" / "variants.csv")
    measured = measured[measured["strength"] == "all"]
    names = ["difference", "difference_low", "difference_high"]
    expected = sorted("{:.2f} {:.2f} {:.2f}".format(*row) for row in measured[names].itertuples(index=False))
    before = read_before().query("method == 'bernoulli' and chosen.notna()")
    shown = [re.findall(r"[-+]?\d\.\d\d", text) for text in before["change"]]
    assert sorted("{:.2f} {:.2f} {:.2f}".format(*map(float, row)) for row in shown) == sorted(
        text.replace("-0.00", "0.00") for text in expected
    )


def test_the_study_of_settings_is_what_the_protocol_allows():
    cells = [cell for cell in study_cells(STUDY).values() if cell.method != "dense"]
    settings: dict = {}
    fixed: dict = {}
    for cell in cells:
        form = form_of_key(cell.strength)
        knob = next(iter(KNOBS[cell.method].values()))["knob"]
        assert cell.settings[knob] == key_value(form, cell.strength)
        rest = {name: value for name, value in cell.settings.items() if name != knob}
        if form.startswith("gates_"):
            assert set(rest) == {"gate_learning_rate"}
            assert form == f"gates_{rest['gate_learning_rate']:.0e}".replace("e-0", "e_")
        if form.startswith("sgd_"):
            rate = float(form.removeprefix("sgd_").replace("p", "."))
            assert (cell.training.optimizer, cell.training.learning_rate) == ("sgd", rate)
        # strengths of one setting differ in the knob alone
        assert fixed.setdefault((cell.method, form), (rest, cell.training)) == (rest, cell.training)
        assert (cell.replicates, cell.first_replicate, cell.training.images) == (2, 100, "tuning")
        settings.setdefault(cell.method, {}).setdefault(form, []).append(cell.strength)
    for method, forms in settings.items():
        assert len(forms) <= 6, method
        assert {len(strengths) for strengths in forms.values()} <= {2, 3, 4}


def test_settings_are_compared_at_the_targets_of_the_search():
    for search in load_study(REPOSITORY / "config" / "config.yaml").search:
        if search.budget == "epochs":
            sizes = {target.params for target in search.targets.values() if target.params}
            assert sizes
            assert sizes <= set(TARGETS[search.architecture])


def test_the_search_takes_the_chosen_settings():
    tried = read_beside("settings", REPOSITORY / "results" / "reference")
    if tried is None:
        pytest.skip("config/settings.yaml has not run: results/reference has no settings/")
    table = settings_tried(tried, 0.95).table
    cells = [cell for cell in study_cells(STUDY).values() if cell.method != "dense"]
    chosen = (table["chosen"] == "yes") & table["n"].notna()
    for method, setting in table.loc[chosen, ["method", "setting"]].itertuples(index=False):
        cell = next(cell for cell in cells if (cell.method, form_of_key(cell.strength)) == (method, setting))
        for form, knob in KNOBS[method].items():
            asked = {name: value for name, value in cell.settings.items() if name != knob["knob"]}
            assert {name: knob["settings"].get(name, "none") for name in asked} == asked, (method, form)
            assert STUDY.training.model_copy(update=knob.get("training", {})) == cell.training, (method, form)
