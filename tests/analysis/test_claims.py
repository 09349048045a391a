"""The verdict table: each claim of the abstract on networks whose answer is known."""

import json

import numpy as np
import pandas as pd
import pytest
import test_table_at_equal_size as at_equal_size
from made_up_study import made_up

from robustprune.analysis.claims import NOT_RUN
from robustprune.analysis.claims_table import claims
from robustprune.analysis.equal_size import equal_size
from robustprune.analysis.moments import before_the_rate_falls, removal_times, undetermined_at, while_gates_are_drawn
from robustprune.analysis.read import CELL, read_detailed_runs, read_long
from robustprune.analysis.statistics import Estimate
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, TOO_FEW, UNDECIDED, YES, at_most
from robustprune.study.training_settings import TrainingSettings

EPOCHS = 20
SLOTS = {"input": 784, "fc1": 300, "fc2": 100}
SETTINGS = {"bernoulli": {"noise_free_last": 0.1}, "vib": {"fine_tune": 0.25}, "dense": {}}
NOISE = np.array([-0.01, 0.0, 0.01])


def study(size_by_width=0.0, size_by_start=0.0, macs=20.0, seconds=1.0, undetermined=0, **gone_at):
    """The method, vib and dense training from two widths and two initializations, with histories.

    size_by_width, size_by_start: added log size of vib at width 2 and from the other initialization. gone_at: slot ->
    the epoch after which vib's slot has lost all that it loses (half of its units).
    """
    runs, details, _, _ = made_up(methods=("bernoulli", "vib", "dense"))
    runs = runs.rename(columns={"operating_point": "point"}).merge(
        details.drop(columns="status"), on=[*CELL, "replicate"]
    )
    vib, dense = runs["method"] == "vib", runs["method"] == "dense"
    grown = vib * (size_by_width * (runs["width"] == 2) + size_by_start * (runs["initialization"] == "orthogonal"))
    runs["params_kept"] = np.exp(10 + grown + NOISE[runs["replicate"]])
    kept = 300 * np.exp(grown + NOISE[runs["replicate"]])
    runs["units_kept"] = [f"{round(units)}-50-20" for units in kept]
    runs["train_macs"] = np.where(vib, macs, np.where(dense, 100.0, 20.0)) + NOISE[runs["replicate"]]
    runs["train_macs_dense"] = 100.0
    runs["train_seconds"] = np.where(vib, seconds, np.where(dense, 2.0, 1.0))
    runs["error_test_percent"] = 1.5 + NOISE[runs["replicate"]]
    runs = runs.assign(device="cpu", threads=1, undetermined_fraction=0.0)
    runs["training"] = TrainingSettings(epochs=EPOCHS).model_dump_json()
    runs["settings"] = runs["method"].map(lambda method: json.dumps(SETTINGS[method]))
    rows = []
    for row in runs[[*CELL, "replicate"]].to_dict("records"):
        for epoch in range(1, EPOCHS + 1):
            counts = {}
            for slot, units in SLOTS.items():
                left = units // 2 if epoch >= gone_at.get(slot, 1) else units
                counts[f"units_{slot}"] = units if row["method"] == "dense" else left
                gates = row["method"] == "bernoulli"
                counts[f"undetermined_{slot}"] = (undetermined if epoch <= 18 else 0) if gates else None
            rows.append({**row, "epoch": epoch, **counts})
    return runs, pd.DataFrame(rows)


def verdict(found, claim, method):
    rows = found.table[found.table["claim"].str.contains(claim) & (found.table["method"] == method)]
    assert len(rows) == 1
    return rows["verdict"].iloc[0]


def judged(**values):
    runs, history = study(**values)
    return claims(runs, 0.95, history)


@pytest.mark.parametrize(("shift", "answer"), [(0.0, YES), (0.09, UNDECIDED), (0.5, NO)])
def test_starts_are_judged_by_equivalence(shift, answer):
    by_width, by_start = judged(size_by_width=shift), judged(size_by_start=2 * shift)
    assert verdict(by_width, "starting size", "vib") == answer
    assert verdict(by_start, "initialization", "vib") == answer
    assert verdict(by_width, "starting size", "bernoulli") == YES  # only vib was moved


