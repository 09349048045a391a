"""Robustness tables: kept size and error by starting width and by initialization."""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import ERROR, NOT_OK, SIZES, N, brackets, caption
from robustprune.analysis.columns import WIDTH, Interval, Number, Span, Text, most_known
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import STANDARD_INITIALIZATION
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval
from robustprune.records.record import split_units

GROUPS = {
    "robustness_width": ([*NETWORK, "method", "strength", "initialization", "width"], "starting width"),
    "robustness_initialization": ([*NETWORK, "width", "method", "strength", "initialization"], "initialization"),
}
NUMBERS = [
    *("units_kept", *interval_columns("params_kept"), *interval_columns("error_test_percent")),
    *("error_min", "error_max", "train_seconds", "n", "not_ok"),
]
SUMMARIZED = ["units_kept", "params_kept", "error_test_percent", "train_seconds", "status"]
SHOWN = [
    Text("units_kept", "units kept (mean per slot)"),
    Interval("params_kept", "params kept", ",.0f"),
    Interval("error_test_percent", "test error (%)", ".2f"),
    Span("error_min", "error_max", "error range (%)", ".2f"),
    *(Number("train_seconds", "training (s/network)", ".1f"), Text("n"), Text("not_ok", "not ok")),
]


def summarize(runs: pd.DataFrame, by: list[str], confidence: float) -> pd.DataFrame:
    """Return one row per group: mean units kept, mean and interval of params and error, range, n and not_ok.

    Collapsed runs are results and enter every mean. Diverged and failed ones have no numbers; they count in `not_ok`
    and make n smaller.
    """
    rows = []
    for key, group in runs[[*by, *SUMMARIZED]].groupby(by, sort=False):
        row = dict(zip(by, key, strict=True)) | {"units_kept": mean_units(group["units_kept"])}
        row |= size_interval(group["params_kept"], confidence).columns("params_kept")
        row |= mean_interval(group["error_test_percent"], confidence).columns("error_test_percent")
        row |= {"error_min": group["error_test_percent"].min(), "error_max": group["error_test_percent"].max()}
        row |= {"train_seconds": group["train_seconds"].mean(), "n": most_known(row)}
        rows.append({**row, "not_ok": int((group["status"] != "ok").sum())})
    return pd.DataFrame(rows, columns=[*by, *NUMBERS])


def mean_units(units: pd.Series) -> str:
    """Return the mean units per slot over seeds, rounded: "183.2-108.4-55.0"."""
    known = [split_units(text) for text in units if isinstance(text, str)]
    return "-".join(f"{mean:.1f}" for mean in np.mean(known, axis=0)) if known else ""


def robustness(name: str, runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return one table of GROUPS."""
    by, title = GROUPS[name]
    chosen, start = _along(runs, name)
    table = summarize(chosen, by, confidence)
    table = table.sort_values([c for c in by if c not in ("initialization", "width")], kind="stable")
    axes = [WIDTH if column == "width" else Text(column) for column in by if column not in NETWORK]
    text = caption(
        f"Mean over seeds; cells of {start}.",
        brackets(confidence, SIZES),
        f"{ERROR} Range: smallest to largest over seeds.",
        NOT_OK,
        N,
    )
    return Sheet.of(table, [*axes, *SHOWN], f"Cells by {title}", text)


def _along(runs: pd.DataFrame, name: str) -> tuple[pd.DataFrame, str]:
    """Return the networks of one table and the value of the axis that does not vary.

    Where no network has the standard value of that axis, all networks are returned; every row names both axes.
    """
    if name == "robustness_width":
        fixed, start = runs["initialization"] == STANDARD_INITIALIZATION, "initialization "
        start += initialization_title(STANDARD_INITIALIZATION)
    else:
        fixed, start = runs["width"] == 1, "width 1"
    if fixed.any():
        return runs[fixed], start
    return runs, f"every start, as there are none of {start}"
