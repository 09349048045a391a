"""The table of label-free sizes, on made-up variances whose water level is known."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.related.label_free import ALL, label_free
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.related.sizes import fitted_delta, kept_beside_variances
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
