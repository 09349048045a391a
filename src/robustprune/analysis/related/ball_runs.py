"""Runs of the method with a ball around the initial weights: which of them are compared (docs/protocol.md, B28)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from robustprune.analysis.read import NETWORK, settings_of
from robustprune.analysis.select import standard
from robustprune.study.roles import METHOD_UNDER_STUDY

FREE, OTHER = "free", "free, nudged"
NUDGED, NUDGE = "drift", 1e-3
"""The one setting of the nudged run that is another, and by about which share of it."""
Way = Mapping[str, Any]
"""Every setting of a run but its ball, and as training.<name> those of its training."""


def with_balls(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of the standard start whose ball has a norm, with run, radius and group.

    Runs are compared within a group: those of the same training and settings, but for the ball, and the run without a
    ball that is nudged from them. group: the settings in which the groups of a network differ, "" for the only one.
    """
    own = standard(runs[runs["method"] == METHOD_UNDER_STUDY]) if len(runs) else runs
    settings = settings_of(own)
    own = own[settings.map(lambda given: isinstance(given.get("ball"), dict)).astype(bool)]
    balls = pd.Series([given["ball"] for given in settings.loc[own.index]], own.index, dtype=object)
    ways = pd.Series([_way(*row) for row in zip(own["training"], settings.loc[own.index], strict=True)], own.index)
    own = own.assign(run=[_title(ball) for ball in balls], radius=[ball.get("radius") or np.nan for ball in balls])
    own = own.assign(group="")
    for _, network in own.groupby(NETWORK):
        found = _grouped(ways.loc[network.index].tolist(), (network["run"] == FREE).tolist())
        own.loc[network.index, "group"] = [group for group, _ in found]
        own.loc[[row for row, (_, nudged) in zip(network.index, found, strict=True) if nudged], "run"] = OTHER
    return own


def _title(ball: Mapping[str, Any]) -> str:
    return FREE if ball["norm"] == FREE else f"{ball['norm']} {ball['radius']:g}"


def _way(training: object, settings: Mapping[str, Any]) -> Way:
    trained = json.loads(training) if isinstance(training, str) else {}
    own = {name: value for name, value in settings.items() if name != "ball"}
    return own | {f"training.{name}": value for name, value in trained.items()}


def _grouped(ways: Sequence[Way], free: Sequence[bool]) -> list[tuple[str, bool]]:
    """Return for each network its group, and whether its run is nudged. free: whether it has no ball."""
    bound = {_text(way): way for way, without in zip(ways, free, strict=True) if not without}
    others = {_text(way): way for way, without in zip(ways, free, strict=True) if without}
    nudged: dict[str, str] = {}
    for own, way in others.items():
        near = (base for base in bound if is_nudged(way, bound[base]) and base not in nudged.values())
        if own not in bound and (base := next(near, None)):
            nudged[own] = base
    groups = [bound[nudged[_text(way)]] if _text(way) in nudged else way for way in ways]
    names = [name for name in dict.fromkeys(name for way in groups for name in way) if _differ(groups, name)]
    titles = [", ".join(f"{name} {group.get(name)}" for name in names) for group in groups]
    return [(title, _text(way) in nudged) for title, way in zip(titles, ways, strict=True)]


def _text(way: Way) -> str:
    return repr(sorted(way.items()))


def _differ(ways: Sequence[Way], name: str) -> bool:
    return len({repr(way.get(name)) for way in ways}) > 1


def is_nudged(way: Way, base: Way) -> bool:
    """Return whether the drift is another by about a thousandth (half to twice that) and all else is the same."""
    if [name for name in {*way, *base} if _differ([way, base], name)] != [NUDGED]:
        return False
    drift, other = way.get(NUDGED), base.get(NUDGED)
    known = isinstance(drift, int | float) and isinstance(other, int | float) and other > 0
    return bool(known and NUDGE / 2 <= abs(drift / other - 1) <= 2 * NUDGE)
