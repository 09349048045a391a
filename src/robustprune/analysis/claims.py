"""The claims of the paper's abstract, a function each, which judges the networks of any method (docs/protocol.md, B20).

Each function takes the networks of one method at its operating point and what it needs beside them (Others), and
returns the verdict and the numbers that it follows from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.equal_size import Curves, networks_at
from robustprune.analysis.labels import is_keep_probability
from robustprune.analysis.moments import removal_times, undetermined_at, while_gates_are_drawn
from robustprune.analysis.read import slots
from robustprune.analysis.select import standard
from robustprune.analysis.statistics import mean_interval, size_interval
from robustprune.analysis.verdicts.decision import (
    LEVEL,
    NO,
    NOT_APPLICABLE,
    OWN_LEVEL,
    SHORT,
    UNDECIDED,
    Comparison,
    at_most,
)
from robustprune.analysis.verdicts.effect import largest
from robustprune.analysis.verdicts.equal_size import not_worse
from robustprune.analysis.verdicts.over_starts import (
    ERROR,
    SIZE,
    judged,
    over_initializations,
    over_widths,
    sized_by_itself,
)

DETERMINED = 1.0
"""Largest undetermined share, in percent, at which gates count as 0 or 1."""
EARLY = 0.5
"""Share of training by which the units that leave have left."""
NOT_RUN = "not run"
GROUP = ["method", "strength", "variant"]


@dataclass(frozen=True)
class Others:
    """What a claim needs beside the networks of one method.

    points: networks at searched operating points of the same network and budget. dense: unpruned networks.
    """

    points: pd.DataFrame
    curves: Curves
    dense: pd.DataFrame
    history: pd.DataFrame | None
    confidence: float


Answer = tuple[str, str]
"""A verdict and the numbers that it follows from."""


def over_all_initializations(own: pd.DataFrame, others: Others) -> Answer:
    """The initialization does not matter."""
    return _over_starts(over_initializations(own), "initializations") if sized_by_itself(own) else (NOT_APPLICABLE, "")


def over_all_widths(own: pd.DataFrame, others: Others) -> Answer:
    """The starting size does not matter."""
    return _over_starts(over_widths(own), "widths") if sized_by_itself(own) else (NOT_APPLICABLE, "")


def as_accurate(own: pd.DataFrame, others: Others) -> Answer:
    """As accurate as others at equal size."""
    mine = others.points.loc[others.points.index.isin(own.index)]
    rivals = others.points[(others.points["method"] != own["method"].iloc[0]) & (others.points["variant"] == "")]
    if mine.empty or rivals.empty or mine["target_params"].isna().any():
        return NOT_RUN, ""
    target = float(np.log(mine["target_params"].iloc[0]))
    method = networks_at(mine, others.curves, target)
    against = {
        " ".join(filter(None, key)): networks_at(group, others.curves, target)
        for key, group in rivals.groupby(GROUP, sort=False)
    }
    verdict = not_worse(target, method, against)
    worst = max(verdict.comparisons, key=lambda one: np.nan_to_num(one.effect.value, nan=-np.inf))
    shown = with_interval(worst.effect.estimate(LEVEL).columns("difference"), "difference", "+.2f")
    return str(verdict), f"{shown} points against {worst.start} (largest of {len(against)})"


def at_zero_or_one(own: pd.DataFrame, others: Others) -> Answer:
    """Gates end at 0 or 1."""
    if not is_keep_probability(own["method"].iloc[0]):
        return NOT_APPLICABLE, ""
    if others.history is None or own["budget"].iloc[0] != "epochs":
        return NOT_RUN, ""
    start = standard(own)
    if start.empty:
        return NOT_RUN, ""
    epoch = while_gates_are_drawn(start)
    shares = 100 * undetermined_at(epoch, start, others.history)
    share = mean_interval(shares, others.confidence)
    end = 100 * start["undetermined_fraction"].astype(float).mean()
    text = f"{with_interval(share.columns('share'), 'share', '.1f')} % undetermined after epoch {epoch}"
    return at_most([mean_interval(shares, OWN_LEVEL)], DETERMINED), f"{text}, {number(end, '.1f')} % at the end"


def early(own: pd.DataFrame, others: Others) -> Answer:
    """Units leave early."""
    start = standard(own)
    if others.history is None or start.empty:
        return NOT_RUN, ""
    times = removal_times(start, others.history)
    lost = [slot for slot in slots(start["architecture"].iloc[0]) if times[slot].notna().any()]
    shares = {slot: mean_interval(times[slot], others.confidence) for slot in lost}
    text = ", ".join(f"{slot} {with_interval(share.columns('s'), 's', '.2f')}" for slot, share in shares.items())
    judged = [mean_interval(times[slot], OWN_LEVEL) for slot in lost]
    return at_most(judged, EARLY), f"{text} of training" if text else "no unit leaves"


def cheaper(own: pd.DataFrame, others: Others) -> Answer:
    """Training is cheaper."""
    start = standard(own)
    if start.empty:
        return NOT_RUN, ""
    ratio = 100 * (start["train_macs"] / start["train_macs_dense"]).astype(float)
    shown, macs = (size_interval(ratio, level) for level in (others.confidence, OWN_LEVEL))
    text = f"{with_interval(shown.columns('macs'), 'macs', '.1f')} % of the MACs of dense training"
    dense, machine = standard(others.dense), ["device", "threads"]
    both = pd.concat([start, dense])
    if dense.empty or len(both[machine].drop_duplicates()) > 1 or both["train_seconds"].isna().any():
        # seconds of another machine are not compared; networks that share a GPU have none
        return (NO if macs.low > 100 else UNDECIDED), f"{text}; seconds not comparable"
    seconds = 100 * start["train_seconds"].mean() / dense["train_seconds"].mean()
    text += f", {number(seconds, '.0f')} % of the seconds"
    if macs.low > 100 or seconds >= 100:
        return NO, text
    return at_most([macs], np.nextafter(100, 0)), text


def _over_starts(comparisons: Sequence[Comparison], axis: str) -> Answer:
    if not comparisons:
        return NOT_RUN, ""
    verdicts = judged(comparisons)
    starts = len({one.start for one in comparisons}) + (axis == "widths")
    parts = " / ".join(SHORT.get(str(verdicts[name]), str(verdicts[name])) for name in ("size", "units", "error"))
    found = []
    for what, scale, form, unit in ((SIZE, 100.0, "+.1f", "% of size"), (ERROR, 1.0, "+.2f", "points")):
        most = largest([one.effect for one in comparisons if one.what == what], LEVEL)
        values = np.array([most.mean, most.low, most.high])
        mean, low, high = 100 * np.expm1(values) if scale > 1 else values
        row = {"most": mean, "most_low": low, "most_high": high}
        found.append(f"{with_interval(row, 'most', form)} {unit}")
    return str(verdicts["all"]), f"({parts}) largest difference {', '.join(found)} over {starts} {axis}"


CLAIMS: dict[str, Callable[[pd.DataFrame, Others], Answer]] = {
    function.__doc__.rstrip("."): function
    for function in (over_all_initializations, over_all_widths, as_accurate, at_zero_or_one, early, cheaper)
}
"""Claim -> the function that judges it; its docstring is the claim."""