def test_a_method_that_is_given_a_size_is_not_asked_for_starts():
    runs, history = study()
    runs.loc[runs["method"] == "vib", "settings"] = json.dumps({"target_params": 26000})
    found = claims(runs, 0.95, history)
    assert verdict(found, "starting size", "vib") == verdict(found, "initialization", "vib") == NOT_APPLICABLE


@pytest.mark.parametrize(("count", "answer"), [(0, YES), (1, YES), (30, NO)])
def test_gates_are_judged_before_a_schedule_rounds_them(count, answer):
    """One gate a slot is 3 of 592 or 0.5 %, 30 are 15 %; after epoch 18 of 20 there are none."""
    found = judged(undetermined=count)
    assert verdict(found, "0 or 1", "bernoulli") == answer
    assert verdict(found, "0 or 1", "vib") == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("epochs", "answer"),
    [({"input": 10, "fc1": 1}, YES), ({"input": 10, "fc1": 11}, NO)],
)
def test_units_leave_early_where_every_slot_is_done_by_half(epochs, answer):
    assert verdict(judged(**epochs), "early", "vib") == answer


def test_a_criterion_is_not_asked_when_its_units_leave():
    runs, history = study(fc1=11)
    runs.loc[runs["method"] == "vib", "settings"] = json.dumps({"target": 0.1, "prune_until": 0.375})
    assert verdict(claims(runs, 0.95, history), "early", "vib") == NOT_APPLICABLE


def test_a_method_with_more_initializations_is_also_judged_over_those_of_dense_training():
    """bernoulli has a third initialization, from which it keeps half as much again."""
    runs, history = study()
    more = runs[(runs["method"] == "bernoulli") & (runs["initialization"] == "orthogonal")]
    more = more.assign(initialization="uniform", params_kept=more["params_kept"] * 1.5)
    table = claims(pd.concat([runs, more], ignore_index=True), 0.95, history).table
    rows = table[table["claim"].str.contains("initialization")].set_index("method")
    assert rows.loc["bernoulli", "verdict"] == NO
    assert rows.loc["bernoulli", "evidence"].endswith("over 3 initializations; over the 2 of dense training: yes)")
    assert rows.loc["vib", "evidence"].endswith("(largest differences over 2 initializations)")


@pytest.mark.parametrize(
    ("macs", "seconds", "answer"),
    [(99.0, 1.9, YES), (101.0, 1.9, NO), (99.0, 2.1, UNDECIDED), (99.995, 1.9, UNDECIDED)],
)
def test_training_is_cheaper_in_macs_and_seconds(macs, seconds, answer):
    assert verdict(judged(macs=macs, seconds=seconds), "cheaper", "vib") == answer


def test_at_equal_macs_gates_count_in_the_last_epoch_in_which_one_is_undetermined():
    for undetermined, answer in ((30, NO), (0, YES)):
        runs, history = study(undetermined=undetermined)
        runs = runs.assign(budget="macs", epochs=EPOCHS)
        found = claims(runs, 0.95, history.assign(budget="macs"))
        assert verdict(found, "0 or 1", "bernoulli") == answer
        row = found.table[found.table["claim"].str.contains("0 or 1") & (found.table["method"] == "bernoulli")].iloc[0]
        assert f"after epoch {18 if undetermined else EPOCHS}" in row["evidence"]
        assert "rate falls" not in row["evidence"]


def test_at_equal_macs_no_training_is_cheaper():
    runs, history = study()
    found = claims(runs.assign(budget="macs"), 0.95, history.assign(budget="macs"))
    assert verdict(found, "cheaper", "vib") == NOT_APPLICABLE


def test_seconds_of_another_machine_decide_nothing():
    runs, history = study()
    runs.loc[runs["method"] == "dense", "device"] = "another"
    assert verdict(claims(runs, 0.95, history), "cheaper", "vib") == UNDECIDED


def test_claims_without_their_numbers_are_not_run():
    runs, _ = study()
    found = claims(runs[runs["width"] == 1], 0.95)
    for claim in ("starting size", "0 or 1", "early", "As accurate", "More accurate"):
        assert verdict(found, claim, "bernoulli") == NOT_RUN
    assert "dense" not in set(found.table["method"])


