"""Which fine-tuned networks are contrasted: a pruned source with the dense one of its data set (H8)."""

import json

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store

from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.related.finetune import finetune

BALL = {"norm": "mars", "radius": 0.0625}


def study(folder, loss) -> pd.DataFrame:
    """Runs without a ball and within one, whose error is larger by loss[source]; source: cell, or (cell, data set)."""
    parts: dict[str, list] = {"runs": [], "details": []}
    for number, (source, points) in enumerate(loss.items()):
        name, of_dataset = source if isinstance(source, tuple) else (source, None)
        for ball in (None, BALL):
            runs, details, history, gates = made_up(("finetune",), (1.0,), ("he_normal",))
            runs["error_test_percent"] += points if ball else 0
            details["settings"] = json.dumps({"of": name, "of_dataset": of_dataset, "ball": ball})
            details["start_of"] = name
            for title, table in (("runs", runs), ("details", details)):
                parts[title].append(table.assign(strength=f"s{number}_{'ball' if ball else 'free'}"))
    return read_detailed_runs(store(folder, (pd.concat(parts["runs"]), pd.concat(parts["details"]), history, gates)))


def contrasts(runs) -> dict:
    table = finetune(runs, 0.95).table
    return table[table["needs_more"].notna()].set_index("source")["contrast"].to_dict()


def test_one_of_each_is_pruned_minus_dense(tmp_path):
    runs = study(tmp_path, {"bernoulli/free": 0.5, "dense/dense": 0.2})
    assert contrasts(runs) == {"pruned - dense": pytest.approx(0.3)}


def test_pruned_sources_are_not_averaged(tmp_path):
    runs = study(tmp_path, {"bernoulli/cheap": 0.5, "bernoulli/dear": -0.5, "dense/dense": 0.2})
    assert contrasts(runs) == {
        "bernoulli/cheap - dense/dense": pytest.approx(0.3),
        "bernoulli/dear - dense/dense": pytest.approx(-0.7),
    }


def test_pruned_and_dense_networks_of_other_seeds_are_no_pairs(tmp_path):
    runs = study(tmp_path, {"bernoulli/free": 0.5, "dense/dense": 0.2})
    dense = runs["start_of"] == "dense/dense"
    assert np.isnan(contrasts(runs.assign(seed=runs["seed"] + 50 * dense))["pruned - dense"])


def test_sources_of_other_data_sets_are_not_compared(tmp_path):
    loss = {"bernoulli/free": 0.5, "dense/dense": 0.2}
    elsewhere = {(name, "kmnist"): 10 * points for name, points in loss.items()}
    assert contrasts(study(tmp_path, loss | elsewhere)) == {
        "bernoulli/free - dense/dense": pytest.approx(0.3),
        "bernoulli/free on kmnist - dense/dense on kmnist": pytest.approx(3.0),
    }
    alone = {"bernoulli/free": 0.5, ("dense/dense", "kmnist"): 0.2}
    assert contrasts(study(tmp_path, alone)) == {}
