"""Published results and settings beside ours."""

import json

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.published import params_of, published_results, published_settings, read_published
from robustprune.analysis.published.domination import domination
from robustprune.gathering.asked import asked_columns
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.networks.architecture import architecture_names
from robustprune.study.training_settings import TrainingSettings


def runs_of(method: str, sizes: dict[str, int], **settings) -> pd.DataFrame:
    """Runs of one method with a strength for each mean size."""
    tables = []
    for strength, size in sizes.items():
        runs, details, _, _ = made_up(methods=(method,), widths=(1.0,), initializations=("he_normal",))
        values = find_method(method).Settings.model_validate(settings).model_dump_json()
        tables.append(
            runs.assign(
                strength=strength,
                params_kept=[size - 1, size, size + 1],
                training=details["training"],
                settings=values,
                **asked_columns(settings, operating_point=False),
            )
        )
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize(
    ("arch", "units", "params"),
    [
        ("lenet_300_100", "97-71-33", 9674),
        ("lenet_300_100", "266-88-33", 26773),
        ("lenet_300_100", "278-98-13", 28769),
        ("lenet5", "8-13-88-13", 4118),
        ("lenet5", "20-25-45-462", 38927),
        ("lenet5", "3-12-800-500", 406500),
    ],
)
def test_params_of_printed_units(arch, units, params):
    """docs/baselines.md 16.4."""
    assert params_of(arch, units) == params


def test_nearest_strength_by_size_and_not_by_error():
    runs = runs_of("l0_hc", {"a": 10_000, "b": 24_000, "c": 70_000}, l0_lambda=0.1)
    runs.loc[runs["strength"] == "a", "error_test_percent"] = 0.1  # the best error, but a third of the size
    sheet = published_results(runs, 0.95)
    table, page = sheet.table, sheet.html()
    chosen = dict(zip(table["published_units"], table["strength"], strict=True))
    assert chosen == {"266-88-33": "b", "219-214-100": "c"}
    row = table[table["published_units"] == "266-88-33"].iloc[0]
    assert (row["published_params"], row["published_error_percent"], row["status"]) == (26773, 1.6, "verified")
    assert (row["params_kept"], row["n"], row["epochs"]) == (24_000, 3, 40)
    assert row["error_test_percent"] == pytest.approx(1.6)
    assert "26,773" in page
    assert "unverified" in page


def beside(runs):
    return domination(runs, 0.95).table.set_index("published_units")


def test_published_networks_stand_beside_the_strength_of_smallest_validation_error():
    """VIBNet: 9,674 params at 1.6 %; L0-HC: 26,773 at 1.6 % and 69,590 at 1.4 %. Test errors have no say."""
    runs = runs_of("bernoulli", {"a": 9_000, "b": 25_000, "c": 60_000}, price=1e-3)
    runs["error_valid_percent"] = runs["strength"].map({"a": 2.5, "b": 1.9, "c": 2.0})
    runs["error_test_percent"] = [1.5, 1.6, 1.9, 1.50, 1.52, 1.54, 1.0, 1.0, 1.0]
    table = beside(runs)
    assert table.loc[["97-71-33", "266-88-33", "219-214-100"], "strength"].tolist() == ["a", "b", "b"]
    worse = runs.assign(error_test_percent=5.0)
    assert beside(worse)["strength"].equals(table["strength"])
    row = table.loc["97-71-33"]
    assert (row["published_params"], row["published_macs"]) == (9674, 97 * 71 + 71 * 33 + 33 * 10)
    assert (row["params"], row["error"], row["published_status"]) == (9000, pytest.approx(5 / 3), "verified")
    smaller = beside(runs[runs["strength"] == "b"]).loc["97-71-33"]  # none is as small: the nearest
    assert (smaller["strength"], smaller["at_most"]) == ("b", "MACs, error")


def test_what_is_at_most_theirs_is_said_measure_by_measure():
    runs = runs_of("bernoulli", {"a": 9_000}, price=1e-3).assign(error_valid_percent=2.0, macs_kept=50_000)
    runs["error_test_percent"] = [1.5, 1.6, 1.65]
    table = beside(runs)
    assert table.loc["97-71-33", "at_most"] == "params, error in the mean"
    assert table.loc["266-88-33", "at_most"] == "params, error in the mean"
    assert table.loc["219-214-100", "at_most"] == "params, MACs"
    assert table.loc["278-98-13", "at_most"] == "params, error"


def test_a_strength_without_a_validation_run_is_not_chosen():
    runs = runs_of("bernoulli", {"a": 9_000, "b": 25_000, "long": 26_000}, price=1e-3)
    runs["error_valid_percent"] = runs["strength"].map({"a": 2.5, "b": 1.9})
    assert set(beside(runs)["strength"]) == {"a", "b"}
    runs["error_valid_percent"] = np.nan
    assert domination(runs, 0.95).table.empty
    runs["operating_point"] = runs["strength"].isin(["a", "b"])  # chosen by validation errors, in the sweep
    assert beside(runs)["strength"].tolist()[:3] == ["a", "b", "b"]
    ablation = runs[runs["strength"] == "b"].assign(strength="c", variant="fixed prior", params_kept=26_000)
    assert beside(pd.concat([runs, ablation]))["strength"].equals(beside(runs)["strength"])


def test_a_method_without_a_published_result_is_named():
    sheet = published_results(runs_of("beta_bernoulli", {"a": 20_000}), 0.95)
    table, page = sheet.table, sheet.html()
    assert table.empty
    assert "Without a published result for these networks: beta_bernoulli" in page


def test_our_settings_come_from_the_records():
    runs = runs_of("vib", {"a": 10_000}, kappa=1e-4, pretrain=0.1, fine_tune=0.2)
    runs["training"] = TrainingSettings(epochs=24, l2=1e-5).model_dump_json()
    table = published_settings(runs, 0.95).table
    ours = dict(zip(table["setting"], table["ours"], strict=True))
    assert ours["epochs"] == "24: first 10% pre-training, last 20% fine-tuning"
    assert ours["optimizer"] == "Adam, weights 0.001, gates 0.01"
    both = pd.concat([runs, runs.assign(training=TrainingSettings(epochs=40, l2=1e-5).model_dump_json())])
    table = published_settings(both, 0.95).table
    assert " or " in dict(zip(table["setting"], table["ours"], strict=True))["epochs"]


@pytest.mark.parametrize("method", sorted(set(read_published("settings")["method"])))
def test_every_template_can_be_filled(method):
    own = json.loads(runs_of(method, {"a": 1}, **REQUIRED.get(method, {}))["settings"].iloc[0])
    assert method in method_names()
    table = published_settings(runs_of(method, {"a": 1}, **own), 0.95).table
    assert len(table) == (read_published("settings")["method"] == method).sum()
    assert not table["ours"].str.contains(r"[{}]|None").any()


REQUIRED = {
    "l0_hc": {"l0_lambda": 0.1},
    "l0_arm": {"l0_lambda": 0.1},
    "generalized_dropout": {"b": 2.0},
    "vib": {"kappa": 1e-4},
}


def test_published_rows_fit_the_study():
    results = read_published("results")
    assert set(results["status"]) == {"verified", "figure", "unverified"}
    for row in results.itertuples():
        if row.architecture in architecture_names():
            assert params_of(row.architecture, row.units_kept) > 0
