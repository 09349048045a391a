"""Collapse by training error, against dense networks of the same starting depth."""

import pandas as pd

from robustprune.gathering.collapse import judged

DENSE = [("dense", None, 1.0), ("dense", 4, 2.0), ("dense", 16, 30.0)]


def statuses(networks):
    """networks: (method, starting depth, training error)"""
    rows = [*DENSE, *networks]
    runs = pd.DataFrame(rows, columns=["method", "depth_start", "error_train_percent"], dtype=object)
    runs = runs.assign(dataset="mnist", status="ok")
    details = pd.DataFrame({"status": "ok", "reason": None}, index=runs.index)
    return judged(runs, details)[0]["status"].tolist()[len(DENSE) :]


def test_a_network_is_compared_with_dense_networks_of_its_depth():
    """30 % where dense training of that depth errs 30 %, too; 12.1 % where dense errs 2 %."""
    assert statuses([("bernoulli", 16, 35.0), ("bernoulli", 4, 12.1), ("bernoulli", 4, 11.9)]) == [
        "ok",
        "collapsed",
        "ok",
    ]


def test_chains_are_compared_with_chains_and_other_depths_with_all():
    """The mean of all dense networks is 11 %."""
    assert statuses([("bernoulli", None, 11.1), ("bernoulli", 8, 20.9), ("bernoulli", 8, 21.1)]) == [
        "collapsed",
        "ok",
        "collapsed",
    ]


def test_tables_without_depths_are_judged_as_before():
    runs = pd.DataFrame(
        {"method": ["dense", "vib"], "dataset": "mnist", "status": "ok", "error_train_percent": [1.0, 12]}
    )
    details = pd.DataFrame({"status": "ok", "reason": None}, index=runs.index)
    assert judged(runs, details)[0]["status"].tolist() == ["ok", "collapsed"]
