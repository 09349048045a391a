"""How far a start moves size and error of the method under study, and of every baseline, from the standard start."""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from robustprune.analysis.captions import ERROR, brackets, caption
from robustprune.analysis.columns import Interval, Text
from robustprune.analysis.labels import initialization_title
from robustprune.analysis.pairing import of_shared_seeds
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import STANDARD_INITIALIZATION, STANDARD_START, rule_of_strengths, standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns
from robustprune.analysis.verdicts.effect import difference, in_percent
from robustprune.analysis.verdicts.over_starts import STANDARD_WIDTH, logarithms
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

SIZES = ("size", "baseline_size")
START = ["initialization", "width"]
COLUMNS = [
    *(*NETWORK, "strength", "baseline", "baseline_strength", *START, "start"),
    *(name for of in ("size", "baseline_size", "ratio", "moved") for name in interval_columns(of)),
    *(name for of in ("error", "baseline_error", "difference") for name in interval_columns(of)),
    "n",
]
SHOWN = [
    *(Text("strength"), Text("baseline"), Text("baseline_strength", "baseline's strength"), Text("start")),
    Interval("size", f"size of {METHOD_UNDER_STUDY} (%)", "+.1f"),
    *(Interval("baseline_size", "baseline's (%)", "+.1f"), Interval("ratio", "ratio (%)", "+.1f")),
    Interval("moved", "moved further (%)", "+.1f"),
    Interval("error", f"error of {METHOD_UNDER_STUDY} (points)", "+.2f"),
    *(Interval("baseline_error", "baseline's (points)", "+.2f"), Interval("difference", "difference", "+.2f")),
    Text("n"),
]


def start_changes(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the changes as a sheet."""
    table = changes_of(runs, confidence)
    text = caption(
        rule_of_strengths(runs),
        f"Changes from {STANDARD_START} to another start, of {METHOD_UNDER_STUDY} and of a baseline, paired by seed at "
        "each start. Ratio: size of the method over the baseline's, how much it changes; where its interval holds 0, "
        "the start moves both sizes alike as far as can be told. Moved further: the factor by which the size of the "
        "method moves, up or down, over that by which the baseline's does; below 0 the method's moves less. Intervals "
        "are not adjusted for the number of starts.",
        ERROR,
        brackets(confidence),
        "n: the smaller number of pairs." if len(table) else "No baseline ran from another start here.",
    )
    return Sheet.of(table, SHOWN, "Changes with the start, beside the method", text, by=NETWORK)


def changes_of(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return a row per baseline and start, other than the standard one, from which both it and the method ran.

    Changes are those from the standard start, whose networks have other seeds (Welch). Both methods are paired by seed
    at each start. ratio: change of the size of the method over that of the baseline's, in percent; moved: the same of
    the distances, as down by a factor is as far as up by it; difference: that of the errors.
    """
    rows = [
        dict(zip(NETWORK, key, strict=True)) | row
        for key, group in studied(runs).groupby(NETWORK, sort=False)
        for row in _rows(group, confidence)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(group: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one network, for each strength of the method: it has several forms on LeNet-5."""
    methods = group[group["method"] == METHOD_UNDER_STUDY].groupby("strength", sort=False)
    baselines = group[~group["method"].isin((METHOD_UNDER_STUDY, UNPRUNED))].groupby(["method", "strength"], sort=False)
    for (mine_at, method), ((name, strength), own) in itertools.product(methods, baselines):
        for start, there in own.groupby(START, sort=True):
            initialization, width = start
            if start == (STANDARD_INITIALIZATION, STANDARD_WIDTH):
                continue
            mine = method[(method["initialization"] == initialization) & (method["width"] == width)]
            both = [_pairs(mine, there), _pairs(standard(method), standard(own))]
            if min(map(len, both)):
                row = {
                    "strength": mine_at,
                    "baseline": name,
                    "baseline_strength": strength,
                    "initialization": initialization,
                }
                row |= {"width": width, "start": _title(initialization, width)}
                yield row | _changes(*both, confidence)


def _pairs(mine: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Return log size and error of both at one start, and the method's minus the baseline's, by seed."""
    columns = {}
    for prefix, known in zip(("", "baseline_"), of_shared_seeds(mine, theirs), strict=True):
        columns[f"{prefix}size"] = pd.Series(logarithms(known["params_kept"]), known.index)
        columns[f"{prefix}error"] = known["error_test_percent"].astype(float)
    pairs = pd.DataFrame(columns).dropna()
    return pairs.assign(
        ratio=pairs["size"] - pairs["baseline_size"], difference=pairs["error"] - pairs["baseline_error"]
    )


def _changes(there: pd.DataFrame, at_standard: pd.DataFrame, confidence: float) -> dict:
    """Return the change of every quantity, and n."""
    row: dict = {"n": min(len(there), len(at_standard))}
    own, theirs = (np.sign(there[name].mean() - at_standard[name].mean()) for name in SIZES)  # up or down
    there, at_standard = (
        pairs.assign(moved=own * pairs["size"] - theirs * pairs["baseline_size"]) for pairs in (there, at_standard)
    )
    for name in there:
        found = difference(there[name], at_standard[name]).estimate(confidence)
        row |= (in_percent(found) if name in (*SIZES, "ratio", "moved") else found).columns(name)
    return row


def _title(initialization: str, width: float) -> str:
    parts = [initialization_title(initialization)] if initialization != STANDARD_INITIALIZATION else []
    return ", ".join(parts + ([f"width {width:g}"] if width != STANDARD_WIDTH else []))
