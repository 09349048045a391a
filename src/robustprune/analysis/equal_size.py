"""Errors and training costs at equal size: the method under study against every baseline, with verdicts."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, ERROR, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, PValue, Row, Text, number
from robustprune.analysis.labels import heading_of_budget
from robustprune.analysis.pairing import paired_ratio
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import holm, interval_columns
from robustprune.analysis.verdicts.decision import LEVEL
from robustprune.analysis.verdicts.effect import Effect
from robustprune.analysis.verdicts.equal_size import (
    MARGIN,
    AtSize,
    better_than,
    local_slope,
    not_worse,
    paired,
)
from robustprune.analysis.verdicts.over_starts import logarithms
from robustprune.study.roles import METHOD_UNDER_STUDY
from robustprune.study.search import form_of_key

APART = float(np.log(1.1))
"""Least distance in log size of the strengths that give a slope from the target (docs/protocol.md, B9)."""
AIMS = ("target_params", "target_above_dense")
"""Columns with what a searched point aims at; tables of older versions lack the second."""
UNKNOWN = Effect(np.nan, np.nan, np.nan, 0)
COSTS = {"macs": "train_macs", "seconds": "train_seconds"}
FAMILY = [*NETWORK, "budget", "target", "strength", "variant"]
"""A family of tests: those of one strength of the method under study, a test per baseline and question. Its variants
(reconstructions) have families of their own, variants of other methods are no baselines."""
COLUMNS = [
    *(*FAMILY, "target_params", "baseline", "baseline_strength", "params", "moved_percent"),
    *("baseline_params", "baseline_moved_percent", *interval_columns("difference"), "p_holm"),
    *("not_worse", "not_worse_than_all", "better"),
    *(name for cost in COSTS for name in (*interval_columns(f"{cost}_ratio"), f"{cost}_p_holm")),
    "n",
]
SHOWN = [
    Each("baseline", lambda row: f"{row['baseline']} {row['baseline_strength']}"),
    Number("target_params", "target (params)", ",.0f"),
    Each("params (moved by)", lambda row: _size(row, "")),
    Each("baseline's params (moved by)", lambda row: _size(row, "baseline_")),
    *(Interval("difference", "difference of error (points)", "+.2f"), PValue("p_holm", "p (Holm)")),
    *(Text("not_worse", "not worse"), Text("not_worse_than_all", "not worse than any"), Text("better")),
    *(Interval("macs_ratio", "training MACs, ratio", ".2f"), PValue("macs_p_holm", "p (Holm), MACs")),
    *(Interval("seconds_ratio", "seconds, ratio", ".2f"), PValue("seconds_p_holm", "p (Holm), seconds")),
    Text("n"),
]


def equal_size(runs: pd.DataFrame, confidence: float, searched: pd.DataFrame | None = None) -> Sheet:
    """Return a row per baseline and operating point of the method under study, at the standard start.

    searched: the detailed runs of the study's search, which give the slopes of error on log size; None without a
    search, so that no error can be moved to the target.
    """
    points, curves = searched_points(runs), search_curves(searched)
    rows: list[dict] = []
    for family, own, baselines in families(points):
        rows += [family | row for row in _family(own, baselines, curves, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        f"{METHOD_UNDER_STUDY} minus baseline (costs: over baseline), paired by seed, at the operating points that the "
        "search found; unreachable ones have no row.",
        AT_STANDARD,
        ERROR,
        "Difference: each error is moved to the target along the method's own curve, by the slope of the validation "
        "error on log size between two strengths of the search (tuning split); its interval counts the seeds and both "
        "slopes. Moved by: how far.",
        brackets(confidence),
        f"Not worse: the difference is below {MARGIN:g} points, by {LEVEL:.0%} intervals (docs/protocol.md, B9); than "
        "any: than every baseline of the section. Better: the difference is below 0 and p, Holm-adjusted for the "
        f"baselines of the section, is below {1 - confidence:.2g}. Ratios: geometric means, with a family of tests of "
        "their own. Seconds are those of a cell divided by its networks, one measurement without an interval, and "
        "compared on one device only. A dash: not known, or no target in params. n: pairs of networks with numbers.",
        _missing(points, table, searched),
    )
    return Sheet.of(table, SHOWN, "Error and training cost at equal size", text, by=FAMILY, heading=heading_of_family)


def _missing(points: pd.DataFrame, table: pd.DataFrame, searched: pd.DataFrame | None) -> str:
    """Return the sentence of the caption on what these tables lack."""
    if points.empty:
        return "There are no operating points of a search in these tables."
    if table.empty:
        return f"There is no operating point that {METHOD_UNDER_STUDY} and a baseline share in these tables."
    return "" if searched is not None else "There are no runs of the search beside these tables: no error is moved."


def searched_points(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of the standard start at searched operating points, with the columns form and target."""
    if "point" not in runs:
        return runs.iloc[:0].assign(form=None, target=None, **dict.fromkeys(AIMS, np.nan))
    own = standard(runs)
    own = own.assign(form=own["strength"].map(form_of_key).astype(object))
    own = own[own["start_of"].isna() & own["operating_point"].astype(bool) & own["point"].notna() & own["form"].notna()]
    targets = [str(point).removeprefix(f"{form}_") for point, form in zip(own["point"], own["form"], strict=True)]
    aims = {aim: own[aim].astype(float) if aim in own else np.nan for aim in AIMS}
    own = own.assign(target=targets, **aims)
    # tables of older versions, merged with newer ones, lack an aim that the same point has there
    same = own.groupby([*NETWORK, own["budget"].fillna("epochs"), "target"])
    return own.assign(**{aim: own[aim].fillna(same[aim].transform("first")) for aim in AIMS})


