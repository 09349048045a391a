"""Numbers of the shipped results that the documents cite."""

from pathlib import Path

import numpy as np
import pandas as pd

from robustprune.analysis.labels import ARCHITECTURES
from robustprune.analysis.operating_points import MARGIN
from robustprune.study.roles import METHOD_UNDER_STUDY

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "results" / "reference"
TABLES = REPOSITORY / "figures" / "tables"
TUNE_TABLES = REPOSITORY / "figures" / "tune" / "tables"
NETWORKS = {
    name: (ARCHITECTURES[name], f"{METHOD_UNDER_STUDY}/{strength}")
    for name, strength in {"lenet_300_100": "c3e_4", "lenet5": "conv3e_3"}.items()
}
"""Title, and the networks of the method at its operating point."""
CONTROLS = ("ticket", "random_ticket", "scratch_e", "scratch_b", "width_uniform")


def tradeoff() -> pd.DataFrame:
    """Track full of the shipped sweep: what every strength keeps, at which error."""
    points = pd.read_csv(TUNE_TABLES / "tradeoff.csv")
    return points[points["track"] == "full"]


def equal_error() -> pd.DataFrame:
    """LeNet-300-100, by method: params at the operating point, and at the largest validation error that it may have.

    Between the operating point and the next smaller network log(params) is taken as linear in the error. The column
    `collapsed` says that the smaller network is not ok.
    """
    points = tradeoff()
    points = points[points["architecture"] == "lenet_300_100"]
    bound = points.loc[points["method"] == "dense", "error_valid"].iloc[0] + MARGIN
    found = {}
    for method, own in points[~points["method"].isin(["dense", *CONTROLS])].groupby("method"):
        own = own.sort_values("params").reset_index(drop=True)
        fitting = own.index[(own["error_valid"] <= bound) & (own["not_ok"] == 0)]
        if not len(fitting) or fitting[0] == 0:
            continue  # no strength meets the bound, or none is beyond it
        smaller, chosen = own.loc[fitting[0] - 1], own.loc[fitting[0]]
        errors, logs = ([each[name] for each in (chosen, smaller)] for name in ("error_valid", "params"))
        at_bound = float(np.exp(np.interp(bound, errors, np.log(logs))))
        found[method] = [chosen["params"], at_bound, bool(smaller["not_ok"] > 0)]
    table = pd.DataFrame.from_dict(found, orient="index", columns=["chosen", "at_bound", "collapsed"])
    table["ratio"] = table["at_bound"] / table.loc[METHOD_UNDER_STUDY, "at_bound"]
    return table.sort_values("at_bound")
