"""Published networks beside ours: params, multiply-accumulates and test error, without a verdict.

Test errors have no say in the choice of our strength.
"""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.published import DATASET, macs_of, params_of, read_published
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import STANDARD_START, standard, without
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns
from robustprune.analysis.tradeoff import points
from robustprune.networks.architecture import architecture_names
from robustprune.study.roles import METHOD_UNDER_STUDY

THEIRS = ["name", "units", "params", "macs", "error_percent", "status", "source"]
MEASURES = {"params": "params", "macs": "MACs", "error": "error"}
OURS = [
    *("strength", "epochs", "units_kept"),
    *(column for measure in MEASURES for column in interval_columns(measure)),
    *("error_valid", "n"),
]
COLUMNS = [*NETWORK, *(f"published_{name}" for name in THEIRS), *OURS, "at_most"]
SHOWN = [
    *(
        Text("published_name", "published"),
        Text("published_units", "units"),
        Number("published_params", "params", ",.0f"),
    ),
    *(Number("published_macs", "MACs", ",.0f"), Number("published_error_percent", "error (%)", "g")),
    *(Text("published_status", "status"), Text("strength", "our strength"), Number("epochs", "epochs", ".0f")),
    *(Number("params", "our params", ",.0f"), Number("macs", "our MACs", ",.0f")),
    *(Interval("error", "our error (%)", ".2f"), Text("at_most", "at most theirs"), Text("n")),
]


def domination(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return every published network of an architecture and track of the study beside one strength of the method.

    Of the strengths with no more mean params it is the one of smallest validation error (the largest where no
    validation error is known); where none is as small, the nearest in params. Only strengths with a validation error,
    and operating points, which were chosen by one, are open to the choice. Ablations are not.
    """
    there = runs[(runs["dataset"] == DATASET) & (runs["method"] == METHOD_UNDER_STUDY)]
    ours = standard(there)
    open_to_choice = ours[ours["error_valid_percent"].notna() | ours["operating_point"]]
    curve = points(open_to_choice, confidence)
    curve = curve[curve["variant"] == ""].dropna(subset=["params", "error"])
    published = read_published("results")
    published = published[published["architecture"].isin(architecture_names())]
    rows = []
    for key, group in curve.groupby(NETWORK, sort=False):
        for entry in published[(published[NETWORK[1:]] == list(key[1:])).all(axis=1)].to_dict("records"):
            theirs = _theirs(entry)
            point = _chosen(group, theirs["published_params"])
            row = dict(zip(NETWORK, key, strict=True)) | theirs | point[OURS].to_dict()
            rows.append({**row, "at_most": _at_most(row)})
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Published networks (params and MACs counted from the printed units) beside a strength of "
        f"{METHOD_UNDER_STUDY} at the standard start ({STANDARD_START}), without its ablation: with no more mean "
        "params the one of smallest validation error, else the nearest in params. Strengths without a validation run "
        "are left out unless they are operating points. At most theirs: which of our means are; error in the mean: the "
        "mean is, the upper end of its interval is not.",
        brackets(confidence, SIZES),
        "Ours: last epoch. Published errors are mostly the best of all epochs of one network. Verified: read in the "
        "source; figure: read off a figure of it; unverified: from memory.",
        N,
        without(there, ours, STANDARD_START),
    )
    return Sheet.of(table, SHOWN, "Published networks beside ours", text)


def _theirs(entry: dict) -> dict:
    values = (
        *(entry["name"], entry["units_kept"], params_of(entry["architecture"], entry["units_kept"])),
        *(macs_of(entry["architecture"], entry["units_kept"]), float(entry["error_test_percent"])),
        *(entry["status"], entry["source"]),
    )
    return {f"published_{name}": value for name, value in zip(THEIRS, values, strict=True)}


def _chosen(curve: pd.DataFrame, size: int) -> pd.Series:
    """Return the point of a curve beside a published network of this many params."""
    fitting = curve[curve["params"] <= size]
    if fitting.empty:
        return curve.loc[np.log(curve["params"] / size).abs().idxmin()]
    if fitting["error_valid"].notna().any():
        return fitting.loc[fitting["error_valid"].idxmin()]
    return fitting.loc[fitting["params"].idxmax()]


def _at_most(row: dict) -> str:
    """Return the measures of which ours is at most theirs, "-" without any."""
    theirs = {"params": "published_params", "macs": "published_macs", "error": "published_error_percent"}
    found = [title for measure, title in MEASURES.items() if row[measure] <= row[theirs[measure]]]
    if found[-1:] == ["error"] and not row["error_high"] <= row["published_error_percent"]:
        found[-1] = "error in the mean"
    return ", ".join(found) or "-"
