"""The points of the explorer: a mean per method and strength, and every network behind it."""

from collections.abc import Iterator
from typing import Any, cast

import pandas as pd

from robustprune.analysis.columns import with_interval
from robustprune.analysis.labels import ARCHITECTURES, DATASETS, budget_title
from robustprune.analysis.read import without_depth
from robustprune.analysis.select import compared, standard
from robustprune.analysis.tradeoff import MEASURES, curves, points
from robustprune.page.study import Part, Study

CHOICES = ("part", "network", "track", "budget")
"""What a reader chooses first, in this order; every point has one value of each."""
CUT = 2.0
"""Intervals are drawn up to this factor from the mean, so that one wide interval does not flatten all others."""

Rows = list[dict[str, Any]]


def explorer_points(study: Study) -> tuple[Rows, Rows]:
    """Return the means and the networks at the standard start, of every part and budget, as rows for JSON.

    Networks with a depth and networks without numbers (diverged, failed) are left out, and points that a logarithmic
    axis cannot show: a size or an error of 0. The part with the most strengths comes first: where a study has one per
    method, its search has the curves.
    """
    means: Rows = []
    networks: Rows = []
    for part in sorted(study.parts, key=_strengths, reverse=True):
        for budget, runs in without_depth(part.runs).groupby("budget", sort=False):
            means += _means(part, str(budget), runs, study.confidence)
            networks += _networks(part, str(budget), runs)
    return means, networks


def _strengths(part: Part) -> int:
    return len(without_depth(part.runs)[["method", "strength"]].drop_duplicates())


def _means(part: Part, budget: str, runs: pd.DataFrame, confidence: float) -> Iterator[dict[str, Any]]:
    table = points(runs, confidence)
    for row in _records(table[(table[[*MEASURES, "error"]] > 0).all(axis=1)]):
        shown = {
            **_place(part, budget, row),
            "units": row["units_kept"],
            "n": f"{row['n']}" + (f", of which not ok: {row['not_ok']}" if row["not_ok"] else ""),
        }
        for name, form in (("params", ",.0f"), ("macs", ",.0f"), ("error", ".2f")):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            shown[name], shown[f"{name}_text"] = _short(row[name]), with_interval(row, name, form)
            if not pd.isna(low):
                shown[f"{name}_from"] = _short(max(low, row[name] / CUT))
                shown[f"{name}_to"] = _short(min(high, row[name] * CUT))
        yield shown


def _networks(part: Part, budget: str, runs: pd.DataFrame) -> Iterator[dict[str, Any]]:
    chosen = compared(standard(runs))
    chosen = chosen.assign(curve=curves(chosen))
    numbers = {"params": "params_kept", "macs": "macs_kept", "error": "error_test_percent"}
    known = chosen[(chosen[list(numbers.values())].astype(float) > 0).all(axis=1)]
    for row in _records(known):
        yield {
            **_place(part, budget, row),
            **{name: float(row[column]) for name, column in numbers.items()},
            "units": row["units_kept"],
            "seed": str(row["seed"]),
            "status": row["status"],
            "cell": row["cell"],
        }


def _place(part: Part, budget: str, row: dict[str, Any]) -> dict[str, str]:
    """Return the values of CHOICES, and the series that a line joins."""
    architecture, dataset = (
        names.get(row[key], row[key]) for names, key in ((ARCHITECTURES, "architecture"), (DATASETS, "dataset"))
    )
    return {
        "part": part.name,
        "network": f"{architecture} on {dataset}",
        "track": row["track"],
        "budget": budget_title(budget),
        "method": row["method"],
        "strength": row["strength"],
        "series": " ".join(str(row[name]) for name in ("method", "curve", "epochs") if row[name] != ""),
    }


def _records(table: pd.DataFrame) -> Rows:
    """Return the rows of a table as dictionaries."""
    return cast(Rows, table.to_dict("records"))


def _short(value: float) -> float:
    """Return a number with five digits, which no eye tells apart from all digits."""
    return float(f"{value:.5g}")
