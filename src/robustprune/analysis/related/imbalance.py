"""Does the start decide which units are kept? Imbalance and norms of initial weights, kept against removed units."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from robustprune.analysis.captions import NOT_OK, brackets, caption
from robustprune.analysis.columns import WIDTH, Interval, Number, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.read import CELL, NETWORK, WITHOUT_NUMBERS
from robustprune.analysis.related.nothing import NONE
from robustprune.analysis.select import rule_of_strengths, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval
from robustprune.analysis.verdicts.decision import NOT_APPLICABLE, Comparison, Verdict, equivalent
from robustprune.analysis.verdicts.effect import mean_of

CHANCE = 0.5
MARGIN = 0.1
"""An AUC within this of CHANCE predicts nothing (docs/protocol.md, B24)."""
MEASURES = ("imbalance", "norm_in", "norm_out", "product")
ALL = "all"
"""The slot of a row that judges all slots of a cell."""
COLUMNS = [
    *(*CELL, "slot", "kept_percent", *(name for measure in MEASURES for name in interval_columns(measure))),
    *("does_not_predict", "n", "not_ok"),
]
SHOWN = [
    *(Text("method"), Text("strength"), Text("initialization"), WIDTH, Text("slot")),
    *(Number("kept_percent", "kept (%)", ".0f"), Interval("imbalance", "imbalance (AUC)", ".3f")),
    *(Text("does_not_predict", "does not predict"), Interval("norm_in", "incoming norm (AUC)", ".3f")),
    *(Interval("norm_out", "outgoing norm (AUC)", ".3f"), Interval("product", "product of norms (AUC)", ".3f")),
    *(Text("n"), Text("not_ok", "not ok")),
]


def auc(values: ArrayLike, kept: ArrayLike) -> float:
    """Return the chance that a kept unit has a larger value than a removed one, ties half; NaN without one of both.

    values [units]; kept [units], bool.
    """
    chosen = np.asarray(kept, bool)
    first, second = int(chosen.sum()), int((~chosen).sum())
    if not first or not second:
        return np.nan
    ranks = stats.rankdata(np.asarray(values, float))
    return float((ranks[chosen].sum() - first * (first + 1) / 2) / (first * second))


def imbalance(runs: pd.DataFrame, confidence: float, units: pd.DataFrame | None = None) -> Sheet:
    """Return a row per cell and slot, and a row per cell with the verdict of all slots.

    units: the table of experiments/related/imbalance.py.
    """
    chosen = studied(runs) if len(runs) else runs
    found = measured(units, ("slot", "unit", "kept", "imbalance", "norm_in", "norm_out"), chosen)
    status = {cell: own["status"] for cell, own in chosen.groupby(CELL, sort=False)}
    rows = []
    for cell, own in found.groupby(CELL, sort=False):
        lost = int(status[cell].isin(WITHOUT_NUMBERS).sum())
        axes = dict(zip(CELL, cell, strict=True)) | {"not_ok": int((status[cell] != "ok").sum())}
        rows += [axes | row for row in _rows(own, lost, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        rule_of_strengths(runs) if len(runs) else "",
        "AUC: the chance that a kept unit had a larger value at the start than a removed unit of the same slot and "
        f"network, mean over networks; {CHANCE:g} is chance. Imbalance: squared norm of a unit's incoming weights and "
        "bias minus that of its outgoing weights, which gradient flow conserves. Does not predict: the AUC of the "
        f"imbalance lies within {MARGIN:g} of chance (docs/protocol.md, B24); the norms have no verdict. Pixels and "
        "flattened features have no incoming weights. Networks that kept all units of a slot have no AUC there.",
        brackets(confidence),
        NOT_OK,
        "" if len(table) else NONE,
    )
    return Sheet.of(table, SHOWN, "Initial imbalance of kept and removed units", text, by=NETWORK)


def _rows(own: pd.DataFrame, lost: int, confidence: float) -> Iterator[dict]:
    """Yield the rows of one cell, that of all slots last. lost: its networks without numbers."""
    by_slot = {str(slot): _by_network(part) for slot, part in own.groupby("slot", sort=False)}
    comparisons = {
        slot: Comparison("imbalance", slot, mean_of(networks["imbalance"] - CHANCE), MARGIN, lost)
        for slot, networks in by_slot.items()
        if networks["imbalance"].notna().any()
    }
    for slot, networks in by_slot.items():
        row = {"slot": slot, "kept_percent": networks["kept"].mean()}
        for measure in MEASURES:
            row |= mean_interval(networks[measure], confidence).columns(measure)
        answer = _judged([comparisons[slot]], len(comparisons)) if slot in comparisons else NOT_APPLICABLE
        yield {**row, "does_not_predict": str(answer), "n": int(networks["imbalance"].notna().sum())}
    answer = _judged(list(comparisons.values()), len(comparisons))
    least = min((one.effect.n for one in comparisons.values()), default=0)
    yield {"slot": ALL, **_no_numbers(), "does_not_predict": str(answer), "n": least}


def _by_network(part: pd.DataFrame) -> pd.DataFrame:
    """Return a row per network: AUC of every measure and the percent of units kept."""
    part = part.assign(product=part["norm_in"] * part["norm_out"])
    rows = [
        {measure: auc(units[measure], units["kept"]) for measure in MEASURES} | {"kept": 100 * units["kept"].mean()}
        for _, units in part.groupby("replicate")
    ]
    return pd.DataFrame(rows)


def _judged(comparisons: list[Comparison], family: int) -> Verdict:
    return equivalent(comparisons, family=family)


def _no_numbers() -> dict[str, float]:
    return {name: np.nan for measure in MEASURES for name in interval_columns(measure)}
