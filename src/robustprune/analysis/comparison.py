"""Comparison of the methods at their operating points: the main table, and ranks with their uncertainty."""

from math import isnan

import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, NOT_OK, SIZES, N, brackets, caption
from robustprune.analysis.columns import Interval, Number, Text, most_known
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.resampling import rank_intervals
from robustprune.analysis.select import STANDARD_START, rule_of_strengths, standard, studied, without
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import holm, interval_columns, paired_difference, probability_of_improvement
from robustprune.analysis.tradeoff import points
from robustprune.study.roles import METHOD_UNDER_STUDY

SCORES = {"error": "error_test_percent", "params": "params_kept"}
MAIN_COLUMNS = [
    *(*SERIES, "units_kept", *interval_columns("params"), "params_best", "compression", "macs", "speedup"),
    *(*interval_columns("error"), "error_best", "n", "not_ok"),
]
MAIN_SHOWN = [
    *(Text("method"), Text("strength"), Text("units_kept", "units kept (mean)")),
    *(Interval("params", "params", ",.0f", best="params_best"), Number("compression", "compression (x)", ".1f")),
    *(Number("macs", "MACs", ",.0f"), Number("speedup", "speed-up (x)", ".1f")),
    *(Interval("error", "test error (%)", ".2f", best="error_best"), Text("n"), Text("not_ok", "not ok")),
]
RANK_COLUMNS = [
    *(*SERIES, "reference"),
    *(column for name in SCORES for what in ("rank", "improved") for column in interval_columns(f"{name}_{what}")),
    "n",
]
RANK_SHOWN = [
    *(Text("method"), Text("strength")),
    *(
        column
        for name in SCORES
        for column in (
            Interval(f"{name}_rank", f"rank by {name}", ".1f"),
            Interval(f"{name}_improved", f"P({{reference}} better), {name}", ".2f"),
        )
    ),
    Text("n"),
]


def main_comparison(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return kept size and error of every method, at its operating point and the standard start."""
    everything, runs = runs, standard(studied(runs))
    table = points(runs, confidence).set_index(SERIES)
    table["compression"] = 100 / table["params_percent"]
    faster = runs.assign(speedup=runs["inference_ms_dense"] / runs["inference_ms_kept"])
    table["speedup"] = faster.groupby(SERIES)["speedup"].median()
    networks = list(runs.groupby(NETWORK, sort=False))
    for name, column in SCORES.items():
        best = {(*key, *(supported_best(group, column, confidence) or ())) for key, group in networks}
        table[f"{name}_best"] = [series in best for series in table.index]
    table = table.reset_index()[MAIN_COLUMNS]
    text = caption(
        rule_of_strengths(everything),
        AT_STANDARD,
        brackets(confidence, SIZES),
        "Compression: params of the starting network over those kept; speed-up: median ratio of latencies at batch "
        "256, one CPU thread. Bold: the smallest of its column, where t tests paired by seed separate it from every "
        f"other method at that level (Holm-adjusted, p < {1 - confidence:.2g}).",
        NOT_OK,
        N,
        without(everything, table, STANDARD_START),
    )
    named = "at their operating points" if everything["operating_point"].any() else "at every strength"
    return Sheet.of(table, MAIN_SHOWN, f"Methods {named}", text)


def supported_best(group: pd.DataFrame, column: str, confidence: float) -> tuple[str, str] | None:
    """Return (method, strength) of the smallest mean if its paired differences from all others are significant."""
    cells = dict(list(group.groupby(["method", "strength"], sort=False)))
    means = {key: own[column].astype(float).mean() for key, own in cells.items()}
    best = min(means, key=lambda key: float("inf") if isnan(means[key]) else means[key])
    pairs = [of_shared_seeds(own, cells[best]) for key, own in cells.items() if key != best]
    p = holm([paired_difference(own[column], of_best[column]).p for own, of_best in pairs])
    return best if len(p) and bool((p < 1 - confidence).all()) else None


def ranking(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return ranks by error and by params, and the probability that the method under study is better."""
    rows = []
    for network, group in standard(studied(runs)).groupby(NETWORK, sort=False):
        rows += _ranks(dict(zip(NETWORK, network, strict=True)), group, confidence)
    table = pd.DataFrame(rows, columns=RANK_COLUMNS)
    text = caption(
        rule_of_strengths(runs),
        AT_STANDARD,
        "Rank 1: smallest test error, fewest params (means over seeds that every method has).",
        brackets(confidence, "percentile bootstrap, the same seeds drawn for all methods,"),
        "P: probability that a network of the reference method has a smaller error, or fewer params, than one of the "
        "row's method (ties half, failed runs count as worse), with Newcombe's interval. The rank by size alone says "
        "little: operating points differ in error.",
        N,
        without(runs, table, STANDARD_START),
    )
    return Sheet.of(table, RANK_SHOWN, "Ranking with uncertainty", text)


def _ranks(network: dict, group: pd.DataFrame, confidence: float) -> list[dict]:
    """Return the rows of one network, smallest error first."""
    keys = list(group.groupby(["method", "strength"], sort=False).groups)
    reference = next((key for key in keys if key[0] == METHOD_UNDER_STUDY), keys[0])
    alone = sum(key[0] == reference[0] for key in keys) == 1
    named = reference[0] if alone else "/".join(reference)
    rows = [network | {"method": method, "strength": strength, "reference": named} for method, strength in keys]
    cells = dict(list(group.groupby(["method", "strength"])))
    shared = of_shared_seeds(*(cells[key] for key in keys))
    for name, column in SCORES.items():
        scores = [own[column] for own in shared]
        for row, key, rank in zip(rows, keys, rank_intervals(scores, confidence), strict=True):
            row |= rank.columns(f"{name}_rank")
            if key != reference:  # unpaired: networks whose seed another method lacks count, too
                better = probability_of_improvement(cells[reference][column], cells[key][column], confidence)
                row |= better.columns(f"{name}_improved")
    return sorted(({**row, "n": most_known(row)} for row in rows), key=lambda row: row["error_rank"])
