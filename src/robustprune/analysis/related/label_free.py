"""Sizes predicted without labels, beside the units that the method under study keeps (docs/protocol.md, B25)."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.captions import NOT_OK, SIZES, brackets, caption
from robustprune.analysis.columns import WIDTH, Interval, Number, Text
from robustprune.analysis.read import CELL, NETWORK, SERIES
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.related.sizes import FAMILY, kept_beside_variances, predictions
from robustprune.analysis.select import STANDARD_INITIALIZATION, STANDARD_START, rule_of_strengths, standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, elasticity, interval_columns, size_interval
from robustprune.analysis.verdicts.decision import NO, OWN_LEVEL, TOO_FEW, UNDECIDED, YES, Comparison, equivalent
from robustprune.analysis.verdicts.effect import Effect, difference
from robustprune.analysis.verdicts.over_starts import logarithms
from robustprune.networks.architecture import architecture

MARGIN = 0.25
"""The largest relative change of kept over predicted units between data sets that counts as none."""
ALL = "all"
ESTIMATES = ("kept", "predicted", "ratio", "elasticity_predicted", "elasticity_kept", "elasticity_ratio")
COLUMNS = [
    *(*CELL, "slot", "delta", "fitted", "effective_rank"),
    *(name for one in ESTIMATES for name in interval_columns(one)),
    *("follows_data", "follows_start", "spearman", "spearman_cells", "n", "not_ok"),
]
SHOWN = [
    *(Text("strength"), Text("initialization"), WIDTH, Text("slot"), Number("delta", "δ", ".4f"), Text("fitted")),
    *(Interval("kept", "units kept", ".1f"), Interval("predicted", "predicted", ".1f")),
    *(Number("effective_rank", "effective rank", ".1f"), Interval("ratio", "kept/predicted, over fitted cell", ".2f")),
    *(Text("follows_data", "sizes follow the data"), Interval("elasticity_predicted", "elasticity, predicted", "+.2f")),
    Interval("elasticity_kept", "elasticity, kept", "+.2f"),
    Text("follows_start", "only predictions follow the start"),
    *(Number("spearman", "Spearman", "+.2f"), Number("spearman_cells", "over cells", ".0f"), Text("n")),
    Number("not_ok", "not ok", ".0f"),
]


def label_free(runs: pd.DataFrame, confidence: float, measured: pd.DataFrame | None = None) -> Sheet:
    """Return a row per cell of the method under study and slot. measured: experiments/related/label_free.py."""
    known = kept_beside_variances(runs, measured)
    networks = predictions(known)
    rows: list[dict] = []
    for _, family in networks.groupby(FAMILY, sort=False):
        reference = family[family["fitted"]]
        for cell, own in family.groupby(CELL, sort=False):
            rows += [dict(zip(CELL, cell, strict=True)) | row for row in _rows(own, reference, family, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        rule_of_strengths(runs) if len(runs) else "",
        "Predicted: the variances of the slot's activations in the untrained network that exceed the level of reverse "
        "water-filling at distortion δ, which no label enters. δ is one number for all slots of a network, fitted on "
        "the cell marked so and never again (docs/protocol.md, B25). Sizes follow the data: kept over predicted units "
        f"changes by less than {MARGIN:.0%} from the fitted cell to the same start on another data set. Only "
        "predictions follow the start: over widths the elasticity of predicted units and that of predicted over kept "
        "units are above 0. Spearman: of predicted and kept units over the other cells; no verdict.",
        brackets(confidence, SIZES),
        NOT_OK,
        "" if len(table) else f"δ is fitted on none: no cell starts from {STANDARD_START}." if len(known) else NONE,
    )
    return Sheet.of(table, SHOWN, "Sizes predicted without labels", text, by=NETWORK, sparse=True)


def _rows(own: pd.DataFrame, reference: pd.DataFrame, family: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one cell, and one of all slots where a question is asked of the cell."""
    first = own.iloc[0]
    asked_of_data = len(standard(own)) > 0 and first["dataset"] != reference["dataset"].iloc[0]
    comparisons = {slot: _change(part, reference) for slot, part in own.groupby("slot")} if asked_of_data else {}
    asked_of_start = _over_widths(first, family) if len(standard(own)) else family.iloc[:0]
    slopes, judged = (
        {slot: _slopes(part, level) for slot, part in asked_of_start.groupby("slot", sort=False)}
        for level in (confidence, OWN_LEVEL)
    )
    empty = {name: np.nan for one in ESTIMATES for name in interval_columns(one)} | {"follows_data": None}
    for slot, part in own.groupby("slot", sort=False):
        row = {**empty, "slot": slot, "delta": first["delta"], "fitted": YES if first["fitted"] else None}
        row |= size_interval(part["kept"], confidence).columns("kept")
        row |= size_interval(part["predicted"], confidence).columns("predicted")
        row |= {"effective_rank": part["effective_rank"].mean(), "follows_start": None}
        row |= {"n": int(part["kept"].notna().sum()), "not_ok": int((part["status"] != "ok").sum())}
        if slot in comparisons:
            row |= _factor(comparisons[slot].effect, confidence).columns("ratio")
            row["follows_data"] = str(equivalent([comparisons[slot]], family=len(comparisons)))
        if slot in slopes:
            row |= {name: value for one, slope in slopes[slot].items() for name, value in slope.columns(one).items()}
            row["follows_start"] = _start_verdict([judged[slot]])
        if first["fitted"]:
            row |= _correlation(family[~family["fitted"] & (family["slot"] == slot)])
        yield row
    if comparisons or slopes:
        together = str(equivalent(list(comparisons.values()))) if comparisons else None
        over_starts = _start_verdict(list(judged.values())) if judged else None
        least = int(own["kept"].notna().groupby(own["slot"]).sum().min())
        yield {**empty, "slot": ALL, "follows_data": together, "follows_start": over_starts, "n": least}


