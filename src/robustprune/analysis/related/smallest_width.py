"""The smallest width that fits N images, beside the width that the method keeps (docs/protocol.md, B27)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.read import NETWORK
from robustprune.analysis.related.kept_widths import ALL_IMAGES, SAME_PRICE, kept_widths
from robustprune.analysis.related.widths import Curve, counting_floor, shallow_params, wrong_by_width
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, elasticity, interval_columns, mean_interval, size_interval
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, OWN_LEVEL, TOO_FEW, UNDECIDED, YES
from robustprune.study.smallest_width import SHALLOW

TRUE, RANDOM = "smallest, true labels", "smallest, random labels"
TITLES = {"true": TRUE, "random": RANDOM}
NOTHING = "No width was searched (smallest_width in the configuration, e.g. config/smallest_width.yaml)."
LEAST_DIFFERENCE = 0.3
"""Difference of slopes that a verdict asks for: about twice the standard error of a slope over three seeds."""
ESTIMATES = ("units", "params", "error_train", "error_test", "slope", "slope_random", "needed")
COLUMNS = [
    *(*NETWORK, "series", "examples", "steps", "steps_factor", "floor", "rate", "wrong_below"),
    *(name for one in ESTIMATES for name in interval_columns(one)),
    *("slower", "fewer", "n", "not_ok"),
]
SHOWN = [
    *(Text("series"), Number("examples", "images", ".0f"), Number("steps", "steps", ".0f")),
    *(Number("floor", "counting floor", ".1f"), Interval("units", "hidden units", ".1f")),
    Interval("params", "params", ",.0f"),
    *(Number("rate", "learning rate", "g"), Number("wrong_below", "fewest errors, next width below", ".0f")),
    *(Interval("error_train", "training error (%)", ".3f"), Interval("error_test", "test error (%)", ".2f")),
    *(Interval("slope", "slope over images", ".2f"), Interval("slope_random", "of random labels there", ".2f")),
    *(Text("slower", "kept width grows slower"), Interval("needed", "needed for all labels, extrapolated", ".0f")),
    *(Text("fewer", "keeps fewer than needed"), Text("n"), Number("not_ok", "not ok", ".0f")),
]


def smallest_width_table(runs: pd.DataFrame, confidence: float, widths: pd.DataFrame | None = None) -> Sheet:
    """Return rows of the smallest fitting width and of the kept width by number of images, and rows with verdicts.

    widths: the table of experiments/smallest_width.
    """
    kept = kept_widths(runs)
    curves = fitted_curves(widths)
    rows: list[dict] = []
    for dataset in dict.fromkeys([*(key for key, _, _ in curves), *kept["dataset"]]):
        own = {(labels, factor): curve for (key, labels, factor), curve in curves.items() if key == dataset}
        network = {"dataset": dataset, "architecture": SHALLOW, "track": "full"}
        searched = widths[widths["dataset"] == dataset] if widths is not None else pd.DataFrame()
        rows += [network | row for row in _searched_rows(own, searched, confidence)]
        rows += [network | row for row in _kept_rows(kept[kept["dataset"] == dataset], own, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Smallest: the first width of 784-m-10, from narrow to wide, at which two thirds of the seeds classify all "
        "N training images correctly at some check during training, at the best of the learning rates. Counting floor: "
        "as many parameters as numbers to fit. Kept: hidden units that the method keeps of 784-300-10 when it trains "
        "on the same N images in as many steps, with the same price c or the same hyper-prior, ln gamma = c N. It "
        "prunes pixels, too; the searched networks keep them. Slope: of the logarithms; of smallest widths over all "
        "their N, of kept widths over the N that random labels have. Needed: the smallest width for true labels at "
        "N = 60,000, by the line through the logarithms. Verdicts: docs/protocol.md, B27. Smallest widths are those of "
        "one optimizer, and depend on the steps.",
        f"{brackets(confidence)} Smallest widths and their slopes: percentile bootstrap over seeds, "
        "which covers less than it says where seeds are few.",
        "" if len(table) else NOTHING,
    )
    return Sheet.of(table, SHOWN, "Smallest fitting width and kept width", text, by=NETWORK, sparse=True)


def fitted_curves(widths: pd.DataFrame | None) -> dict[tuple[str, str, float], Curve]:
    """Return data set, labels and factor on the steps -> the curve of smallest widths."""
    if widths is None:
        return {}
    groups = widths.groupby(["dataset", "labels", "steps_factor"], sort=False)
    return {(str(key[0]), str(key[1]), float(key[2])): Curve.of(own) for key, own in groups}


def _empty() -> dict[str, float]:
    return {name: np.nan for one in ESTIMATES for name in interval_columns(one)}


def _searched_rows(curves: dict[tuple[str, float], Curve], searched: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield a row per number of images of every curve, and its slope."""
    for (labels, factor), curve in curves.items():
        own = searched[(searched["labels"] == labels) & (searched["steps_factor"] == factor)]
        at = {**_empty(), "series": TITLES[labels], "steps_factor": factor, "n": curve.seeds}
        for place, count in enumerate(curve.examples):
            networks = own[own["examples"] == count]
            row = {"examples": count, "steps": networks["steps"].iloc[0], "floor": float(counting_floor(count))}
            row |= _around(networks, float(curve.widths[place]))
            width = curve.at(place, confidence)
            yield at | row | width.columns("units") | shallow_params(width).columns("params")
        if len(curve.examples) > 1:
            yield at | curve.slope(confidence).columns("slope")


