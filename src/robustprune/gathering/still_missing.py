"""What is still missing when the tables of several folders are joined: missing.csv of the merged one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import get_args

import pandas as pd

from robustprune.study.names import Budget

COLUMNS = ["cell", "reason"]
"""A cell is named by its key, an operating point without cells by network/method/key."""
NETWORK = ["dataset", "architecture", "track"]
Points = set[tuple[str, str]]
"""Operating points with the budgets at which they have cells."""


def still_missing(runs: Sequence[pd.DataFrame], missing: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of every missing.csv, without the cells and operating points that a folder has.

    runs, missing: the runs.csv (by cell key) and missing.csv of each folder. A failed cell is none that a folder has.
    Of several reasons for one cell the last counts, of those from folders in which it failed, if there are any.
    """
    trained = [own[own["status"] != "failed"] for own in runs]
    had, known = set().union(*(own.index for own in trained)), [_points(own) for own in trained]
    found: dict[str, tuple[bool, str]] = {}
    for number, rows in enumerate(missing):
        others = set().union(*known[:number], *known[number + 1 :])
        budgets, tried = _budgets(runs[number]), set(runs[number].index)
        for cell, reason in rows[COLUMNS].itertuples(index=False):
            if cell not in had and not _elsewhere(cell, budgets, known[number], others):
                now = (cell in tried, reason)
                found[cell] = max(now, found.get(cell, now), key=lambda one: one[0])
    return pd.DataFrame([(cell, reason) for cell, (_, reason) in found.items()], columns=COLUMNS)


def _elsewhere(point: str, budgets: Mapping[str, set[str]], own: Points, others: Points) -> bool:
    """Return whether other folders have the cells of a point that one folder lists as missing.

    missing.csv does not say the point's budget: it is any at which this folder has cells of the network (of either, if
    it has none), but none of the point. Where other folders lack one of these budgets, the point stays missing.
    """
    network = "/".join(point.split("/")[:2])
    wanted = {(point, budget) for budget in budgets.get(network) or get_args(Budget)} - own
    return bool(wanted) and wanted <= others


def _points(runs: pd.DataFrame) -> Points:
    """Return the operating points that a folder has cells of."""
    columns = [*NETWORK, "method", "operating_point", "budget"]
    named = runs.loc[runs["operating_point"].notna(), columns].drop_duplicates()
    return {
        (f"{dataset}/{architecture}-{track}/{method}/{point}", budget)
        for dataset, architecture, track, method, point, budget in named.itertuples(index=False)
    }


def _budgets(runs: pd.DataFrame) -> Mapping[str, set[str]]:
    """Return network -> the budgets at which a folder has cells of it."""
    found = defaultdict(set)
    for dataset, architecture, track, budget in runs[[*NETWORK, "budget"]].drop_duplicates().itertuples(index=False):
        found[f"{dataset}/{architecture}-{track}"].add(budget)
    return found
