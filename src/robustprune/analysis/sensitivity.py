"""Sensitivity of kept size and test error to the starting size, the initialization and the seed, per method."""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, NOT_OK_SHARE, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, PValue, Span, Text, most_known
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.resampling import bootstrap_interval, interquartile_mean
from robustprune.analysis.select import (
    FROM_STANDARD,
    STANDARD_START,
    of_standard_initialization,
    rule_of_strengths,
    standard,
    studied,
    without,
)
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import (
    brown_forsythe,
    coefficient_of_variation,
    elasticity,
    holm,
    interval_columns,
    share_not_ok,
    steepest,
)
from robustprune.study.roles import METHOD_UNDER_STUDY

ENDS = [
    *("params_smallest", "params_largest", "error_smallest", "error_largest"),
    *(*interval_columns("not_ok_percent"), "n"),
]
WIDTH_COLUMNS = [
    *(*SERIES, "widths", *interval_columns("elasticity"), *interval_columns("elasticity_up"), "steepest", *ENDS),
]
INITIALIZATION_COLUMNS = [
    *(*SERIES, "initializations", "variation_percent", "shared", "variation_shared_percent", "p_spread", *ENDS),
]
SEED_COLUMNS = [
    *(*SERIES, *interval_columns("variation_percent"), *interval_columns("error_iqm")),
    *("error_sd", "error_iqr", "error_min", "error_max", "p_spread", "reference"),
    *(*interval_columns("not_ok_percent"), "n"),
]
WHO = [Text("method"), Text("strength")]
ENDS_SHOWN = [
    Span("params_smallest", "params_largest", "mean params", ",.0f"),
    Span("error_smallest", "error_largest", "mean error (%)", ".2f"),
]
FAILURES_SHOWN = [Interval("not_ok_percent", "not ok (%)", ".0f"), Text("n")]
WIDTH_SHOWN = [
    *(*WHO, Text("widths"), Interval("elasticity", "elasticity", ".3f")),
    *(Interval("elasticity_up", "elasticity from width 1", ".3f"), Number("steepest", "steepest", ".2f")),
    *(*ENDS_SHOWN, *FAILURES_SHOWN),
]
INITIALIZATION_SHOWN = [
    *(*WHO, Text("initializations"), Number("variation_percent", "variation of params (%)", ".1f")),
    *(Number("variation_shared_percent", "shared (%)", ".1f"), *ENDS_SHOWN, PValue("p_spread", "p (spread)")),
    *FAILURES_SHOWN,
]
SEED_SHOWN = [
    *(*WHO, Interval("variation_percent", "variation of params (%)", ".1f")),
    *(
        Interval("error_iqm", "error, IQM (%)", ".2f"),
        Number("error_sd", "SD", ".2f"),
        Number("error_iqr", "IQR", ".2f"),
    ),
    *(Span("error_min", "error_max", "range", ".2f"), PValue("p_spread", "p (spread)"), *FAILURES_SHOWN),
]


