"""Published results and settings beside ours."""

import json

import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.published import params_of, published_results, published_settings, read_published
from robustprune.analysis.published.domination import domination
from robustprune.gathering.asked import asked_columns
from robustprune.methods.parts.registry import find_method, method_names
from robustprune.networks.architecture import architecture_names
from robustprune.study.config import TrainingSettings


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


def test_domination_needs_both_params_and_error():
    """VIBNet: 9,674 params at 1.6 %; L0-HC: 26,773 at 1.6 % and 69,590 at 1.4 %; BC-GNJ: 28,769 at 1.8 %."""
    runs = runs_of("bernoulli", {"a": 9_000, "b": 25_000}, price=1e-3)
    runs["error_test_percent"] = [1.5, 1.6, 1.9, 1.50, 1.52, 1.54]
    table = domination(runs, 0.95).table.set_index("published_units")
    assert table["dominated"].to_dict() == {
        "97-71-33": "no",  # 1.67 % in the mean
        "266-88-33": "yes",  # 1.52 +- 0.05 %
        "219-214-100": "no",
        "278-98-13": "yes",
        "311-86-14": "yes",
        "512-114-72": "yes",
    }
    row = table.loc["97-71-33"]
    assert (row["strength"], row["networks_dominating"], row["n"]) == ("a", 2, 3)
    runs.loc[runs["strength"] == "b", "error_test_percent"] = [1.4, 1.5, 1.7]
    assert domination(runs, 0.95).table.set_index("published_units").loc["266-88-33", "dominated"] == "in the mean"
    runs.loc[runs["strength"] == "a", "error_test_percent"] = [1.7, 1.71, 1.72]
    table = domination(runs, 0.95).table.set_index("published_units")  # b errs less, a less than 1.8 % for sure
    assert table.loc["278-98-13", ["strength", "dominated"]].tolist() == ["a", "yes"]
    ablation = runs[runs["strength"] == "a"].assign(strength="c", error_test_percent=1.0)
    ablation["variant"] = "fixed prior"
    assert domination(pd.concat([runs, ablation]), 0.95).table.equals(domination(runs, 0.95).table)
    smaller = domination(runs[runs["strength"] == "b"], 0.95).table.set_index("published_units")
    assert smaller.loc["97-71-33", "dominated"] == "no strength as small"


def test_a_method_without_a_published_result_is_named():
    sheet = published_results(runs_of("l0_arm", {"a": 20_000}, l0_lambda=0.1), 0.95)
    table, page = sheet.table, sheet.html()
    assert table.empty
    assert "Without a published result for these networks: l0_arm" in page


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
    assert set(results["status"]) == {"verified", "unverified"}
    for row in results.itertuples():
        if row.architecture in architecture_names():
            assert params_of(row.architecture, row.units_kept) > 0
