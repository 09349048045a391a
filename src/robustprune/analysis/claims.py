"""The claims of the paper's abstract, a function each, which judges the networks of any method (docs/protocol.md, B20).

Each function takes the networks of one method at its operating point and what it needs beside them (Others), and
returns the verdict and the numbers that it follows from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from robustprune.analysis.columns import number, range_of, with_interval
from robustprune.analysis.equal_error import SIGNIFICANT
from robustprune.analysis.equal_size import Curves, networks_at
from robustprune.analysis.labels import is_keep_probability
from robustprune.analysis.moments import before_the_rate_falls, last_drawn, removal_times, undetermined_at
from robustprune.analysis.read import CELL, MACHINE, of_networks, slots, used
from robustprune.analysis.select import standard
from robustprune.analysis.statistics import holm, mean_interval, size_interval
from robustprune.analysis.verdicts.decision import (
    LEVEL,
    NO,
    NOT_APPLICABLE,
    OWN_LEVEL,
    SHORT,
    TOO_FEW,
    UNDECIDED,
    YES,
    Comparison,
    Verdict,
    at_most,
)
from robustprune.analysis.verdicts.effect import Effect, in_percent, largest
from robustprune.analysis.verdicts.equal_size import better_than_all, not_worse
from robustprune.analysis.verdicts.over_starts import (
    ERROR,
    SIZE,
    STANDARD_WIDTH,
    by_part,
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


class Answer(NamedTuple):
    """A verdict, the numbers that it follows from, and the networks of the smallest sample compared.

    n: None for a verdict on the networks of the standard start alone.
    """

    verdict: str
    evidence: str = ""
    n: int | None = None


def over_all_initializations(own: pd.DataFrame, others: Others) -> Answer:
    """The initialization does not matter."""
    if not sized_by_itself(own):
        return Answer(NOT_APPLICABLE)
    compared = over_initializations(own)
    shared = over_initializations(own[own["initialization"].isin(others.dense["initialization"])])
    few, many = (len({one.start for one in part}) for part in (shared, compared))
    of_dense = f"; over the {few} of dense training: {_short(judged(shared)['all'])}" if 0 < few < many else ""
    return _over_starts(compared, f"{many} initializations{of_dense}")


def over_all_widths(own: pd.DataFrame, others: Others) -> Answer:
    """The starting size does not matter."""
    if not sized_by_itself(own):
        return Answer(NOT_APPLICABLE)
    compared = over_widths(own)
    starts, wider = len({one.start for one in compared}), over_widths(own, least=STANDARD_WIDTH)
    from_one = f"; from width 1 up: {_short(judged(wider)['all'])}" if wider and len(wider) < len(compared) else ""
    return _over_starts(compared, f"{starts + 1} widths{from_one}")


def as_accurate(own: pd.DataFrame, others: Others) -> Answer:
    """As accurate as others at equal size."""
    return _at_equal_size(own, others, not_worse)


def more_accurate(own: pd.DataFrame, others: Others) -> Answer:
    """More accurate than all others at equal size."""

    def beaten(effects: Sequence[Effect]) -> str:
        adjusted = holm([effect.p for effect in effects])
        found = sum(p < SIGNIFICANT and one.value < 0 for p, one in zip(adjusted, effects, strict=True))
        return f"better than {found} of them; " if found < len(effects) else ""

    return _at_equal_size(own, others, better_than_all, beaten)


def at_zero_or_one(own: pd.DataFrame, others: Others) -> Answer:
    """Gates end at 0 or 1."""
    if not is_keep_probability(own["method"].iloc[0]):
        return Answer(NOT_APPLICABLE)
    start = standard(own)
    if others.history is None or start.empty:
        return Answer(NOT_RUN)
    epoch = last_drawn(start, others.history)
    shares = 100 * undetermined_at(epoch, start, others.history)
    if shares.isna().all():
        return Answer(NOT_RUN)
    share = mean_interval(shares, others.confidence)
    text = f"{with_interval(share.columns('share'), 'share', '.1f')} % undetermined after epoch {epoch}"
    if own["budget"].iloc[0] == "epochs" and (fall := before_the_rate_falls(start)) < epoch:
        before = 100 * undetermined_at(fall, start, others.history).mean()
        text += f", {number(before, '.1f')} % before the learning rate falls"
    return Answer(at_most([mean_interval(shares, OWN_LEVEL)], DETERMINED), text)


def early(own: pd.DataFrame, others: Others) -> Answer:
    """Units leave early."""
    start = standard(own)
    if any(hasattr(settings, "prune_until") for _, settings in used(start)):
        return Answer(NOT_APPLICABLE)  # a criterion removes units when its schedule says so
    if others.history is None or start.empty or not len(of_networks(others.history, start[[*CELL, "replicate"]])):
        return Answer(NOT_RUN)
    times = removal_times(start, others.history)
    lost = [slot for slot in slots(start["architecture"].iloc[0]) if times[slot].notna().any()]
    shares = {slot: mean_interval(times[slot], others.confidence) for slot in lost}
    text = ", ".join(f"{slot} {with_interval(share.columns('s'), 's', '.2f')}" for slot, share in shares.items())
    judged = [mean_interval(times[slot], OWN_LEVEL) for slot in lost]
    return Answer(at_most(judged, EARLY), f"{text} of training" if text else "no unit leaves")


def cheaper(own: pd.DataFrame, others: Others) -> Answer:
    """Training is cheaper."""
    if own["budget"].iloc[0] != "epochs":
        return Answer(NOT_APPLICABLE)  # the budget is what dense training spends
    start = standard(own)
    if start.empty:
        return Answer(NOT_RUN)
    ratio = 100 * (start["train_macs"] / start["train_macs_dense"]).astype(float)
    if ratio.isna().all():
        return Answer(NOT_RUN)
    shown, macs = (size_interval(ratio, level) for level in (others.confidence, OWN_LEVEL))
    text = f"{with_interval(shown.columns('macs'), 'macs', '.1f')} % of the MACs of dense training"
    verdict = YES if macs.high < 100 else NO if macs.low > 100 else TOO_FEW if np.isnan(macs.high) else UNDECIDED
    dense = standard(others.dense)
    both = pd.concat([start, dense])
    if dense.empty or len(both[MACHINE].drop_duplicates()) > 1 or both["train_seconds"].isna().any():
        # seconds of another machine are not compared; networks that share a GPU have none
        seconds, text = np.nan, f"{text}; seconds not comparable"
    else:
        seconds = 100 * start["train_seconds"].mean() / dense["train_seconds"].mean()
        text += f", about {number(seconds, '.0f')} % of the seconds"
    if verdict == YES and not seconds < 100:
        verdict = UNDECIDED  # one measurement, perhaps beside other work: it can prevent a yes and give no no
    return Answer(verdict, text)


def _at_equal_size(
    own: pd.DataFrame,
    others: Others,
    judge: Callable[..., Verdict],
    tell: Callable[[Sequence[Effect]], str] = lambda effects: "",
) -> Answer:
    """Judge the errors of a method beside those of every other at the size of its operating point.

    tell: returns what else is said of the differences.
    """
    mine = others.points.loc[others.points.index.isin(own.index)]
    rivals = others.points[(others.points["method"] != own["method"].iloc[0]) & (others.points["variant"] == "")]
    rivals = rivals[rivals["target"].isin(mine["target"])]
    if mine.empty or rivals.empty or mine["target_params"].isna().any() or not others.curves:
        return Answer(NOT_RUN)
    target = float(np.log(mine["target_params"].iloc[0]))
    method = networks_at(mine, others.curves, target)
    against = {
        " ".join(filter(None, key)): networks_at(group, others.curves, target)
        for key, group in rivals.groupby(GROUP, sort=False)
    }
    verdict = judge(target, method, against)
    worst = max(
        verdict.outside or verdict.comparisons,
        key=lambda one: round(np.nan_to_num(one.effect.value, nan=-np.inf), 9),
    )
    shown = with_interval(worst.effect.estimate(verdict.level).columns("difference"), "difference", "+.2f")
    effects = [one.effect for one in verdict.comparisons]
    pairs = [effect.n for effect in effects]
    text = f"largest of {len(against)}; {tell(effects)}{range_of(pairs)} pairs"
    return Answer(str(verdict), f"{shown} points against {worst.start} ({text})", min(pairs))


def _over_starts(comparisons: Sequence[Comparison], ending: str) -> Answer:
    """Judge comparisons of starts; each part has its own verdict and largest difference. ending: what else is shown."""
    if not comparisons:
        return Answer(NOT_RUN)
    verdicts, parts = judged(comparisons), by_part(comparisons)
    shown = [f"{name} {_short(verdicts[name])}: {_largest(part, verdicts[name])}" for name, part in parts.items()]
    smallest = min(one.effect.n for one in comparisons)
    return Answer(str(verdicts["all"]), f"{'; '.join(shown)} (largest differences over {ending})", smallest)


def _largest(compared: Sequence[Comparison], verdict: Verdict) -> str:
    """Return the largest difference with its interval and its start, as `-10 [-15, -5] % from width 2`.

    For a no it is the largest of those outside their margins, at the level of the verdict; else that of all, at their
    simultaneous level.
    """
    if verdict.outside:
        of = max(verdict.outside, key=lambda one: round(abs(one.effect.value), 9))
        found = of.effect.estimate(verdict.level)
    else:
        found = largest([one.effect for one in compared], LEVEL)
        of = next((one for one in compared if one.effect.value == found.mean), None)
    if of is None:
        return "unknown"
    if of.what == ERROR:
        return f"{with_interval(found.columns('most'), 'most', '+.2f')} points from {of.start}"
    percent = with_interval(in_percent(found).columns("most"), "most", "+.1f")
    return f"{'' if of.what == SIZE else f'{of.what} '}{percent} % from {of.start}"


def _short(verdict: Verdict) -> str:
    return SHORT.get(str(verdict), str(verdict))


CLAIMS: dict[str, Callable[[pd.DataFrame, Others], Answer]] = {
    function.__doc__.rstrip("."): function
    for function in (
        over_all_initializations,
        over_all_widths,
        as_accurate,
        more_accurate,
        at_zero_or_one,
        early,
        cheaper,
    )
}
"""Claim -> the function that judges it; its docstring is the claim."""
