"""The strengths that the keys of a grid stand for: named ones, and those that a search found."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from robustprune.errors import StudyError
from robustprune.study.config import StudyConfig
from robustprune.study.grid import Grid
from robustprune.study.points import OperatingPoint
from robustprune.study.search import key_value, target_of, value_key


class Strength(NamedTuple):
    """What a key of a grid stands for.

    key, settings: the strength. training, variant: what the form of a searched one changes. point: the key, where it is
    that of an operating point. params: the size at which the point is, where a size was the target; above_dense: the
    points of validation error above dense training, where these were. Both are of the searched network only.
    """

    key: str
    settings: dict[str, Any]
    training: Mapping[str, Any] = MappingProxyType({})
    variant: str = ""
    point: str | None = None
    params: float | None = None
    above_dense: float | None = None


def resolve(config: StudyConfig, grid: Grid, method: str, key: str, source: str) -> Strength | None:
    """Return the strength that a key of a grid names; None for a searched point that is not there (yet).

    Raises StudyError for a missing operating point that no search makes.
    """
    strengths = config.strengths.get(method, {})
    if key in strengths:
        settings = _with_source(config, grid, strengths[key])
        return None if settings is None else Strength(key, settings)
    if named := searched_point(config, grid, method, key):
        found = _found(config, grid, method, *named)
        return found and found._replace(point=key)
    point = _point(config, grid, method, key, None)
    if point is None:
        dataset, architecture, track = grid.searched_network
        raise StudyError(
            f"{source}.methods.{method}: no operating point of {method} for {dataset}/{architecture}-{track} in "
            "operating_points; add the method to the search of this network, or name a strength instead"
        )
    if point.strength not in strengths:
        wrong = "no strength met the bound" if point.strength is None else f"unknown strength {point.strength!r}"
        raise StudyError(f"{source}.methods.{method}: operating point: {wrong}; name a strength instead")
    return Strength(point.strength, strengths[point.strength], point=key)


def searched_point(config: StudyConfig, grid: Grid, method: str, key: str) -> tuple[str, str] | None:
    """Return form and target of the searched point that a key names, or None."""
    search = config.searched(grid)
    forms = search.methods.get(method, ()) if search else ()
    return target_of(key, dict.fromkeys(forms), search.targets) if search and forms else None


def _found(config: StudyConfig, grid: Grid, method: str, form: str, target: str) -> Strength | None:
    """Return the strength that a search found; None where it is not done, or the target is unreachable."""
    point, knob = _point(config, grid, method, target, form), config.knobs[method][form]
    if point is None or point.strength is None:
        return None
    settings = point.settings or {}
    told, given = key_value(form, point.strength), settings.get(knob.knob)
    if told is not None and (not isinstance(given, int | float) or value_key(form, given) != point.strength):
        raise StudyError(
            f"operating_points: {method}, {form}, {target}: the strength {point.strength} says {knob.knob} {told:g}, "
            f"its settings say {given}; change both, or make the file with the search"
        )
    search = config.searched(grid)
    own = search is not None and grid.points_of in (None, grid.dataset)  # elsewhere the size is not the target
    aim = search.targets[target] if search and own else None
    params, above_dense = (aim.params, aim.above_dense) if aim else (None, None)
    return Strength(point.strength, settings, knob.training, knob.variant, params=params, above_dense=above_dense)


def _with_source(config: StudyConfig, grid: Grid, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return settings in which `of` names a strength; None where it names a searched point that is not there."""
    of = settings.get("of")
    method, _, key = of.partition("/") if isinstance(of, str) else ("", "", "")
    if not key or key in config.strengths.get(method, {}):
        return settings
    named = searched_point(config, grid, method, key)
    found = _found(config, grid, method, *named) if named else None
    if named and not found:
        return None
    return {**settings, "of": f"{method}/{found.key}"} if found else settings


def _point(config: StudyConfig, grid: Grid, method: str, target: str, form: str | None) -> OperatingPoint | None:
    for point in config.operating_points:
        own = (point.dataset, point.architecture, point.track, point.method)
        same = point.form is None or point.budget == grid.training.get("budget", config.training.budget)
        if own == (*grid.searched_network, method) and (point.target, point.form) == (target, form) and same:
            return point
    return None
