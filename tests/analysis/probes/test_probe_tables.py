"""Tables of probes, on tables whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from robustprune.analysis.probes.certified import certified
from robustprune.analysis.probes.estimators import estimators
from robustprune.analysis.probes.false_removals import ALL, RULE_TITLES, false_removals
from robustprune.analysis.probes.gate_worth import gate_worth
from robustprune.analysis.probes.rows import NONE
from robustprune.analysis.read import CELL
from robustprune.analysis.verdicts.decision import NO, TOO_FEW, UNDECIDED, YES

AXES = dict(zip(CELL, ("mnist", "lenet_300_100", "full", "bernoulli", "c", "he_normal", 1.0, "epochs"), strict=True))
RUNS = pd.DataFrame(
    [
        {
            **AXES,
            "replicate": replicate,
            "status": "ok",
            "settings": '{"price": 0.001, "drift": 0.002}',
            "training": '{"l2": 0.01, "optimizer": "sgd", "learning_rate": 0.1, "epochs": 4}',
        }
        for replicate in range(3)
    ]
)


def removals(false: int, replicates: int = 3, asked: int = 100) -> pd.DataFrame:
    """A hundred units a network that end closed, of which the rule asks in epoch 2, and `false` that end open."""
    rows = []
    for replicate in range(replicates):
        for unit in range(asked + false):
            opened = unit >= asked
            theta = 0.9 if opened else 0.0
            own = {**AXES, "replicate": replicate, "slot": "fc1", "unit": unit, "theta_end": theta}
            rows.append({**own, "rule": "mean_0p02", "epoch": 2.0})
            if not opened:
                rows.append({**own, "rule": "closed", "epoch": 4.0})
    return pd.DataFrame(rows)


def first_row(sheet, **where) -> pd.Series:
    table = sheet.table
    for name, value in where.items():
        table = table[table[name] == value]
    return table.iloc[0]


def test_a_rule_without_false_removals_has_the_bound_of_a_binomial_share():
    row = first_row(false_removals(RUNS, 0.95, removals(0)), rule="mean_0p02", slot=ALL)
    assert (row["asked"], row["false"], row["false_percent"]) == (300, 0, 0)
    assert row["most_percent"] == pytest.approx(100 * (1 - 0.025 ** (1 / 300)))  # the exact bound at zero of n
    assert row["below"] == UNDECIDED  # 1.2 %: three hundred units are too few
    assert row["closed_percent"] == 100
    assert row["epoch"] == 2
    assert first_row(false_removals(RUNS, 0.95, removals(0, asked=200)), rule="mean_0p02", slot=ALL)["below"] == YES


def test_two_networks_are_too_few_for_a_bound():
    row = first_row(false_removals(RUNS, 0.95, removals(0, replicates=2, asked=900)), rule="mean_0p02", slot=ALL)
    assert (row["below"], row["n"]) == (TOO_FEW, 2)


def test_a_unit_is_found_before_the_last_epoch_if_the_rule_asks_at_its_start_or_before():
    table = removals(0)
    table.loc[table["rule"] == "mean_0p02", "epoch"] = 3.5  # of four epochs
    assert first_row(false_removals(RUNS, 0.95, table), rule="mean_0p02", slot=ALL)["closed_percent"] == 0


def test_networks_that_diverged_have_no_rows():
    runs = RUNS.assign(status=["ok", "ok", "diverged"])
    row = first_row(false_removals(runs, 0.95, removals(0)), rule="mean_0p02", slot=ALL)
    assert (row["n"], row["asked"]) == (2, 200)


def test_false_removals_are_counted_by_third_of_training():
    """Of four epochs: the rule asks for ten units in each network in epoch 1, for the others in epoch 4."""
    table = removals(2)
    asked = table["rule"] == "mean_0p02"
    table.loc[asked, "epoch"] = np.where(table.loc[asked, "unit"] < 10, 1.0, 4.0)
    row = first_row(false_removals(RUNS, 0.95, table), rule="mean_0p02", slot=ALL)
    assert [row[f"asked_{third}"] for third in ("first", "middle", "last")] == [30, 0, 276]
    assert [row[f"false_{third}"] for third in ("first", "middle", "last")] == [0, 0, 6]


def test_false_removals_are_counted_by_network():
    row = first_row(false_removals(RUNS, 0.95, removals(25)), rule="mean_0p02", slot="fc1")
    assert (row["false"], row["false_percent"], row["below"]) == (75, pytest.approx(20), NO)
    assert np.isnan(row["worth"])


def test_false_removals_know_what_the_units_were_worth():
    table = removals(2)
    values = table[table["theta_end"] > 0.5][[*CELL, "replicate", "slot", "unit"]]
    values = values.assign(price=1e-3, value_rounded=[2e-3, 5e-4] * 2 + [2e-3, np.nan], value_noise=9e-4)
    closed = table[(table["theta_end"] == 0) & (table["unit"] == 1)][
        [*CELL, "replicate", "slot", "unit"]
    ].drop_duplicates()
    values = pd.concat([values, closed.assign(price=1e-3, value_rounded=0.0, value_noise=2e-3)])
    row = first_row(false_removals(RUNS, 0.95, table, values), rule="mean_0p02", slot=ALL)
    assert (row["worth"], row["known"]) == (3, 5)
    assert (row["measured"], row["worth_median"]) == (8, 0.5)  # three closed units of worth 0 beside these five
    assert (row["worth_c"], row["worth_c_noise"]) == (3, 3)


def bounds() -> pd.DataFrame:
    """Two units that the rule takes in epochs 2 and 3, and one that it never takes."""
    rows = []
    for epoch in (1, 2, 3):
        for unit, (size, met) in enumerate(((0.002, 2), (0.2, 3), (9.0, 9))):
            own = {**AXES, "replicate": 0, "slot": "fc1", "unit": unit, "epoch": epoch, "price": 1e-3}
            sizes = {"size_in": size, "size_out": size * epoch, "theta": 0.0, "kappa": 0.5, "kappa_max": 2.0}
            rows.append({**own, **sizes, "met": epoch >= met})
    return pd.DataFrame(rows)


def test_sizes_are_those_of_the_epoch_in_which_the_rule_takes_a_unit():
    row = first_row(certified(RUNS, 0.95, bounds()))
    assert row["units"] == 2
    # kappa S / c: S = 0.002 (1 + 2) / 2 and 0.2 (1 + 3) / 2
    assert row["ratio_median"] == pytest.approx((0.5 * 0.003 / 1e-3 + 0.5 * 0.4 / 1e-3) / 2)
    assert row["below_percent"] == 0
    assert row["theta_bound"] == pytest.approx(0.02)
    assert row["vacuous"] == "no"
    # momentum 0.9 makes the weights ten times as fast: drift (1 - 0.9) / (c rate) = 0.0002 / (0.001 0.1)
    assert row["gate_rate"] == pytest.approx(2)


def test_small_units_lie_in_the_certified_sets():
    small = bounds().assign(size_in=1e-4, size_out=1e-4)
    row = first_row(certified(RUNS, 0.95, small))
    assert (row["below_percent"], row["inside_percent"], row["extended_percent"]) == (100, 100, 100)
    above = small.assign(theta=0.5)  # outside A, and the gate closes in time only where it is fast
    row = first_row(certified(RUNS, 0.95, above))
    assert (row["below_percent"], row["inside_percent"]) == (100, 0)


def test_units_may_come_into_the_certified_set_after_their_removal():
    """Unit 0, asked for in epoch 2, is small in epoch 4, the last; unit 1 never is. Network 0 was read to the end."""
    first = bounds()
    last = first[first["epoch"] == 3].assign(epoch=4)
    small = last["unit"] == 0
    last.loc[small, ["size_in", "size_out", "kappa_max"]] = 1e-4, 1e-4, 100.0
    whole = pd.concat([first, last])
    others = first.assign(replicate=1), last.assign(replicate=2)  # another that asks for units in the last epoch
    row = first_row(certified(RUNS, 0.95, pd.concat([whole, *others])))
    assert (row["units"], row["inside_percent"]) == (6, pytest.approx(100 / 6))
    assert (row["end_percent"], row["end_max_percent"], row["epochs_later"]) == (50, 0, 2)
    assert np.isnan(first_row(certified(RUNS, 0.95, first))["end_percent"])  # its last epoch was not read


def test_the_extension_is_for_plain_descent_only():
    adam = RUNS.assign(training='{"l2": 0.0, "optimizer": "adam", "learning_rate": 0.001, "epochs": 4}')
    row = first_row(certified(adam, 0.95, bounds()))
    assert row["vacuous"] == "yes"
    assert np.isnan(row["extended_percent"])


def gate_values() -> pd.DataFrame:
    """Per network three open gates worth 3c, c/2 (clearly less) and c/2 (not clearly), and two closed ones."""
    rows = []
    for replicate in range(3):
        for unit, (theta, value, error) in enumerate(
            ((1.0, 3e-3, 1e-4), (1.0, 5e-4, 1e-4), (0.9, 5e-4, 4e-4), (0.0, 3e-3, 1e-4), (0.3, 0.0, 0.0))
        ):
            own = {**AXES, "replicate": replicate, "slot": "fc1", "unit": unit, "theta": theta, "price": 1e-3}
            measured = {
                f"{what}_{way}": number
                for way in ("rounded", "noise")
                for what, number in (("value", value), ("error", error))
            }
            rows.append({**own, **measured, "crossings": unit})
        rows.append({**own, "unit": 5, "theta": 0.5, "crossings": 5})
    return pd.DataFrame(rows)


def test_open_gates_below_and_closed_gates_above_their_price():
    row = first_row(gate_worth(RUNS, 0.95, gate_values()))
    for way in ("rounded", "noise"):
        assert row[f"open_cheap_{way}"] == pytest.approx(200 / 3)
        assert row[f"open_clearly_{way}"] == pytest.approx(100 / 3)
        assert row[f"closed_worth_{way}"] == 50
        assert row[f"closed_clearly_{way}"] == 50
    assert row["crossings"] == 2.5
    assert row["undetermined"] == pytest.approx(100 * 3 / 6)  # 0.9, 0.3 and 0.5
    assert (row["open"], row["closed"]) == (9, 6)


def estimates(shrink: float, shift: float) -> pd.DataFrame:
    """Mean estimates that are `shrink` times the exact values plus `shift` prices."""
    exact = np.array([-5e-3, -2e-3, -5e-4, 0.0, 1e-3])
    rows = []
    for replicate in range(3):
        for unit, value in enumerate(exact):
            own = {**AXES, "replicate": replicate, "slot": "fc1", "unit": unit, "epoch": 1, "theta": 0.2 * unit}
            numbers = {"mean": shrink * value + shift * 1e-3, "deviation": 0.1, "exact": value, "exact_error": 0.0}
            rows.append({**own, **numbers, "price": 1e-3, "estimator": "first_order"})
    return pd.DataFrame(rows)


def test_bias_slope_order_and_side_of_an_estimator():
    row = first_row(estimators(RUNS, 0.95, estimates(0.4, 0.0)), gates="all")
    assert row["slope"] == pytest.approx(0.4)
    assert row["rank"] == pytest.approx(1)
    assert row["bias"] == pytest.approx(0.6 * (5 + 2 + 0.5 - 1) / 5)
    # -2e-3 is below -c, its estimate -8e-4 is above: one of five
    assert row["wrong"] == pytest.approx(20)
    assert row["spread"] == pytest.approx(100)
    exact = first_row(estimators(RUNS, 0.95, estimates(1.0, 0.0)), gates="all")
    assert (exact["bias"], exact["wrong"]) == (pytest.approx(0), 0)


def test_an_estimator_that_is_exact_has_slope_one_whatever_the_error_of_the_exact_values():
    """Both come from the same images, so that the error over images is common to them."""
    table = estimates(1.0, 0.0).assign(exact_error=1e-3)
    table = table.assign(mean=table["exact"])
    assert first_row(estimators(RUNS, 0.95, table), gates="all")["slope"] == pytest.approx(1)


def test_budgets_are_not_pooled():
    runs = pd.concat([RUNS, RUNS.assign(budget="macs")])
    table = pd.concat([removals(0), removals(25).assign(budget="macs")])
    found = false_removals(runs, 0.95, table).table
    rows = found[(found["rule"] == "mean_0p02") & (found["slot"] == ALL)].set_index("budget")
    assert rows["asked"].to_dict() == {"epochs": 300, "macs": 375}
    assert rows["false"].to_dict() == {"epochs": 0, "macs": 75}
    assert false_removals(RUNS, 0.95, table).table["false"].sum() == 0, "networks that the table does not show"


@pytest.mark.parametrize("table", [false_removals, certified, gate_worth, estimators])
def test_a_study_without_probes_has_an_empty_table_that_says_so(table):
    sheet = table(RUNS, 0.95)
    assert sheet.table.empty
    assert NONE in sheet.caption


def test_the_rule_of_the_method_is_first():
    assert next(iter(RULE_TITLES)) == "mean_0p02"
