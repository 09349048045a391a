"""The table of variants: differences at equal size against a curve that is known."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.read import CELL
from robustprune.analysis.variants import ALL, variants

SLOPE = -0.5
"""Points of error per unit of log size."""


def study(shift=0.1, factor=1.3):
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
    assert raw == pytest.approx(0.1 + SLOPE * np.log(1.3))


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


def test_a_method_whose_strengths_keep_one_size_has_a_table():
    runs = study()
    runs.loc[runs["variant"] == "", "params_kept"] = 20_000
    assert variants(runs, 0.90).table["difference"].notna().any()
