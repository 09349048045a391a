"""How much do kept size and test error depend on the starting size, the initialization and the seed, per method?"""

import numpy as np
import pandas as pd

from robustprune.analysis.sheet import Sheet, by_network, number, span, with_interval
from robustprune.analysis.source import METHOD_UNDER_STUDY, NETWORK, SERIES, STANDARD_INITIALIZATION, standard, studied
from robustprune.analysis.statistics import (
    bootstrap_interval,
    brown_forsythe,
    coefficient_of_variation,
    elasticity,
    holm,
    interquartile_mean,
    share_not_ok,
    steepest,
)

ENDS = [
    *("params_smallest", "params_largest", "error_smallest", "error_largest"),
    *("not_ok_percent", "not_ok_percent_low", "not_ok_percent_high", "n"),
]
WIDTH_COLUMNS = [
    *(*SERIES, "widths", "elasticity", "elasticity_low", "elasticity_high"),
    *("elasticity_up", "elasticity_up_low", "elasticity_up_high", "steepest", *ENDS),
]
INITIALIZATION_COLUMNS = [
    *(*SERIES, "initializations", "variation_percent", "shared", "variation_shared_percent", "p_spread", *ENDS),
]
SEED_COLUMNS = [
    *(*SERIES, "variation_percent", "variation_percent_low", "variation_percent_high"),
    *("error_iqm", "error_iqm_low", "error_iqm_high", "error_sd", "error_iqr", "error_min", "error_max", "p_spread"),
    *("not_ok_percent", "not_ok_percent_low", "not_ok_percent_high", "n"),
]
NOT_OK = (
    "Not ok: collapsed, diverged or failed networks, with Wilson's interval; collapsed ones are in all other columns."
)


