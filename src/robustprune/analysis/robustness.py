"""Robustness tables: what is kept and how well it works, by starting width and by initialization."""

import numpy as np
import pandas as pd

from robustprune.analysis.sheet import Sheet, by_network, span, with_interval
from robustprune.analysis.source import NETWORK, STANDARD_INITIALIZATION
from robustprune.analysis.statistics import mean_interval
from robustprune.records.record import split_units

GROUPS = {
    "robustness_width": ([*NETWORK, "method", "strength", "initialization", "width"], "starting width"),
    "robustness_initialization": ([*NETWORK, "width", "method", "strength", "initialization"], "initialization"),
}
TITLES = {
    "units_kept": "units kept (mean per slot)",
    "params_kept": "params kept",
    "error_test_percent": "test error (%)",
    "error_range": "error range (%)",
    "train_seconds": "training (s/network)",
    "n": "n",
    "not_ok": "not ok",
}


def summarize(runs: pd.DataFrame, by: list[str], confidence: float) -> pd.DataFrame:
    """One row per group: mean units kept, mean and interval of params and error, range, n, and how many are not ok.

    Collapsed runs enter every mean (they are results); diverged and failed ones have no numbers and show in
    `not_ok` and in a smaller n.
    """
    rows = []
    for key, group in runs.groupby(by, sort=False):
        row = dict(zip(by, key, strict=True))
        row["units_kept"] = mean_units(group["units_kept"])
        for column in ("params_kept", "error_test_percent"):
            row |= mean_interval(group[column], confidence).columns(column)
        row["error_min"], row["error_max"] = group["error_test_percent"].min(), group["error_test_percent"].max()
        row["train_seconds"] = group["train_seconds"].mean()
        row["n"] = mean_interval(group["error_test_percent"]).n
        row["not_ok"] = int((group["status"] != "ok").sum())
        rows.append(row)
    columns = [*by, "units_kept", "params_kept", "error_test_percent", "n", "not_ok"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def mean_units(units: pd.Series) -> str:
    """Mean units per slot over seeds, rounded: "183.2-108.4-55.0"."""
    known = [split_units(text) for text in units.dropna()]
    return "-".join(f"{mean:.1f}" for mean in np.mean(known, axis=0)) if known else ""


def robustness(name: str, runs: pd.DataFrame, confidence: float) -> Sheet:
    """One table of GROUPS."""
    by, title = GROUPS[name]
    table = summarize(_along(runs, name), by, confidence)
    table = table.sort_values([c for c in by if c not in ("initialization", "width")], kind="stable")
    return sheet(table, by, title, confidence)


def _along(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """The networks of one table: only one axis varies (all of them where its standard value is missing)."""
    fixed = runs["initialization"] == STANDARD_INITIALIZATION if name == "robustness_width" else runs["width"] == 1
    return runs[fixed] if fixed.any() else runs


def readable(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The table as a person reads it: intervals in brackets, digits that the interval supports."""
    shown = table[by].copy()
    if "width" in by:
        shown["width"] = [f"{width:g}" for width in table["width"]]
        shown = shown.rename(columns={"width": "starting width"})
    shown[TITLES["units_kept"]] = table["units_kept"]
    shown[TITLES["params_kept"]] = [with_interval(row, "params_kept", ",.0f") for _, row in table.iterrows()]
    shown[TITLES["error_test_percent"]] = [
        with_interval(row, "error_test_percent", ".2f") for _, row in table.iterrows()
    ]
    if len(table):
        ends = zip(table["error_min"], table["error_max"], strict=True)
        shown[TITLES["error_range"]] = [span(low, high, ".2f") for low, high in ends]
        shown[TITLES["train_seconds"]] = [f"{seconds:.1f}" for seconds in table["train_seconds"]]
    shown["n"], shown["not ok"] = table["n"], table["not_ok"]
    return shown


def sheet(table: pd.DataFrame, by: list[str], title: str, confidence: float) -> Sheet:
    """The table with a section per network and track."""
    rest = [column for column in by if column not in NETWORK]
    sections = by_network(table, lambda group: readable(group, rest))
    caption = (
        f"Mean over seeds with Student's t interval at level {confidence:.0%} in brackets; n "
        "networks per row. Error: last-epoch test error; range: smallest to largest over seeds. Not ok: networks that "
        "collapsed, diverged or failed; collapsed ones are in the means."
    )
    return Sheet(table, f"Cells by {title}", sections, caption)