def sensitivity_width(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the robustness to the starting size: elasticity of the kept params, smallest and largest means."""
    rows = []
    for key, group in of_standard_initialization(studied(runs)).groupby(SERIES, sort=False):
        if group["width"].nunique() > 1:
            widths = " ".join(f"{value:g}" for value in sorted(group["width"].unique()))
            row = dict(zip(SERIES, key, strict=True)) | {"widths": widths}
            row |= elasticity(group["width"], group["params_kept"], confidence).columns("elasticity")
            up = group[group["width"] >= 1]
            row |= elasticity(up["width"], up["params_kept"], confidence).columns("elasticity_up")
            row["steepest"] = steepest(group["width"], group["params_kept"])
            rows.append(_with_ends(row, group, "width", confidence))
    table = pd.DataFrame(rows, columns=WIDTH_COLUMNS)
    text = caption(
        rule_of_strengths(runs),
        "Elasticity: slope of log(params kept) on log(starting width), over the means of the widths; 0: the start does "
        "not matter. From width 1: over the standard size and wider starts only. Steepest: largest absolute slope "
        "between neighbouring widths; shows sizes that rise and fall again.",
        brackets(confidence, "Welch's t interval"),
        f"Smallest, largest: of the means of the starting widths. Start: {FROM_STANDARD}.",
        NOT_OK_SHARE,
        N,
        without(runs, table, f"several widths ({FROM_STANDARD})"),
    )
    return Sheet.of(table, WIDTH_SHOWN, "Robustness to the starting size", text)


def sensitivity_initialization(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the robustness to the initial weights: variation of the mean params over initializations."""
    rows, at_width_one = [], studied(runs)
    for _, network in at_width_one[at_width_one["width"] == 1].groupby(NETWORK, sort=False):
        cells = {key: own for key, own in network.groupby(SERIES, sort=False) if own["initialization"].nunique() > 1}
        shared = set.intersection(*(set(own["initialization"]) for own in cells.values())) if cells else set()
        p = [
            brown_forsythe([e for _, e in own.groupby("initialization")["error_test_percent"]])
            for own in cells.values()
        ]
        for (key, own), adjusted in zip(cells.items(), holm(p), strict=True):
            means = own.groupby("initialization")["params_kept"].mean()
            row = {
                **dict(zip(SERIES, key, strict=True)),
                "initializations": len(means),
                "variation_percent": coefficient_of_variation(means).mean,
                "shared": len(shared),
                "variation_shared_percent": coefficient_of_variation(means[means.index.isin(shared)]).mean,
                "p_spread": adjusted,
            }
            rows.append(_with_ends(row, own, "initialization", confidence))
    table = pd.DataFrame(rows, columns=INITIALIZATION_COLUMNS)
    text = caption(
        rule_of_strengths(runs),
        "Variation: standard deviation of the mean params of the initializations, in percent of their mean; shared: "
        "over those only that every method here has. Smallest, largest: of the means of the initializations. p "
        "(spread): Brown and Forsythe's test that the test error spreads alike over seeds under every initialization "
        "of three seeds or more, Holm-adjusted for the methods. Start: width 1.",
        NOT_OK_SHARE,
        N,
        without(runs, table, "several initializations (width 1)"),
    )
    return Sheet.of(table, INITIALIZATION_SHOWN, "Robustness to the initialization", text)


def sensitivity_seed(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the robustness to the seed at the standard start: variation of params, spread of errors, failures."""
    rows, references = [], []
    for network, group in standard(studied(runs)).groupby(NETWORK, sort=False):
        cells = dict(list(group.groupby(["method", "strength"])))
        ours = group.loc[group["method"] == METHOD_UNDER_STUDY, "strength"]
        reference = (METHOD_UNDER_STUDY, ours.iloc[0]) if len(ours) else None
        against = cells[reference]["error_test_percent"] if reference else []
        p = [
            np.nan if key == reference else brown_forsythe([own["error_test_percent"], against])
            for key, own in cells.items()
        ]
        named = "/".join(reference or ())
        for (key, own), adjusted in zip(cells.items(), holm(p), strict=True):
            rows.append(_seed_row(network, key, own, confidence) | {"p_spread": adjusted, "reference": named})
        references += [named] if named else []
    table = pd.DataFrame(rows, columns=SEED_COLUMNS)
    text = caption(
        rule_of_strengths(runs),
        AT_STANDARD,
        "Variation: standard deviation of the params kept over seeds in percent of their mean, with its chi-square "
        "interval. Error: test error, interquartile mean (IQM) with its BCa bootstrap interval (of the percentiles "
        "where ties leave that undefined; with five seeds it covers less than it says), standard deviation, "
        "interquartile range, smallest to largest.",
        brackets(confidence, "these intervals"),
        f"p (spread): Brown and Forsythe's test against {' and '.join(references)}, from three networks on, "
        "Holm-adjusted."
        if references
        else "",
        NOT_OK_SHARE,
        N,
        without(runs, table, STANDARD_START),
    )
    return Sheet.of(table, SEED_SHOWN, "Robustness to the seed", text)


def _with_ends(row: dict, group: pd.DataFrame, axis: str, confidence: float) -> dict:
    """Return the row with the smallest and largest mean along an axis, the share of runs not ok, and n."""
    for name, column in (("params", "params_kept"), ("error", "error_test_percent")):
        means = group.groupby(axis)[column].mean()
        row |= {f"{name}_smallest": means.min(), f"{name}_largest": means.max()}
    return _with_failures(row, group, confidence)


def _with_failures(row: dict, group: pd.DataFrame, confidence: float) -> dict:
    row = row | share_not_ok(list(group["status"]), confidence).columns("not_ok_percent")
    return row | {"n": most_known(row)}


def _seed_row(network: tuple, key: tuple, own: pd.DataFrame, confidence: float) -> dict:
    error = own["error_test_percent"].astype(float)
    row = {
        **dict(zip(SERIES, (*network, *key), strict=True)),
        **coefficient_of_variation(own["params_kept"], confidence).columns("variation_percent"),
        **bootstrap_interval(error, interquartile_mean, confidence).columns("error_iqm"),
        "error_sd": error.std(),
        "error_iqr": error.quantile(0.75) - error.quantile(0.25),
        "error_min": error.min(),
        "error_max": error.max(),
    }
    return _with_failures(row, own, confidence)
