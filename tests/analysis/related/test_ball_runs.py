"""Which runs within balls are compared, and with which networks: made-up runs whose kept units are known."""

import json

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.related.ball import ALL, ball
from robustprune.analysis.related.ball_runs import FREE, OTHER, is_nudged, with_balls
from robustprune.analysis.verdicts.decision import TOO_FEW, YES

METHOD = {"price": 3e-4, "drift": 3e-3, "ball": {"norm": "free", "radius": None}}
MARS = {"norm": "mars", "radius": 0.25}
NUDGED = METHOD | {"drift": 3.003e-3}
PLAIN = {"free": METHOD, "nudged": NUDGED, "mars": METHOD | {"ball": MARS}}
SLOTS = ("input", "fc1", "fc2")


def study(folder, strengths, training=()) -> pd.DataFrame:
    """Runs of three networks a strength (strength -> settings); training: strength -> its epochs, else 40."""
    parts: dict[str, list] = {"runs": [], "details": []}
    for strength, settings in strengths.items():
        runs, details, history, gates = made_up(("bernoulli",), (1.0,), ("he_normal",))
        details["settings"] = json.dumps(settings)
        details["training"] = json.dumps({"epochs": dict(training).get(strength, 40)})
        for name, table in (("runs", runs.assign(key=strength)), ("details", details)):
            parts[name].append(table.assign(strength=strength))
    folder.mkdir(exist_ok=True)
    return read_detailed_runs(store(folder, (pd.concat(parts["runs"]), pd.concat(parts["details"]), history, gates)))


def kept_units(runs, other=()) -> dict:
    """Every network keeps the first ten units of each slot; those of `other`, (strength, replicate), the last ten."""
    units = dict(zip(SLOTS, (784, 300, 100), strict=True))
    return {
        (key, replicate): {
            slot: np.arange(count - 10, count) if (key, replicate) in other else np.arange(10)
            for slot, count in units.items()
        }
        for key, replicate in runs[["key", "replicate"]].itertuples(index=False)
    }


def moved(runs) -> pd.DataFrame:
    """Rows of the survivors of every network moved by half of their length."""
    rows = [
        run | {"layer": layer, "state": "kept", "median": 1.0, "median_share": 0.5, "at_boundary": 0.0}
        for run in runs.drop(columns=["status"]).to_dict("records")
        for layer in ("fc1", "fc2")
    ]
    return pd.DataFrame(rows)


def named(runs) -> dict:
    """Strength -> run and group."""
    found = with_balls(runs).drop_duplicates("strength").set_index("strength")
    return {strength: (row["run"], row["group"]) for strength, row in found.iterrows()}


def test_nudged_is_a_drift_that_differs_by_a_thousandth_and_nothing_else(tmp_path):
    assert named(study(tmp_path, PLAIN)) == {"free": (FREE, ""), "nudged": (OTHER, ""), "mars": ("mars 0.25", "")}
    base = {"drift": 3e-3, "price": 3e-4, "training.epochs": 40}
    assert is_nudged(base | {"drift": 2.997e-3}, base)
    others = ({"drift": 3e-3}, {"drift": 3.3e-3}, {"price": 3.003e-4}, {"drift": 3.003e-3, "price": 6e-4})
    for other in (*others, {"training.epochs": 20}, {"drift_layers": 1.001e-3}, {"drift": None}):
        assert not is_nudged(base | other, base)


def test_another_run_without_a_ball_is_no_control_of_nothing(tmp_path):
    """It keeps other units than the free run, so every ball would seem to change less than a nudge."""
    cheap = PLAIN | {"cheap": METHOD | {"price": 6e-4}}
    own = {"free": "price 0.0003", "nudged": "price 0.0003", "mars": "price 0.0003", "cheap": "price 0.0006"}
    runs = study(tmp_path, cheap)
    found = named(runs)
    assert {strength: group for strength, (_, group) in found.items()} == own
    assert [strength for strength, (run, _) in found.items() if run == OTHER] == ["nudged"]
    assert found["cheap"][0] == FREE
    kept = kept_units(runs, [("cheap", replicate) for replicate in range(3)])
    kept |= {("mars", replicate): kept["cheap", replicate] for replicate in range(3)}
    sheet = ball(runs, 0.95, moved(runs), kept)
    table = sheet.table.set_index(["run", "slot"])
    assert table.loc[("mars 0.25, price 0.0003", "fc1"), "difference"] == -1
    assert table.loc[("mars 0.25, price 0.0003", ALL), "changed"] == YES
    assert np.isnan(table.loc[("free, price 0.0006", "fc1"), "jaccard"])
    assert (f"{ALL}, price 0.0006", ALL) not in table.index
    assert "Runs of other settings or other training are named by these" in sheet.caption