def test_numbers_that_nobody_measured_are_not_run():
    """A foreign program writes no epochs and no arithmetic: nothing follows from that."""
    runs, history = study(undetermined=0)
    foreign = runs["method"] == "vib"
    runs.loc[foreign, "train_macs"] = np.nan
    found = claims(runs, 0.95, history[history["method"] != "vib"])
    assert verdict(found, "early", "vib") == verdict(found, "cheaper", "vib") == NOT_RUN
    gated = claims(runs, 0.95, history[history["method"] != "bernoulli"])
    assert verdict(gated, "0 or 1", "bernoulli") == NOT_RUN


def test_errors_at_equal_size_are_compared_with_points_of_the_same_size():
    """A second target of another name: its networks are no rivals at this one."""
    small, large = at_equal_size.study(target="small"), at_equal_size.study(target="large", params=60_000)
    large = large[large["method"] == "vib"].assign(strength="kappa_9e_5")
    found = claims(pd.concat([small, large], ignore_index=True), 0.95, searched=at_equal_size.search())
    own = found.table[found.table["claim"].str.contains("As accurate")].set_index(["method", "strength"])
    assert "(largest of 2; " in own.loc[("bernoulli", "c_3e_4"), "evidence"]


def test_strengths_that_a_user_named_are_no_reconstructions():
    """Variant sgd of config/ablations.yaml at three strengths: B10 counts one operating point of each."""
    runs, history = study()
    own = runs[runs["method"] == "bernoulli"]
    more = [own.assign(strength=f"{name}_sgd", variant="sgd") for name in ("b", "c", "d")]
    found = claims(pd.concat([runs, *more], ignore_index=True), 0.95, history)
    row = found.table.query("method == 'bernoulli' and variant == '' and claim == 'Training is cheaper'").iloc[0]
    assert (row["holds"], row["reconstructions"]) == (1, 1)


def test_reconstructions_count_beside_the_method_and_have_no_row_of_their_own():
    runs, history = study()
    other = runs[runs["method"] == "bernoulli"].assign(strength="c_sgd", variant="sgd", train_macs=150.0)
    drift = other.assign(strength="c_drift", variant="drift_third")
    found = claims(pd.concat([runs, other, drift], ignore_index=True), 0.95, history)
    own = found.table.query("method == 'bernoulli' and claim == 'Training is cheaper'")
    assert dict(zip(own["variant"], own["verdict"], strict=True)) == {"": YES, "sgd": NO}
    counted = own.set_index("variant")[["holds", "fails", "reconstructions"]].astype(float)
    assert counted.loc[""].tolist() == [1, 1, 2]
    assert counted.loc["sgd"].isna().all()
    shown = found.sections[0][1]
    assert "bernoulli c_sgd" not in set(shown["method"])
    row = shown[(shown["method"] == "bernoulli a") & (shown["claim"] == "Training is cheaper")]
    assert row["in reconstructions"].tolist() == ["1 yes, 1 no, 0 open of 2"]


def test_each_method_is_asked_for_errors_at_equal_size():
    """At the target sbp errs 0.4 points more than the others; bernoulli is moved up to 1.63 %, vib down to 1.61 %."""
    found = claims(at_equal_size.study(), 0.95, searched=at_equal_size.search())
    answers = {method: verdict(found, "As accurate", method) for method in ("bernoulli", "vib", "sbp")}
    assert answers == {"bernoulli": YES, "vib": YES, "sbp": NO}
    own = found.table[found.table["claim"].str.contains("As accurate")].set_index("method")
    assert own.loc["sbp", "evidence"].endswith("points against vib kappa_1e_4 (largest of 2; 3 pairs)")


@pytest.mark.parametrize(("lead", "answer", "beaten"), [(0.0, NO, 1), (0.05, NO, 1), (0.07, YES, 2), (0.5, YES, 2)])
def test_a_method_is_more_accurate_than_all_others_or_not(lead, answer, beaten):
    """At equal size bernoulli errs as much as vib, to 0.05 points; sbp is 0.4 points behind both."""
    runs = at_equal_size.study()
    runs.loc[runs["method"] == "bernoulli", "error_test_percent"] -= lead
    found = claims(runs, 0.95, searched=at_equal_size.search())
    assert verdict(found, "More accurate", "bernoulli") == answer
    assert verdict(found, "More accurate", "sbp") == NO
    own = found.table[found.table["claim"].str.contains("More accurate")].set_index("method")
    told = f"better than {beaten} of them; " if beaten < 2 else ""  # all: the verdict says so
    assert f"(largest of 2; {told}3 to 6 pairs)" in own.loc["bernoulli", "evidence"]


