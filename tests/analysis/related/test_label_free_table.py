"""The table of label-free sizes, on made-up variances whose water level is known."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.related.label_free import ALL, label_free
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.related.sizes import DELTAS, fitted_delta, kept_beside_variances
from robustprune.analysis.related.spectra import predicted_units
from robustprune.analysis.verdicts.decision import NO, TOO_FEW, YES

WIDTHS = (1.0, 2.0, 4.0)
SLOTS = {"input": 784, "fc1": 300, "fc2": 100}


def directions(units: int, signal: int) -> list[float]:
    """Variances of which `signal` are 1 and the others a millionth: any delta in between predicts `signal`."""
    return [1.0] * signal + [1e-6] * (units - signal)


def study(folder, kept, widths=WIDTHS, datasets=("mnist",), replicates=3) -> pd.DataFrame:
    """Runs whose kept units are kept(dataset, width, replicate)."""
    runs, details, history, gates = made_up(methods=("bernoulli",), widths=widths, initializations=("he_normal",))
    parts = {"runs": [], "details": []}
    for dataset in datasets:
        for name, table in (("runs", runs), ("details", details)):
            parts[name].append(table.assign(dataset=dataset)[table["replicate"] < replicates])
    runs, details = pd.concat(parts["runs"]), pd.concat(parts["details"])
    runs["seed"] = range(len(runs))
    runs["units_kept"] = [
        "-".join(map(str, kept(*row))) for row in runs[["dataset", "width", "replicate"]].itertuples(index=False)
    ]
    return read_detailed_runs(store(folder, (runs, details, history, gates)))


def measured(runs, signal) -> pd.DataFrame:
    """Variances of every network with signal(dataset, width) directions by slot."""
    rows = []
    for _, run in runs.iterrows():
        for (slot, units), count in zip(SLOTS.items(), signal(run["dataset"], run["width"]), strict=True):
            units = units if slot == "input" else int(units * run["width"])
            rows.append({"seed": run["seed"], "slot": slot, "variances": directions(units, count)})
    return pd.DataFrame(rows)


def row(sheet, **where) -> pd.Series:
    table = sheet.table
    for name, value in where.items():
        table = table[table[name] == value]
    return table.iloc[0]


def test_delta_is_the_one_that_predicts_what_one_cell_keeps(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (180, 108, 60), widths=(1.0,))
    steps = {slot: np.geomspace(1, 1e-4, units) for slot, units in SLOTS.items()}
    table = pd.DataFrame(
        [{"seed": seed, "slot": slot, "variances": v.tolist()} for seed in runs["seed"] for slot, v in steps.items()]
    )
    delta = fitted_delta(kept_beside_variances(runs, table))

    def misfit(at):
        pairs = zip(steps.values(), (180, 108, 60), strict=True)
        return sum(np.log(predicted_units(v, at) / kept) ** 2 for v, kept in pairs)

    assert misfit(delta) <= min(misfit(at) for at in (0.9 * delta, 1.1 * delta))
    found = label_free(runs, 0.95, table).table.set_index("slot")["predicted"]
    assert found.to_dict() == {slot: predicted_units(v, delta) for slot, v in steps.items()}


def test_one_cell_is_fitted_and_the_others_are_only_predicted(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 50, 20), datasets=("mnist", "kmnist"))
    sheet = label_free(runs, 0.95, measured(runs, lambda dataset, width: (100, 50, 20)))
    fitted = sheet.table[sheet.table["fitted"] == YES]
    assert set(zip(fitted["dataset"], fitted["width"], strict=True)) == {("mnist", 1.0)}
    assert sheet.table["delta"].nunique() == 1
    assert (fitted["spearman_cells"] == 5).all()


@pytest.mark.parametrize(("factor", "answer"), [(2, YES), (1, NO)])
def test_sizes_follow_the_data_where_they_change_as_predicted(tmp_path, factor, answer):
    """Predictions double on the second data set; kept units do, too, or stay."""

    def kept(dataset, width, replicate):
        scale = factor if dataset == "kmnist" else 1
        return (100 * scale + replicate, 50 * scale, 20 * scale)

    runs = study(tmp_path, kept, widths=(1.0,), datasets=("mnist", "kmnist"))
    sheet = label_free(
        runs, 0.95, measured(runs, lambda dataset, width: (200, 100, 40) if dataset == "kmnist" else (100, 50, 20))
    )
    assert row(sheet, dataset="kmnist", slot=ALL)["follows_data"] == answer
    assert row(sheet, dataset="kmnist", slot="fc1")["ratio"] == pytest.approx(factor / 2)
    assert not len(sheet.table[(sheet.table["dataset"] == "mnist") & (sheet.table["slot"] == ALL)])


def test_predictions_that_follow_the_start_where_the_method_does_not(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 50 + replicate, 20))
    grows = measured(runs, lambda dataset, width: (100, int(50 * width), int(20 * width)))
    sheet = label_free(runs, 0.95, grows)
    found = row(sheet, width=1.0, slot="fc1")
    assert found["elasticity_predicted"] == pytest.approx(1)
    assert found["elasticity_kept"] == pytest.approx(0, abs=0.02)
    assert row(sheet, width=1.0, slot=ALL)["follows_start"] == YES
    assert np.isnan(row(sheet, width=1.0, slot="input")["elasticity_predicted"])
    assert found["spearman"] != found["spearman"] or abs(found["spearman"]) <= 1


def test_a_method_that_grows_faster_than_its_prediction_is_a_no(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, int(50 * width) + replicate, int(20 * width**2)))
    grows = measured(runs, lambda dataset, width: (100, int(50 * width), int(20 * width)))
    assert row(label_free(runs, 0.95, grows), width=1.0, slot=ALL)["follows_start"] == NO


def test_a_diverged_network_prevents_a_yes_and_is_counted(tmp_path):
    def kept(dataset, width, replicate):
        return (200, 100 + replicate, 40) if dataset == "kmnist" else (100, 50, 20)

    runs = study(tmp_path, kept, widths=(1.0,), datasets=("mnist", "kmnist"), replicates=5)
    doubled = measured(runs, lambda dataset, width: (200, 100, 40) if dataset == "kmnist" else (100, 50, 20))
    assert row(label_free(runs, 0.95, doubled), dataset="kmnist", slot=ALL)["follows_data"] == YES
    lost = runs.index[runs["dataset"] == "kmnist"][0]
    runs.loc[lost, ["status", "units_kept"]] = ["diverged", None]
    sheet = label_free(runs, 0.95, doubled)
    assert row(sheet, dataset="kmnist", slot=ALL)["follows_data"] != YES
    own = row(sheet, dataset="kmnist", slot="fc1")
    assert own["n"] == len(runs[runs["dataset"] == "kmnist"]) - 1
    assert own["not_ok"] == 1


def test_few_networks_decide_nothing(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 50 + replicate, 20), replicates=2)
    grows = measured(runs, lambda dataset, width: (100, int(50 * width), int(20 * width)))
    assert row(label_free(runs, 0.95, grows), width=1.0, slot=ALL)["follows_start"] == TOO_FEW


def test_without_measurements_the_table_says_so(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 50, 20))
    sheet = label_free(runs, 0.95)
    assert not len(sheet.table)
    assert NONE in sheet.caption
    wide = study(tmp_path, lambda dataset, width, replicate: (100, 50, 20), widths=(2.0,))
    sheet = label_free(wide, 0.95, measured(wide, lambda dataset, width: (100, 50, 20)))
    assert not len(sheet.table)
    assert "no cell starts from width 1" in sheet.caption


def lost(runs, *chosen):
    """Return runs in which the networks of these cells (column -> value) diverged."""
    runs = runs.copy()
    for where in chosen:
        own = np.all([runs[name] == value for name, value in where.items()], axis=0)
        runs.loc[own, "status"] = "diverged"
        runs.loc[own, "units_kept"] = None
    return runs


def test_delta_is_fitted_on_the_first_cell_that_has_numbers(tmp_path):
    datasets = ("mnist", "kmnist")
    runs = study(tmp_path, lambda dataset, width, replicate: (180, 108, 60), widths=(1.0,), datasets=datasets)
    starts = [(seed, slot, np.geomspace(1, 1e-4, units)) for seed in runs["seed"] for slot, units in SLOTS.items()]
    table = pd.DataFrame(starts, columns=["seed", "slot", "variances"])
    whole = label_free(runs, 0.95, table).table
    without = label_free(lost(runs, {"dataset": "mnist"}), 0.95, table).table
    assert set(without[without["fitted"] == YES]["dataset"]) == {"kmnist"}
    assert set(without["delta"].dropna()) == set(whole["delta"].dropna())
    assert without["delta"].min() > DELTAS[0]


def test_one_network_without_numbers_does_not_move_the_fit(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 50, 20), widths=(1.0,))
    signal = measured(runs, lambda dataset, width: (100, 50, 20))
    one = label_free(lost(runs, {"replicate": 0}), 0.95, signal).table
    assert one["delta"].tolist() == label_free(runs, 0.95, signal).table["delta"].tolist()
    assert (one["n"] == 2).all()


def test_where_no_cell_has_numbers_nothing_is_predicted(tmp_path):
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 50, 20), datasets=("mnist", "kmnist"))
    signal = measured(runs, lambda dataset, width: (100, 50, 20))
    table = label_free(lost(runs, {"width": 1.0}), 0.95, signal).table
    assert table["delta"].isna().all()
    assert table["predicted"].isna().all()
    assert (table.loc[(table["width"] == 2) & (table["slot"] == "fc1"), "kept"] == 50).all()
    assert set(table["follows_data"].dropna()) == set(table["follows_start"].dropna()) == {TOO_FEW}


def test_a_slot_that_every_network_emptied_has_no_number(tmp_path):
    """No delta is fitted on a cell whose logarithm is that of 0."""
    runs = study(tmp_path, lambda dataset, width, replicate: (100, 0, 20), widths=(1.0,))
    table = label_free(runs, 0.95, measured(runs, lambda dataset, width: (100, 50, 20))).table
    assert table["delta"].isna().all()


def test_slots_that_the_track_does_not_gate_have_no_say(tmp_path):
    """They are always wholly kept; on track hidden the pixels would be fitted, too."""
    runs = study(tmp_path, lambda dataset, width, replicate: (784, 50, 20), datasets=("mnist", "kmnist"), widths=(1.0,))
    signal = measured(runs, lambda dataset, width: (100 if dataset == "mnist" else 784, 50, 20))
    hidden = label_free(runs.assign(track="hidden"), 0.95, signal).table
    assert set(hidden["slot"]) == {"fc1", "fc2", ALL}
    assert row(label_free(runs.assign(track="hidden"), 0.95, signal), slot=ALL)["follows_data"] == YES
    assert row(label_free(runs, 0.95, signal), slot=ALL)["follows_data"] == NO
    assert set(label_free(runs, 0.95, signal).table["slot"]) == {"input", "fc1", "fc2", ALL}