def test_runs_of_other_training_are_not_pooled(tmp_path):
    more = PLAIN | {f"{strength}_long": settings for strength, settings in PLAIN.items()}
    runs = study(tmp_path, more, {f"{strength}_long": 80 for strength in PLAIN})
    found = named(runs)
    assert found["mars"] == ("mars 0.25", "training.epochs 40")
    assert found["nudged_long"] == (OTHER, "training.epochs 80")
    kept = kept_units(runs, [("free_long", 0)])
    table = ball(runs, 0.95, moved(runs), kept).table.set_index(["run", "slot"])
    assert (table["n"] == 3).all()
    assert table.loc[("mars 0.25, training.epochs 40", "fc1"), "jaccard"] == 1
    assert table.loc[("mars 0.25, training.epochs 80", "fc1"), "jaccard"] == pytest.approx(2 / 3)


def test_two_nudged_runs_are_not_pooled_either(tmp_path):
    both = PLAIN | {"lower": METHOD | {"drift": 2.997e-3}}
    assert [run for run, _ in named(study(tmp_path, both)).values()] == [FREE, OTHER, "mars 0.25", FREE]


def test_runs_without_any_ball_have_no_control(tmp_path):
    found = named(study(tmp_path, {"free": METHOD, "nudged": NUDGED}))
    assert found == {"free": (FREE, "drift 0.003"), "nudged": (FREE, "drift 0.003003")}


def test_only_networks_of_one_seed_are_compared(tmp_path):
    """The run with a ball has the replicates from 1 up: its first network has the seed of the free run's second."""
    runs = study(tmp_path, PLAIN)
    runs["seed"] += runs["strength"] == "mars"
    kept = kept_units(runs, [("mars", 0), ("free", 1), ("nudged", 0)])
    table = ball(runs, 0.95, moved(runs), kept).table.set_index(["run", "slot"])
    row = table.loc[("mars 0.25", "fc1")]
    assert (row["jaccard"], row["jaccard_n"], row["difference_n"]) == (1, 2, 2)
    assert row["difference"] == pytest.approx(0.5)  # the nudged run differs from the free one at seed 1
    assert table.loc[("mars 0.25", ALL), "changed"] == TOO_FEW


def test_kept_units_of_diverged_networks_do_not_count(tmp_path):
    runs = study(tmp_path, PLAIN)
    kept = kept_units(runs, [("mars", 0)])
    whole = ball(runs, 0.95, moved(runs), kept)
    table = whole.table.set_index(["run", "slot"])
    assert table.loc[("mars 0.25", "fc1"), "jaccard"] == pytest.approx(2 / 3)
    assert table.loc[("mars 0.25", "fc1"), ["jaccard_n", "n"]].tolist() == [3, 3]
    assert "diverged" not in whole.caption
    for strength in ("mars", "free"):
        lost = (runs["strength"] == strength) & (runs["replicate"] == 0)
        other = runs.assign(status=runs["status"].mask(lost, "diverged"), params_kept=runs["params_kept"].mask(lost))
        sheet = ball(other, 0.95, moved(runs), kept)
        table = sheet.table.set_index(["run", "slot"])
        row = table.loc[("mars 0.25", "fc1")]
        assert (row["jaccard"], row["jaccard_n"], row["difference_n"]) == (1, 2, 2)
        assert row["n"] == (2 if strength == "mars" else 3)
        assert table.loc[(ALL, ALL), "n"] == (2 if strength == "free" else 3)
        assert table.loc[("mars 0.25", ALL), "changed"] == TOO_FEW
        assert "Networks that diverged or failed, which are in no number: 1." in sheet.caption
