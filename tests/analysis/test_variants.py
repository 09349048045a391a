"""The table of variants: differences at equal size against a curve that is known."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_study import made_up

from robustprune.analysis.read import CELL
from robustprune.analysis.variants import ALL, NOT_SEARCHED, form_of, variants

SLOPE = -0.5
"""Points of error per unit of log size."""


def study(shift=0.1, factor=1.2):
    """The method at three prices on a straight curve; its variant keeps `factor` times as much, `shift` points up."""
    runs, details, _, _ = made_up(methods=("bernoulli",), widths=(1.0,), initializations=("he_normal",))
    runs = runs.rename(columns={"operating_point": "point"}).merge(
        details.drop(columns="status"), on=[*CELL, "replicate"]
    )
    noise = np.random.default_rng(1).normal(0, 0.02, len(runs))
    parts = []
    for variant, name in (("", "c"), ("slow", "c_slow")):
        for place, size in enumerate((10_000, 20_000, 40_000)):
            kept = size * (factor if variant else 1)
            error = 1.5 + SLOPE * np.log(kept / 20_000) + (shift if variant else 0)
            part = runs.assign(strength=f"{name}{place}", variant=variant, params_kept=kept, undetermined_fraction=0.2)
            parts.append(part.assign(error_valid_percent=error + noise, key=lambda rows: rows["strength"]))
    return (
        pd.concat(parts, ignore_index=True)
        .assign(settings='{"price": 0.001}', start_of=None)
        .assign(seed=lambda rows: rows["replicate"])
    )


def test_a_variant_is_compared_at_its_own_size():
    table = variants(study(), 0.90).table
    assert list(table["variant"]) == ["-"] * 3 + ["slow"] * 4
    assert table["difference"].isna().tolist() == [True] * 3 + [False] * 4
    assert table["difference"].dropna().to_numpy() == pytest.approx(0.1, abs=1e-9)
    assert table[table["strength"] == ALL]["difference_n"].tolist() == [3]


def test_without_the_curve_the_difference_would_be_that_of_the_errors():
    """At equal strength the larger variant errs less than 0.1 points more: what the table must not show."""
    table = variants(study(), 0.90).table.set_index("strength")
    raw = table.loc["c_slow1", "error"] - table.loc["c1", "error"]
    assert raw == pytest.approx(0.1 + SLOPE * np.log(1.2))


def test_a_strength_that_collapsed_makes_no_curve():
    """A fourth price closed nearly everything: the slope to it is steep and wrong, and its spread is none."""
    runs = study(shift=0.0, factor=0.97)
    lost = runs[(runs["variant"] == "") & (runs["strength"] == "c0")]
    lost = lost.assign(strength="c9", params_kept=24.0, error_valid_percent=88.65, status="collapsed")
    table = variants(pd.concat([runs, lost], ignore_index=True), 0.90).table
    assert table["difference"].dropna().to_numpy() == pytest.approx(0, abs=1e-9)


def test_shares_come_from_history_and_unit_values():
    runs = study()
    axes = runs[[*CELL, "replicate"]]
    history = axes.assign(epoch=30, units_fc1=50, undetermined_fc1=10, units_input=50, undetermined_input=30.0)
    history = pd.concat([history, history.assign(epoch=40, undetermined_fc1=0)])
    axes = axes.assign(slot="fc1")
    values = pd.concat([axes.assign(value=value, error=error) for value, error in ((2e-3, 0), (9e-4, 1e-4), (1e-4, 0))])
    runs["training"] = '{"epochs": 40, "decay_at": 0.75}'
    row = variants(runs, 0.95, history, values).table.iloc[0]
    shown = row[["undetermined_before_percent", "undetermined_percent", "cheap_percent", "clearly_cheap_percent"]]
    assert shown.tolist() == pytest.approx([40, 20, 200 / 3, 100 / 3])


def test_without_variants_the_table_is_empty_and_says_so():
    runs = study()
    sheet = variants(runs[runs["variant"] == ""], 0.95)
    assert sheet.table.empty
    assert sheet.caption.endswith("No method ran in variants.")


def test_a_diverged_network_does_not_make_test_images_decide():
    runs = study().assign(error_test_percent=1.0)
    runs.loc[5, ["error_test_percent", "error_valid_percent"]] = np.nan
    assert set(variants(runs, 0.90).table["error_of"]) == {"validation"}


def test_a_method_whose_strengths_keep_one_size_has_a_table_without_differences():
    runs = study()
    runs.loc[runs["variant"] == "", "params_kept"] = 20_000
    table = variants(runs, 0.90).table
    assert table["error"].notna().sum() == 6
    assert table["difference"].isna().all()


def test_beyond_the_curve_of_the_method_there_is_no_difference():
    """The method keeps 10,000 to 40,000 parameters; its curve is continued by a quarter."""
    table = variants(study(factor=1.2), 0.90).table
    assert table["difference"].notna().sum() == 4
    assert table["moved_percent"].dropna().to_numpy() == pytest.approx(20)
    table = variants(study(factor=1.3), 0.90).table
    assert table.set_index("strength")["difference"].isna()["c_slow2"]
    assert table.set_index("strength")["difference"].notna()[ALL]


def test_one_strength_of_the_method_gives_no_difference():
    """The raw difference would be that of two sizes."""
    runs = study()
    table = variants(runs[runs["strength"].isin(["c1", "c_slow1"])], 0.90).table
    assert len(table) == 2
    assert table["difference"].isna().all()


def test_gates_that_are_rounded_before_the_rate_falls_are_counted_before_that():
    runs = study()
    runs["training"] = '{"epochs": 40, "decay_at": 1.0}'
    runs["settings"] = '{"price": 0.001, "noise_free_last": 0.25}'
    axes = runs[[*CELL, "replicate"]]
    history = [axes.assign(epoch=epoch, units_fc1=50, undetermined_fc1=left) for epoch, left in ((29, 10), (40, 0))]
    table = variants(runs, 0.95, pd.concat(history)).table
    assert table["undetermined_before_percent"].iloc[0] == pytest.approx(20)


def test_an_objective_without_a_price_has_no_units_worth_less_than_it():
    runs = study()
    values = runs[[*CELL, "replicate"]].assign(slot="fc1", value=1e-4, error=0.0)
    assert variants(runs, 0.95, values=values).table["cheap_percent"].iloc[0] == 100
    fixed = runs.assign(settings='{"price": 0.001, "prior": "fixed", "pi": 0.1}')
    assert variants(fixed, 0.95, values=values).table["cheap_percent"].isna().all()


def test_networks_that_are_not_ok_are_counted():
    runs = study()
    runs.loc[0, "status"] = "collapsed"
    assert variants(runs, 0.95).table["not_ok"].sum() == 1


FORMS = ("one", "sep")
APART = 0.4
"""Points of error by which the form `sep` lies above `one`, at every size."""


def in_forms():
    """The method in two forms, `sep` above `one` and at other sizes; the variant `slow` is 0.1 points above `one`."""
    runs = study()
    itself, slow = (runs[(runs["variant"] == "") == own] for own in (True, False))
    sep = itself.assign(
        params_kept=itself["params_kept"] * 1.1,
        error_valid_percent=itself["error_valid_percent"] + SLOPE * np.log(1.1) + APART,
    )
    named = [part.assign(strength=_searched(part, form)) for part, form in zip((itself, sep), FORMS, strict=True)]
    return pd.concat([*named, slow.assign(strength=_searched(slow, "nu"))], ignore_index=True)


def _searched(part, form):
    return form + "_" + part["strength"].str[-1] + "e_4"


def test_a_variant_is_compared_with_every_form_of_the_method_along_its_own_curve():
    sheet = variants(in_forms(), 0.90)
    table = sheet.table
    assert list(table["against"].fillna("")) == [""] * 6 + ["one"] * 4 + ["sep"] * 4
    against = {form: rows["difference"].to_numpy() for form, rows in table.groupby("against")}
    assert against["one"] == pytest.approx(0.1, abs=1e-9)
    assert against["sep"] == pytest.approx(0.1 - APART, abs=1e-9)
    assert table[table["against"].notna()].groupby("against")["strength"].apply(list).map(len).tolist() == [4, 4]
    assert "against form" in sheet.sections[0][1]
    assert "Against form:" in sheet.caption


def test_a_setting_that_changes_one_form_is_compared_with_that_form():
    runs = in_forms()
    slow = runs["variant"] == "slow"
    runs.loc[slow, "strength"] = runs.loc[slow, "strength"].str.replace("nu", "one") + "_slow"
    assert form_of("one_2e_4_slow", "slow") == "one"
    table = variants(runs, 0.90).table
    assert set(table.loc[table["variant"] == "slow", "against"]) == {"one"}
    assert table["difference"].dropna().to_numpy() == pytest.approx(0.1, abs=1e-9)


def test_strengths_that_no_search_named_are_a_form_beside_those_of_a_search():
    runs = in_forms()
    runs["strength"] = runs["strength"].str.replace("sep_(.)e_4", r"c\1", regex=True)
    assert set(variants(runs, 0.90).table["against"].dropna()) == {"one", NOT_SEARCHED}


def test_one_form_is_not_named():
    sheet = variants(study(), 0.90)
    assert sheet.table["against"].isna().all()
    assert "against form" not in sheet.sections[0][1]
    assert "Against form:" not in sheet.caption


def test_a_strength_of_the_method_without_numbers_is_no_part_of_its_curve():
    runs = study()
    lost = runs[runs["strength"] == "c1"].assign(strength="c0_lost", status="diverged")
    lost[["params_kept", "error_valid_percent", "error_test_percent"]] = np.nan
    table = variants(pd.concat([runs, lost], ignore_index=True), 0.90).table
    assert table["strength"].tolist()[:4] == ["c2", "c1", "c0", "c0_lost"]
    assert table.loc[table["variant"] == "slow", "difference"].to_numpy() == pytest.approx(0.1, abs=1e-9)


def test_every_budget_has_a_section_that_names_it():
    sheet = variants(pd.concat([study(), study().assign(budget="macs")], ignore_index=True), 0.90)
    network = "LeNet-300-100 on MNIST, track full, "
    assert [heading for heading, _ in sheet.sections] == [
        network + "at equal epochs",
        network + "within the MACs of dense training",
    ]
    assert [len(rows) for _, rows in sheet.sections] == [7, 7]


@pytest.mark.parametrize(
    ("settings", "cheap"),
    [
        ({"price": 1e-3, "ratios": {"fc1": 4.0}}, 75),
        ({"price": {"fc1": 4e-3, "fc2": 1e-3}}, 75),
        ({"price": 1e-3}, 50),
        ({"price": {"fc1": 4e-3, "fc2": 1e-3}, "ratios": {"fc1": 0.1}}, 25),
        ({"price": None, "nu": 1.0, "cost": "complexity"}, np.nan),
    ],
)
def test_a_unit_has_the_price_of_its_slot(settings, cheap):
    runs = study().assign(settings=json.dumps(settings))
    units = [("fc1", 9e-4), ("fc1", 2e-3), ("fc2", 9e-4), ("fc2", 2e-3)]
    axes = runs[[*CELL, "replicate"]]
    values = pd.concat([axes.assign(slot=slot, value=value, error=0.0) for slot, value in units])
    found = variants(runs, 0.95, values=values).table
    assert found["cheap_percent"].iloc[0] == pytest.approx(cheap, nan_ok=True)
    assert found["clearly_cheap_percent"].iloc[0] == pytest.approx(cheap, nan_ok=True)


def test_units_of_collapsed_networks_count_and_those_of_diverged_ones_do_not():
    """Of three networks one keeps only units worth less than c: a third; of two alone, none."""
    runs = study()
    values = runs[[*CELL, "replicate"]].assign(slot="fc1", error=0.0)
    values["value"] = np.where(values["replicate"] == 0, 1e-4, 1.0)
    for status, cheap in (("collapsed", 100 / 3), ("diverged", 0)):
        runs.loc[runs["replicate"] == 0, "status"] = status
        assert variants(runs, 0.95, values=values).table["cheap_percent"].iloc[0] == pytest.approx(cheap)


def test_the_table_of_own_settings_compares_within_a_form(monkeypatch):
    """Networks of both forms at equal size, and at equal MACs, have the same seeds."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "workflow" / "scripts"))
    import own_settings

    runs = in_forms().assign(error_test_percent=lambda rows: rows["error_valid_percent"])
    runs = runs[runs["strength"].str.contains("_1e_4")]
    runs["settings"] = runs["strength"].map({"one_1e_4": '{"drift": 1}', "sep_1e_4": '{"drift": 2}'}).fillna("{}")
    changed = runs[runs["variant"] == "slow"].assign(strength="one_1e_4_slow", settings='{"drift": 3}')
    runs = pd.concat([runs, changed], ignore_index=True).assign(architecture="lenet5", operating_point=True)
    runs = pd.concat([runs, runs[runs["variant"] == ""].assign(budget="macs")], ignore_index=True)
    monkeypatch.setattr(own_settings, "read_detailed_runs", lambda folder: runs.assign(point="at_size"))
    lines = own_settings.changed().strip().splitlines()
    assert len(lines) == 3  # nu has a strength of its own, and no row
    assert "`drift` 3 (study: 1)" in lines[2]
    assert "| +20 [" in lines[2]
