"""Published networks that the method's trade-off curve dominates: error and params are both at most theirs."""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import N, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, Text
from robustprune.analysis.published import DATASET, params_of, read_published
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.select import METHOD_UNDER_STUDY, STANDARD_START, standard, without
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns
from robustprune.analysis.tradeoff import points
from robustprune.networks.architecture import architecture_names

SHARED = ["strength", "epochs", "units_kept", *interval_columns("params"), *interval_columns("error"), "n"]
COLUMNS = [
    *(*NETWORK, "published_name", "published_units", "published_params", "published_error_percent", "status"),
    *(*SHARED, "networks_dominating", "dominated"),
]
SHOWN = [
    *(Text("published_name", "published"), Text("published_units", "units")),
    *(Number("published_params", "params", ",.0f"), Number("published_error_percent", "error (%)", "g")),
    *(Text("status"), Text("dominated"), Text("strength", "our strength"), Number("epochs", "epochs", ".0f")),
    *(Interval("params", "our params", ",.0f"), Interval("error", "our error (%)", ".2f")),
    Each("networks", lambda row: f"{row['networks_dominating']} of {row['n']}"),
]

VERDICTS = ("yes", "in the mean", "no")
"""Verdicts, the strongest first."""


def domination(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return every published network beside a strength with no more mean params.

    It is a strength that dominates the network if there is one, else the one of smallest mean error.
    """
    there = runs[(runs["dataset"] == DATASET) & (runs["method"] == METHOD_UNDER_STUDY)]
    ours = standard(there)
    curve = points(ours, confidence)
    curve = curve[curve["variant"] == ""]
    published = read_published("results")
    published = published[published["architecture"].isin(architecture_names())]
    rows = []
    for key, group in curve.groupby(NETWORK, sort=False):
        for entry in published[(published[NETWORK[1:]] == list(key[1:])).all(axis=1)].to_dict("records"):
            theirs = {
                "published_name": entry["name"],
                "published_units": entry["units_kept"],
                "published_params": params_of(entry["architecture"], entry["units_kept"]),
                "published_error_percent": float(entry["error_test_percent"]),
                "status": entry["status"],
            }
            rows.append(dict(zip(NETWORK, key, strict=True)) | theirs | _best(group, ours, theirs))
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        f"Published networks against the trade-off curve of {METHOD_UNDER_STUDY} at the standard start "
        f"({STANDARD_START}), without its ablation: of its strengths with no more mean params than the published "
        "network, one that dominates it if there is one, of these (else of all) the one of smallest mean test error "
        "(last epoch; the choice among strengths is made here, after the fact). Dominated: yes where the upper ends of "
        "both intervals are at most theirs, in the mean where only the means are.",
        brackets(confidence),
        "Published errors are mostly the best of all epochs of one network; status as in results.csv of "
        "robustprune.analysis.published.",
        N,
        without(there, ours, STANDARD_START),
    )
    return Sheet.of(table, SHOWN, "Published networks dominated", text)


def _best(curve: pd.DataFrame, runs: pd.DataFrame, theirs: dict) -> dict:
    """Return the point of a curve with the strongest verdict, among equals that of smallest error, and its verdict."""
    size, error = theirs["published_params"], theirs["published_error_percent"]
    fitting = curve[curve["params"] <= size].dropna(subset="error")
    if fitting.empty:
        return {"n": 0, "networks_dominating": 0, "dominated": "no strength as small"}
    within = (fitting["error_high"] <= error) & (fitting["params_high"] <= size)
    verdicts = np.select([within, fitting["error"] <= error], VERDICTS[:2], VERDICTS[2])
    ranks = pd.Series([VERDICTS.index(verdict) for verdict in verdicts], fitting.index)
    point = fitting.loc[fitting["error"].where(ranks == ranks.min()).idxmin()]
    own = runs[(runs[SERIES] == point[SERIES]).all(axis=1)]
    both = (own["params_kept"] <= size) & (own["error_test_percent"] <= error)
    return {**point[SHARED].to_dict(), "networks_dominating": int(both.sum()), "dominated": VERDICTS[ranks.min()]}