def _around(networks: pd.DataFrame, width: float) -> dict[str, float]:
    """Return the learning rate at which a smallest width fits best, and the fewest errors one width below."""
    wrong = wrong_by_width(networks)
    below = [wrong[other] for other in sorted(wrong) if np.isnan(width) or other < width]
    rates = sorted(networks["learning_rate"].unique())
    best = np.nan if np.isnan(width) else rates[int((wrong[int(width)] == 0).sum(axis=1).argmax())]
    fewest = np.nan if not below or np.isnan(below[-1]).all() else float(np.nanmin(below[-1]))
    return {"rate": best, "wrong_below": fewest}


def _kept_rows(kept: pd.DataFrame, curves: dict[tuple[str, float], Curve], confidence: float) -> Iterator[dict]:
    """Yield a row per number of images of both readings, and rows with their verdicts."""
    random, true = curves.get(("random", 1.0)), curves.get(("true", 1.0))
    for reading, own in kept.groupby("reading", sort=False):
        at = {**_empty(), "series": reading}
        for count, networks in own.groupby("examples"):
            row = at | {"examples": count, "steps": networks["steps"].iloc[0]}
            row |= {"n": int(networks["kept"].notna().sum()), "not_ok": int((networks["status"] != "ok").sum())}
            row |= size_interval(networks["kept"], confidence).columns("units")
            row |= size_interval(networks["params"], confidence).columns("params")
            for name in ("error_train", "error_test"):
                row |= mean_interval(networks[name], confidence).columns(name)
            yield row
        if random is not None:
            shared = own[own["examples"].isin(random.examples)]
            of_random = random.only(shared["examples"].unique())
            (slope, other), judged = (
                (elasticity(shared["examples"], shared["kept"], level), of_random.slope(level))
                for level in (confidence, OWN_LEVEL)
            )
            collapsed = (shared["status"] != "ok").groupby(shared["examples"])
            verdict = slower(*judged, collapsed.mean()) if shared["examples"].nunique() > 1 else NOT_APPLICABLE
            row = at | slope.columns("slope") | other.columns("slope_random") | {"not_ok": int(collapsed.sum().sum())}
            known = shared["kept"].notna().groupby(shared["examples"]).sum()
            yield row | {"slower": verdict, "n": int(known.min()) if len(known) else 0}
        if true is not None and reading == SAME_PRICE:
            yield at | _needed(own[own["examples"] == ALL_IMAGES], true, confidence)


def _needed(most: pd.DataFrame, true: Curve, confidence: float) -> dict:
    """Return what stands in the row that compares the kept width at ALL_IMAGES with the width that is needed."""
    (units, error, needed), judged = (
        (
            size_interval(most["kept"], level),
            mean_interval(most["error_train"], level),
            true.predicted(ALL_IMAGES, level),
        )
        for level in (confidence, OWN_LEVEL)
    )
    row = {"examples": ALL_IMAGES, "n": int(most["kept"].notna().sum()), "fewer": fewer(*judged)}
    return row | units.columns("units") | error.columns("error_train") | needed.columns("needed")


def below(first: Estimate, second: Estimate) -> str:
    """Decide whether one quantity lies below another, by their intervals."""
    if any(np.isnan(end) for one in (first, second) for end in (one.low, one.high)):
        return TOO_FEW
    return YES if first.high < second.low else NO if first.low > second.high else UNDECIDED


def slower(kept: Estimate, random: Estimate, not_ok: pd.Series) -> str:
    """Decide whether the kept width grows slower with N than the smallest width for random labels (B27).

    kept, random: slopes of the logarithms. not_ok: share of networks that are not ok, by number of images.
    """
    answer = below(kept, random)
    if answer != TOO_FEW and ((not_ok > 0.5).any() or abs(kept.mean - random.mean) < LEAST_DIFFERENCE):
        return UNDECIDED
    return answer


def fewer(units: Estimate, error_train: Estimate, needed: Estimate) -> str:
    """Decide whether the method keeps fewer units than all labels need, and leaves some wrong (B27)."""
    answer = below(units, needed)
    if answer == NO or error_train.high <= 0:
        return NO
    if answer == TOO_FEW or np.isnan(error_train.low):
        return TOO_FEW
    return answer if error_train.low > 0 else UNDECIDED
