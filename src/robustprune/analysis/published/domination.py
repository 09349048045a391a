"""Which published networks does the method's own trade-off curve dominate: error and params both at most theirs?"""

import numpy as np
import pandas as pd

from robustprune.analysis.published import DATASET, params_of, read_published
from robustprune.analysis.sheet import Sheet, by_network, number, with_interval
from robustprune.analysis.source import METHOD_UNDER_STUDY, NETWORK, SERIES, standard
from robustprune.analysis.tradeoff import points
from robustprune.networks.architecture import architecture_names

SHARED = ["strength", "epochs", "units_kept"]
SHARED += ["params", "params_low", "params_high", "error", "error_low", "error_high", "n"]
COLUMNS = [
    *(*NETWORK, "published_name", "published_units", "published_params", "published_error_percent", "status"),
    *(*SHARED, "networks_dominating", "dominated"),
]

VERDICTS = ("yes", "in the mean", "no")
"""From the strongest."""


def domination(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Every published network beside the strength, of those with no more mean params, that says most against it: one
    that dominates it if there is one, else the one that errs least in the mean."""
    ours = standard(runs)
    ours = ours[(ours["dataset"] == DATASET) & (ours["method"] == METHOD_UNDER_STUDY)]
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
    caption = (
        f"Published networks against the trade-off curve of {METHOD_UNDER_STUDY} at the standard start, without its "
        "ablation: of its strengths with no more mean params than the published network, one that dominates it if "
        "there is one, of these (else of all) the one of smallest mean test error (last epoch; the choice among "
        "strengths is made here, after the fact). Dominated: yes where the upper ends of both intervals (Student's t, "
        f"level {confidence:.0%}, n seeds) are at most theirs, in the mean where only the means are. "
        "Published errors are mostly the best of all epochs of one network; status as in published.csv."
    )
    return Sheet(table, "Published networks dominated", by_network(table, _readable), caption)


def _best(curve: pd.DataFrame, runs: pd.DataFrame, theirs: dict) -> dict:
    """The point of a curve with the strongest verdict, among equals the one that errs least, and how it compares."""
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


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"published": table["published_name"], "units": table["published_units"]})
    shown["params"] = [f"{value:,}" for value in table["published_params"]]
    shown["error (%)"] = [f"{value:g}" for value in table["published_error_percent"]]
    shown["status"], shown["dominated"] = table["status"], table["dominated"]
    shown["our strength"] = table["strength"].fillna("-")
    shown["epochs"] = [number(value, ".0f") for value in table["epochs"]]
    shown["our params"] = [with_interval(row, "params", ",.0f") for _, row in table.iterrows()]
    shown["our error (%)"] = [with_interval(row, "error", ".2f") for _, row in table.iterrows()]
    shown["networks"] = [f"{row.networks_dominating} of {row.n}" for row in table.itertuples()]
    return shown