def test_a_no_shows_the_difference_that_decided_it():
    """Width 2 is 50 % larger in every seed; width 4 shrinks by more in the mean, in one of its networks only."""
    runs, history = study(size_by_width=0.4)
    wide = runs[(runs["method"] == "vib") & (runs["width"] == 2)]
    spread = np.where(wide["replicate"] == 0, -4.0, 0.0)
    wider = wide.assign(width=4.0, params_kept=np.exp(10 + spread))
    found = claims(pd.concat([runs, wider], ignore_index=True), 0.95, history).table
    row = found[found["claim"].str.contains("starting size") & (found["method"] == "vib")].iloc[0]
    assert row["verdict"] == NO
    assert "size no: +49" in row["evidence"]
    assert "from width 2" in row["evidence"].split(";")[0]


def test_moments_of_networks():
    runs, history = study(undetermined=30, fc1=11, fc2=5)
    own = runs[(runs["method"] == "vib")].iloc[::-1]
    times = removal_times(own, history)
    assert times.index.equals(own.index)
    assert times.iloc[0].tolist() == [1 / EPOCHS, 11 / EPOCHS, 5 / EPOCHS]
    gated = runs[runs["method"] == "bernoulli"]
    assert while_gates_are_drawn(gated) == 17  # of 20; the record of epoch 18 has the gates rounded
    assert while_gates_are_drawn(runs[runs["method"] == "vib"]) == 14
    assert undetermined_at(18, gated, history).iloc[0] == pytest.approx(90 / (392 + 150 + 50))
    history[["undetermined_input", "undetermined_fc1"]] = np.nan
    assert undetermined_at(18, gated, history).iloc[0] == pytest.approx(30 / 50)  # of gated slots alone
    assert removal_times(runs[runs["method"] == "dense"], history).isna().all(axis=None)
    # 75 % of 30 epochs is in the middle of one: the rate falls where the next begins
    thirty = gated.assign(training=TrainingSettings(epochs=30).model_dump_json())
    assert before_the_rate_falls(thirty) == 23


def test_a_bound_is_judged_by_all_intervals():
    below, across, above, few = (
        Estimate(0.5, 0.4, 0.6, 3),
        Estimate(1, 0.9, 1.1, 3),
        Estimate(2, 1.5, 2.5, 3),
        Estimate(0.5, np.nan, np.nan, 2),
    )
    assert at_most([below, below], 1) == YES
    assert at_most([below, across], 1) == UNDECIDED
    assert at_most([few, below], 1) == TOO_FEW
    assert at_most([few, across, above], 1) == NO
    assert at_most([], 1) == NOT_APPLICABLE


def test_shipped_networks_are_judged(request):
    """The shipped study: a quarter of the method's gates is undetermined until the last tenth rounds them."""
    folder = request.config.rootpath / "results" / "reference"
    found = claims(read_detailed_runs(folder), 0.95, read_long(folder / "history.parquet"))
    own = found.table.query("method == 'bernoulli' and variant == '' and budget == 'epochs' and dataset == 'mnist'")
    own = own.set_index("claim")
    assert own.loc["Gates end at 0 or 1", "verdict"] == NO
    assert (
        " % undetermined after epoch 35, 51.7 % before the learning rate falls"
        in own.loc["Gates end at 0 or 1", "evidence"]
    )
    assert own.loc["Training is cheaper", "verdict"] == YES


def test_every_part_of_a_start_is_shown_with_its_verdict_and_the_smallest_sample():
    """The size of vib grows by half at width 2; n is that of the compared networks, not of the standard start."""
    runs, history = study(size_by_width=np.log(1.5))
    table = claims(runs[~((runs["width"] == 2) & (runs["replicate"] == 2))], 0.95, history).table
    rows = table[table["claim"].str.contains("starting size")].set_index("method")
    assert rows.loc["vib", "evidence"].startswith("size n too small: +49.3 % from width 2; ")
    assert "; units n too small: input " in rows.loc["vib", "evidence"]
    assert rows.loc["vib", "evidence"].endswith("points from width 2 (largest differences over 2 widths)")
    assert rows.loc["vib", "n"] == 2
    assert table[table["claim"].str.contains("cheaper")]["n"].eq(3).all()


