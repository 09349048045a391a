"""The table of variants: differences at equal size against a curve that is known."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.read import CELL
from robustprune.analysis.variants import ALL, variants

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


def test_shares_come_from_history_and_unit_values():
    runs = study()
    axes = runs[[*CELL, "replicate"]]
    history = axes.assign(epoch=30, units_fc1=50, undetermined_fc1=10, units_input=50, undetermined_input=30.0)
    history = pd.concat([history, history.assign(epoch=40, undetermined_fc1=0)])
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
    values = runs[[*CELL, "replicate"]].assign(value=1e-4, error=0.0)
    assert variants(runs, 0.95, values=values).table["cheap_percent"].iloc[0] == 100
    fixed = runs.assign(settings='{"price": 0.001, "prior": "fixed", "pi": 0.1}')
    assert variants(fixed, 0.95, values=values).table["cheap_percent"].isna().all()


def test_networks_that_are_not_ok_are_counted():
    runs = study()
    runs.loc[0, "status"] = "collapsed"
    assert variants(runs, 0.95).table["not_ok"].sum() == 1