Curves = Mapping[tuple, list[pd.DataFrame]]


def search_curves(searched: pd.DataFrame | None) -> Curves:
    """Return network, budget, method and form -> the networks of each strength whose networks are all ok."""
    if searched is None:
        return {}
    own = searched.assign(form=searched["strength"].map(form_of_key).astype(object))
    curves: dict[tuple, list[pd.DataFrame]] = {}
    for key, group in own.groupby([*NETWORK, "budget", "method", "form", "strength"], sort=False):
        if (group["status"] == "ok").all():
            curves.setdefault(key[:-1], []).append(group)
    return curves


def curves_of(curves: Curves, own: pd.DataFrame) -> Curves:
    """Return the curves of the network and budget of these runs; none where no search had them."""
    key = tuple(own[[*NETWORK, "budget"]].iloc[0])
    return {of: strengths for of, strengths in curves.items() if of[: len(key)] == key}


def families(points: pd.DataFrame) -> Iterator[tuple[dict, pd.DataFrame, Mapping[tuple[str, str], pd.DataFrame]]]:
    """Yield FAMILY, the networks of one strength of the method under study, and those of its baselines by (method,
    strength); none without a baseline."""
    for key, own in points.groupby([*NETWORK, "budget", "target"], sort=False):
        axes = dict(zip([*NETWORK, "budget", "target"], key, strict=True))
        networks = dict(iter(own.groupby(["method", "strength"], sort=False)))
        baselines = {
            names: group
            for names, group in networks.items()
            if names[0] != METHOD_UNDER_STUDY and group["variant"].iloc[0] == ""
        }
        for (method, strength), group in networks.items():
            if method == METHOD_UNDER_STUDY and baselines:
                yield {**axes, "strength": strength, "variant": group["variant"].iloc[0]}, group, baselines


def _family(
    own: pd.DataFrame, baselines: Mapping[tuple[str, str], pd.DataFrame], curves: Curves, confidence: float
) -> Iterator[dict]:
    """Yield the rows of one strength of the method under study, by (method, strength) of the baselines."""
    size = own["target_params"].iloc[0]
    target = float(np.log(size))
    curves = curves_of(curves, own)
    method = networks_at(own, curves, target)
    others = {name: networks_at(group, curves, target) for name, group in baselines.items()}
    names = {name: "/".join(name) for name in others}
    tested = better_than(target, method, {names[name]: other for name, other in others.items()})
    together = not_worse(target, method, {names[name]: other for name, other in others.items()})
    costs = {
        cost: [paired_ratio(own, other, column, confidence) for other in baselines.values()]
        for cost, column in COSTS.items()
    }
    adjusted = {cost: holm([found.p for found in of_all]) for cost, of_all in costs.items()}
    for place, name in enumerate(baselines):
        effect, p = tested[names[name]]
        known = not np.isnan(effect.value)
        row = {"target_params": size, "baseline": name[0], "baseline_strength": name[1]}
        first, second = paired(method, others[name])
        row |= {"params": _mean_size(first), "moved_percent": _moved(first, target)}
        row |= {"baseline_params": _mean_size(second), "baseline_moved_percent": _moved(second, target)}
        row |= effect.estimate(confidence).columns("difference")
        row |= {"p_holm": p, "better": _better(effect.value, p, confidence)}
        alone = not_worse(target, method, {"": others[name]}, family=len(others))
        row["not_worse"] = str(alone) if known else None
        row["not_worse_than_all"] = str(together) if curves and not np.isnan(size) else None
        for cost, of_all in costs.items():
            row |= of_all[place].columns(f"{cost}_ratio") | {f"{cost}_p_holm": adjusted[cost][place]}
        yield row | {"n": int((~np.isnan(first.error + second.error)).sum())}


def networks_at(own: pd.DataFrame, curves: Curves, target: float) -> AtSize:
    """Return the networks of one method and strength with the slope of its form's curve near the target."""
    key = tuple(own[[*NETWORK, "budget", "method", "form"]].iloc[0])
    strengths = curves.get(key, [])
    try:
        sizes = [logarithms(group["params_kept"]) for group in strengths]
        errors = [group["error_valid_percent"].to_numpy(float) for group in strengths]
        slope = local_slope(sizes, errors, target, APART) if strengths and not np.isnan(target) else UNKNOWN
    except ValueError:  # all strengths of the search keep the same size
        slope = UNKNOWN
    error = own["error_test_percent"].to_numpy(float)
    return AtSize(own["seed"].to_numpy(), logarithms(own["params_kept"]), error, slope)


def _mean_size(own: AtSize) -> float:
    known = own.log_size[~np.isnan(own.log_size)]
    return float(np.exp(known).mean()) if len(known) else np.nan


def _moved(own: AtSize, target: float) -> float:
    """Return the mean distance from the networks' sizes to the target, in percent of their sizes."""
    known = own.log_size[~np.isnan(own.log_size)]
    return float(100 * np.expm1(target - known.mean())) if len(known) else np.nan


def _better(difference: float, p: float, confidence: float) -> str | None:
    if np.isnan(p):
        return None
    return "yes" if difference < 0 and p < 1 - confidence else "no"


def _size(row: Row, whose: str) -> str:
    moved = number(row[f"{whose}moved_percent"], "+.1f")
    return number(row[f"{whose}params"], ",.0f") + ("" if moved == "-" else f" ({moved} %)")


def heading_of_family(
    dataset: str, architecture: str, track: str, budget: str, target: str, strength: str, variant: str
) -> str:
    """Return the heading of a family of tests."""
    network = heading_of_budget(dataset, architecture, track, budget)
    shown = f"{METHOD_UNDER_STUDY} {strength}" + (f" ({variant})" if variant else "")
    return f"{network}, {target}: {shown}"
