"""Estimators of DL beside its exact value, on networks in training: bias, spread, order, and side of the price."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.probes.rows import NONE, READ, share
from robustprune.analysis.read import CELL, NETWORK
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval

ALL_GATES = "all"
GATES = {
    ALL_GATES: (-np.inf, np.inf),
    "closed": (-np.inf, 0.05),
    "inside": (0.05, 0.95),
    "open": (0.95, np.inf),
}
"""Kinds of gates by their keep probability, from exclusive or to inclusive ends that no probability has."""
MEASURES = {
    "bias": "bias / c",
    "slope": "slope on the exact DL",
    "rank": "rank correlation",
    "wrong": "wrong side of the price (%)",
}
COLUMNS = [
    *(*CELL, "epoch", "gates", "estimator", *interval_columns("bias"), *interval_columns("slope")),
    *(*interval_columns("rank"), *interval_columns("wrong"), "spread", "exact_error", "count", "n"),
]
SHOWN = [
    *(Text("strength"), Number("epoch", "epoch", ".0f"), Text("gates"), Text("estimator")),
    *(Interval(name, MEASURES[name], form) for name, form in zip(MEASURES, ("+.2f", ".2f", ".2f", ".0f"), strict=True)),
    *(Number("spread", "spread of one step / c", ",.1f"), Number("exact_error", "error of exact DL / c", ".2f")),
    *(Number("count", "gates measured", ",.0f"), Text("n")),
]


def estimators(runs: pd.DataFrame, confidence: float, estimates: pd.DataFrame | None = None) -> Sheet:
    """Return a row per probed cell, moment, kind of gate and estimator. estimates: the table of the probe."""
    columns = ("replicate", "slot", "unit", "epoch", "theta", "price", "estimator", "mean", "deviation")
    rows = []
    for cell, own in measured(estimates, columns, runs).groupby(CELL, sort=False):
        rows += [dict(zip(CELL, cell, strict=True)) | row for row in _rows(own, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Estimates of DL from one step, mean and spread over 150 steps on the same networks and images, beside the "
        "exact DL under the same noise.",
        READ,
        "All: a sample of at most 20 gates inside and 20 others of every slot. Bias: mean estimate minus exact value, "
        "in prices c. Slope: of the mean estimates on the exact values, through 0 (1: none is shrunk or stretched; the "
        "noise of the exact values shrinks it). Wrong side: the mean estimate plus c has another sign than the exact "
        "value plus c, of the gates whose exact value is two standard errors from -c. Error of exact DL: its standard "
        "error over the images, median over gates. Open and closed: keep probability "
        "above 0.95, below 0.05.",
        brackets(confidence),
        "" if len(table) else NONE,
    )
    return Sheet.of(table, SHOWN, "Estimators beside the exact value of a gate", text, by=NETWORK)


def _rows(own: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one cell."""
    for epoch, moment in own.groupby("epoch"):
        for gates, (low, high) in GATES.items():
            kind = moment[(moment["theta"] > low) & (moment["theta"] < high)]
            for estimator, part in kind.groupby("estimator", sort=False):
                yield {"epoch": epoch, "gates": gates, "estimator": estimator, **_row(part, confidence)}


def _row(part: pd.DataFrame, confidence: float) -> dict:
    """Return what one estimator makes of some gates, means over the networks."""
    bias, slopes, ranks = [], [], []
    for _, own in part.groupby("replicate"):
        exact, mean = own["exact"], own["mean"]
        bias.append(float(((mean - exact) / own["price"]).mean()))
        scale = float((exact**2).sum())
        slopes.append(float((mean * exact).sum()) / scale if scale > 0 else np.nan)
        ranks.append(float(mean.corr(exact, method="spearman")) if min(mean.nunique(), exact.nunique()) > 2 else np.nan)
    distance = part["exact"] + part["price"]
    clear = distance.abs() > 2 * part["exact_error"]
    wrong = (part["mean"] + part["price"])[clear] * distance[clear] < 0
    return {
        **mean_interval(bias, confidence).columns("bias"),
        **mean_interval(slopes, confidence).columns("slope"),
        **mean_interval(ranks, confidence).columns("rank"),
        **share(wrong, part["replicate"], confidence).columns("wrong"),
        "spread": float((part["deviation"] / part["price"]).median()),
        "exact_error": float((part["exact_error"] / part["price"]).median()),
        "count": len(part),
        "n": part["replicate"].nunique(),
    }