def test_the_verdict_from_width_one_up_stands_beside_that_of_all_widths():
    runs, history = study(size_by_width=0.0)
    narrow = runs[runs["width"] == 2].assign(width=0.5)
    narrow["params_kept"] *= 0.5
    table = claims(pd.concat([runs, narrow], ignore_index=True), 0.95, history).table
    row = table[table["claim"].str.contains("starting size") & (table["method"] == "vib")].iloc[0]
    assert row["verdict"] == NO
    assert row["evidence"].endswith("(largest differences over 3 widths; from width 1 up: yes)")


def test_a_start_without_numbers_leaves_the_others_their_verdict():
    """Two initializations differ by half; the networks of a third all diverged: that says nothing for the two."""
    runs, history = study(size_by_start=0.5)
    lost = runs[runs["initialization"] == "orthogonal"].assign(initialization="uniform", status="diverged")
    lost[["params_kept", "error_test_percent", "units_kept"]] = None
    runs = pd.concat([runs, lost], ignore_index=True).astype({"params_kept": float, "error_test_percent": float})
    assert verdict(claims(runs, 0.95, history), "initialization", "vib") == NO


def test_a_network_with_units_and_without_an_error_prevents_a_yes():
    runs, history = study()
    runs.loc[(runs["width"] == 2) & (runs["replicate"] == 1), "error_test_percent"] = np.nan
    assert verdict(claims(runs, 0.95, history), "starting size", "vib") != YES


def test_a_diverged_network_has_no_say_in_when_units_leave():
    runs, history = study(input=10)
    lost = (runs["method"] == "vib") & (runs["replicate"] == 2)
    runs.loc[lost, "status"] = "diverged"
    table = claims(runs, 0.95, history).table
    row = table[table["claim"].str.contains("early") & (table["method"] == "vib")].iloc[0]
    assert row["verdict"] == TOO_FEW
    assert row["evidence"].startswith("input 0.50, ")


def test_seconds_are_compared_with_dense_training_itself():
    """A variant of dense training that is ten times as quick changes nothing."""
    runs, history = study(macs=20.0, seconds=1.9)
    quick = runs[runs["method"] == "dense"].assign(variant="short", strength="a_short", train_seconds=0.2)
    found = claims(pd.concat([runs, quick], ignore_index=True), 0.95, history)
    assert verdict(found, "cheaper", "vib") == YES


def test_forms_of_the_method_are_no_reconstructions_of_each_other():
    runs, history = study()
    other = runs[runs["method"] == "bernoulli"].assign(strength="b")
    gates = history[history["method"] == "bernoulli"].assign(strength="b")
    changed = runs[runs["method"] == "bernoulli"].assign(strength="c", variant="sgd")
    of_changed = history[history["method"] == "bernoulli"].assign(strength="c")
    table = claims(pd.concat([runs, other, changed]), 0.95, pd.concat([history, gates, of_changed])).table
    own = table[(table["method"] == "bernoulli") & table["claim"].str.contains("starting size")]
    assert own.set_index("strength")["reconstructions"].to_dict() == pytest.approx(
        {"a": 2, "b": 2, "c": np.nan}, nan_ok=True
    )


def test_accuracy_at_equal_size_is_not_run_on_a_data_set_that_no_search_had():
    runs = at_equal_size.study()
    both = pd.concat([runs, runs.assign(dataset="fashion_mnist")], ignore_index=True)
    found = claims(both, 0.95, searched=at_equal_size.search()).table
    accurate = found[found["claim"] == "As accurate as others at equal size"].groupby("dataset")["verdict"]
    assert (accurate.get_group("fashion_mnist") == NOT_RUN).all()
    assert (accurate.get_group(runs["dataset"].iloc[0]) != NOT_RUN).any()
    sheet = equal_size(both, 0.95, at_equal_size.search()).table.groupby("dataset")
    assert sheet.get_group("fashion_mnist")["not_worse_than_all"].isna().all()
    assert sheet.get_group("fashion_mnist")["macs_ratio"].notna().all()


def test_without_a_search_accuracy_at_equal_size_is_not_run():
    assert (
        claims(at_equal_size.study(), 0.95)
        .table.set_index("claim")
        .loc["As accurate as others at equal size", "verdict"]
        == NOT_RUN
    ).all()