def sensitivity_width(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Robustness to the starting size: elasticity of the kept params, and the ends over the starting widths."""
    runs = studied(runs)
    rows = []
    for key, group in runs[runs["initialization"] == STANDARD_INITIALIZATION].groupby(SERIES, sort=False):
        if group["width"].nunique() > 1:
            row = dict(zip(SERIES, key, strict=True)) | {"widths": _listed(group["width"])}
            for name, own in (("elasticity", group), ("elasticity_up", group[group["width"] >= 1])):
                row |= elasticity(own["width"], own["params_kept"], confidence).columns(name)
            row["steepest"] = steepest(group["width"], group["params_kept"])
            rows.append(row | _ends(group, "width", confidence))
    table = pd.DataFrame(rows, columns=WIDTH_COLUMNS)
    caption = (
        "Elasticity: slope of log(params kept) on log(starting width), over the means of the widths; 0: the start does "
        "not matter. From width 1: over the standard size and wider starts only. Steepest: largest absolute slope "
        "between neighbouring widths; shows sizes that rise and fall again. Brackets: Welch's t interval at level "
        f"{confidence:.0%} over n networks. Smallest, largest: of the means of the starting widths. Initialization He "
        f"normal. {NOT_OK}"
    )
    return Sheet(table, "Robustness to the starting size", by_network(table, _readable_width), caption)


def sensitivity_initialization(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Robustness to the initial weights: variation of the mean params over initializations, and their ends."""
    runs = studied(runs)
    rows = []
    for _, network in runs[runs["width"] == 1].groupby(NETWORK, sort=False):
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
            rows.append(row | _ends(own, "initialization", confidence))
    table = pd.DataFrame(rows, columns=INITIALIZATION_COLUMNS)
    caption = (
        "Variation: standard deviation of the mean params of the initializations, in percent of their mean; shared: "
        "over those only that every method here has. Smallest, largest: of the means of the initializations. p "
        "(spread): Brown and Forsythe's test that the test error "
        "spreads alike over seeds under every initialization, Holm-adjusted for the methods. Width 1, n networks. "
        f"{NOT_OK}"
    )
    return Sheet(table, "Robustness to the initialization", by_network(table, _readable_initialization), caption)


def sensitivity_seed(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Robustness to the seed at the standard start: variation of the params, spread of the error, runs that failed."""
    rows = []
    for network, group in standard(studied(runs)).groupby(NETWORK, sort=False):
        reference, p, found = group[group["method"] == METHOD_UNDER_STUDY]["error_test_percent"], [], []
        for key, own in group.groupby(["method", "strength"]):
            found.append(_seed_row(network, key, own, confidence))
            itself = key[0] == METHOD_UNDER_STUDY
            p.append(np.nan if itself else brown_forsythe([own["error_test_percent"], reference]))
        rows += [row | {"p_spread": adjusted} for row, adjusted in zip(found, holm(p), strict=True)]
    table = pd.DataFrame(rows, columns=SEED_COLUMNS)
    caption = (
        "Width 1, He normal. Variation: standard deviation of the params kept over seeds in percent of their mean, "
        f"chi-square interval at level {confidence:.0%}. Test error: interquartile mean with BCa bootstrap interval "
        "(with five seeds it covers less than it says), standard deviation, interquartile range, smallest to largest. "
        f"p (spread): Brown and Forsythe against {METHOD_UNDER_STUDY}, Holm-adjusted. {NOT_OK}"
    )
    return Sheet(table, "Robustness to the seed", by_network(table, _readable_seed), caption)


def _listed(values: pd.Series) -> str:
    return " ".join(f"{value:g}" for value in sorted(values.unique()))


def _ends(group: pd.DataFrame, axis: str, confidence: float) -> dict:
    """Smallest and largest mean along an axis, and the runs that are not ok."""
    row = {}
    for name, column in (("params", "params_kept"), ("error", "error_test_percent")):
        means = group.groupby(axis)[column].mean()
        row |= {f"{name}_smallest": means.min(), f"{name}_largest": means.max()}
    return row | share_not_ok(list(group["status"]), confidence).columns("not_ok_percent") | {"n": len(group)}


def _seed_row(network: tuple, key: tuple, own: pd.DataFrame, confidence: float) -> dict:
    error = own["error_test_percent"].astype(float)
    return {
        **dict(zip(SERIES, (*network, *key), strict=True)),
        **coefficient_of_variation(own["params_kept"], confidence).columns("variation_percent"),
        **bootstrap_interval(error, interquartile_mean, confidence).columns("error_iqm"),
        "error_sd": error.std(),
        "error_iqr": error.quantile(0.75) - error.quantile(0.25),
        "error_min": error.min(),
        "error_max": error.max(),
        **share_not_ok(list(own["status"]), confidence).columns("not_ok_percent"),
        "n": len(own),
    }


def _with_ends(shown: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    for name, title, form in (("params", "mean params", ",.0f"), ("error", "mean error (%)", ".2f")):
        ends = zip(table[f"{name}_smallest"], table[f"{name}_largest"], strict=True)
        shown[title] = [span(low, high, form) for low, high in ends]
    return _with_failures(shown, table)


def _with_failures(shown: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    shown["not ok (%)"] = [with_interval(row, "not_ok_percent", ".0f") for _, row in table.iterrows()]
    shown["n"] = table["n"]
    return shown


def _readable_width(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method", "strength", "widths"]].copy()
    for name, title in (("elasticity", "elasticity"), ("elasticity_up", "elasticity from width 1")):
        shown[title] = [with_interval(row, name, ".3f") for _, row in table.iterrows()]
    shown["steepest"] = [number(value, ".2f") for value in table["steepest"]]
    return _with_ends(shown, table)


def _readable_initialization(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method", "strength", "initializations"]].copy()
    for name, title in (("variation", "variation of params (%)"), ("variation_shared", "shared (%)")):
        shown[title] = [number(value, ".1f") for value in table[f"{name}_percent"]]
    shown = _with_ends(shown, table)
    shown.insert(len(shown.columns) - 2, "p (spread)", [number(value, ".3f") for value in table["p_spread"]])
    return shown


def _readable_seed(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method", "strength"]].copy()
    shown["variation of params (%)"] = [with_interval(row, "variation_percent", ".1f") for _, row in table.iterrows()]
    shown["error, IQM (%)"] = [with_interval(row, "error_iqm", ".2f") for _, row in table.iterrows()]
    for name, title in (("error_sd", "SD"), ("error_iqr", "IQR")):
        shown[title] = [number(value, ".2f") for value in table[name]]
    ends = zip(table["error_min"], table["error_max"], strict=True)
    shown["range"] = [span(low, high, ".2f") for low, high in ends]
    shown["p (spread)"] = [number(value, ".3f") for value in table["p_spread"]]
    return _with_failures(shown, table)