def _log_ratio(part: pd.DataFrame) -> np.ndarray:
    return logarithms(part["kept"]) - logarithms(part["predicted"])


def _change(part: pd.DataFrame, reference: pd.DataFrame) -> Comparison:
    """Compare log kept over predicted units of one slot with that of the fitted cell."""
    slot, dataset = part["slot"].iloc[0], part["dataset"].iloc[0]
    ratios = _log_ratio(part), _log_ratio(reference[reference["slot"] == slot])
    unknown = sum(int(np.isnan(ratio).sum()) for ratio in ratios)
    return Comparison(slot, dataset, difference(*ratios), float(np.log1p(MARGIN)), unknown)


def _factor(effect: Effect, confidence: float) -> Estimate:
    low, high = effect.interval(confidence)
    return Estimate(float(np.exp(effect.value)), float(np.exp(low)), float(np.exp(high)), effect.n)


def _over_widths(first: pd.Series, family: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of hidden slots of every width of a cell's series; none with fewer than two widths."""
    series = family[(family[SERIES] == first[SERIES]).all(axis=1)]
    series = series[(series["initialization"] == STANDARD_INITIALIZATION) & (series["budget"] == first["budget"])]
    hidden = [slot.name for slot in architecture(first["architecture"]).slots if slot.hidden]
    return series[series["slot"].isin(hidden)] if series["width"].nunique() > 1 else series.iloc[:0]


def _slopes(part: pd.DataFrame, confidence: float) -> dict[str, Estimate]:
    """Return the elasticities of one slot: log units on log starting width."""
    kept, predicted = part["kept"].to_numpy(float), part["predicted"].to_numpy(float)
    values = {"predicted": predicted, "kept": kept, "ratio": predicted / np.where(kept > 0, kept, np.nan)}
    return {f"elasticity_{name}": elasticity(part["width"], found, confidence) for name, found in values.items()}


def _start_verdict(slopes: Sequence[dict[str, Estimate]]) -> str:
    """Decide whether predictions follow the start, and more than the method does, in every slot."""
    judged = [one[name] for one in slopes for name in ("elasticity_predicted", "elasticity_ratio")]
    if all(slope.low > 0 for slope in judged):
        return YES
    if any(slope.high < 0 for slope in judged):
        return NO
    return TOO_FEW if any(np.isnan(slope.low) for slope in judged) else UNDECIDED


def _correlation(others: pd.DataFrame) -> dict[str, float]:
    """Return Spearman's correlation of mean predicted and kept units over cells; NaN with fewer than three."""
    means = others.groupby(CELL)[["predicted", "kept"]].mean()
    varied = len(means) > 2 and (means.nunique() > 1).all()
    value = float(stats.spearmanr(means["predicted"], means["kept"]).statistic) if varied else np.nan
    return {"spearman": value, "spearman_cells": len(means)}
