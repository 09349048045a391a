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


def test_the_reason_says_where_no_dense_network_was_trained():
    """On MNIST the mean of dense training is 0; on digits there is none, or one of an older version."""
    rows = [("dense", "mnist", 0.0), ("vib", "mnist", 10.5), ("vib", "digits", 10.5), ("vib", "digits", 9.5)]
    for more in ([], [("dense", "digits", None)]):
        runs = pd.DataFrame([*rows, *more], columns=["method", "dataset", "error_train_percent"], dtype=object)
        details = pd.DataFrame({"status": "ok", "reason": None}, index=runs.index)
        reasons = judged(runs.assign(status="ok"), details)[1]["reason"].tolist()[:4]
        assert reasons == [
            None,
            "training error 10.50 % exceeds that of dense training (0.00 %) by > 10",
            "training error 10.50 % exceeds 10 %: no dense network with a training error was trained on digits, and 0 "
            "is taken as its mean",
            None,
        ]


def test_tables_without_depths_are_judged_as_before():
    runs = pd.DataFrame(
        {"method": ["dense", "vib"], "dataset": "mnist", "status": "ok", "error_train_percent": [1.0, 12]}
    )
    details = pd.DataFrame({"status": "ok", "reason": None}, index=runs.index)
    assert judged(runs, details)[0]["status"].tolist() == ["ok", "collapsed"]
