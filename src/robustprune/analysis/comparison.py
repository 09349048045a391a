"""Methods against each other at their operating points: the main table, and ranks with their uncertainty."""

import pandas as pd

from robustprune.analysis.sheet import Sheet, by_network, number, strong, with_interval
from robustprune.analysis.source import METHOD_UNDER_STUDY, NETWORK, SERIES, standard, studied
from robustprune.analysis.statistics import holm, paired_difference, probability_of_improvement, rank_intervals
from robustprune.analysis.tradeoff import points

SCORES = {"params": "params_kept", "error": "error_test_percent"}
MAIN_COLUMNS = [
    *(*SERIES, "units_kept", "params", "params_low", "params_high", "params_best", "compression", "macs", "speedup"),
    *("error", "error_low", "error_high", "error_best", "n", "not_ok"),
]
RANK_COLUMNS = [
    *(*SERIES, "reference"),
    *(f"{name}_{what}{end}" for name in SCORES for what in ("rank", "improved") for end in ("", "_low", "_high")),
    "n",
]


def main_comparison(runs: pd.DataFrame, confidence: float) -> Sheet:
    """What every method keeps and at what error, at its operating point and the standard start."""
    runs = standard(studied(runs))
    table = points(runs, confidence).set_index(SERIES)
    table["compression"] = 100 / table["params_percent"]
    faster = runs.assign(speedup=runs["inference_ms_dense"] / runs["inference_ms_kept"])
    table["speedup"] = faster.groupby(SERIES)["speedup"].median()
    networks = list(runs.groupby(NETWORK, sort=False))
    for name, column in SCORES.items():
        best = {(*key, *(supported_best(group, column, confidence) or ())) for key, group in networks}
        table[f"{name}_best"] = [series in best for series in table.index]
    table = table.reset_index()[MAIN_COLUMNS]
    caption = (
        "Every method at the strength whose start the study varies (every strength where none is), width 1, He normal. "
        f"Brackets: Student's t interval at level {confidence:.0%} over n seeds; collapsed networks are in the means, "
        "diverged and failed ones only under not ok. Compression: params of the starting network over those kept; "
        "speed-up: median ratio of latencies at batch 256, one CPU thread. Bold: the smallest of its column, where t "
        "tests paired by seed separate it from every other method at that level (Holm-adjusted, "
        f"p < {1 - confidence:.2g})."
    )
    return Sheet(table, "Methods at their operating points", by_network(table, _readable_main), caption)


def supported_best(group: pd.DataFrame, column: str, confidence: float) -> tuple[str, str] | None:
    """(method, strength) of the smallest mean, if its paired differences from all others are significant together."""
    values = {
        key: own.set_index("replicate")[column].astype(float)
        for key, own in group.groupby(["method", "strength"], sort=False)
    }
    best = min(values, key=lambda key: values[key].mean() if values[key].notna().any() else float("inf"))
    others = [key for key in values if key != best]
    p = holm([paired_difference(values[key].reindex(values[best].index), values[best]).p for key in others])
    return best if len(p) and bool((p < 1 - confidence).all()) else None


def _readable_main(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method", "strength"]].copy()
    shown["units kept (mean)"] = table["units_kept"]
    for name, title, form in (("params", "params", ",.0f"), ("error", "test error (%)", ".2f")):
        cells = [with_interval(row, name, form) for _, row in table.iterrows()]
        shown[title] = [strong(cell) if best else cell for cell, best in zip(cells, table[f"{name}_best"], strict=True)]
    shown.insert(4, "compression (x)", [number(value, ".1f") for value in table["compression"]])
    shown.insert(5, "MACs", [number(value, ",.0f") for value in table["macs"]])
    shown.insert(6, "speed-up (x)", [number(value, ".1f") for value in table["speedup"]])
    shown["n"], shown["not ok"] = table["n"], table["not_ok"]
    return shown


def ranking(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Ranks of the methods by params and by error, and how often a network of the method under study is better."""
    rows = []
    for network, group in standard(studied(runs)).groupby(NETWORK, sort=False):
        keys = list(group.groupby(["method", "strength"], sort=False).groups)
        reference = next((key for key in keys if key[0] == METHOD_UNDER_STUDY), keys[0])
        found = [dict(zip(SERIES, (*network, *key), strict=True)) | {"reference": reference[0]} for key in keys]
        for name, column in SCORES.items():
            scores = group.pivot(index=["method", "strength"], columns="replicate", values=column).astype(float)
            ranks = rank_intervals(scores.loc[keys], confidence)
            for row, key, rank in zip(found, keys, ranks, strict=True):
                row |= rank.columns(f"{name}_rank") | {"n": rank.n}
                if key != reference:
                    better = probability_of_improvement(scores.loc[reference], scores.loc[key], confidence)
                    row |= better.columns(f"{name}_improved")
        rows += sorted(found, key=lambda row: row["error_rank"])
    table = pd.DataFrame(rows, columns=RANK_COLUMNS)
    caption = (
        "Methods at their operating points, width 1, He normal. Rank 1: fewest params, smallest test error (mean over "
        f"n seeds); brackets: percentile bootstrap at level {confidence:.0%}, the same seeds drawn for all methods. "
        "P: probability that a network of the reference method has fewer params, or a smaller error, than one of the "
        "row's method (ties half, failed runs count as worse), with Newcombe's interval. The rank by size alone says "
        "little: operating points differ in error."
    )
    return Sheet(table, "Ranking with uncertainty", by_network(table, _readable_ranks), caption)


def _readable_ranks(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["method", "strength"]].copy()
    reference = table["reference"].iloc[0]
    for name, title in (("params", "params"), ("error", "error")):
        shown[f"rank by {title}"] = [with_interval(row, f"{name}_rank", ".1f") for _, row in table.iterrows()]
        shown[f"P({reference} better), {title}"] = [
            with_interval(row, f"{name}_improved", ".2f") for _, row in table.iterrows()
        ]
    shown["n"] = table["n"]
    return shown
