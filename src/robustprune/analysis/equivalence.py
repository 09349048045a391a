"""Does the start matter? The largest differences over widths and initializations, and the verdicts of equivalence."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from robustprune.analysis.captions import caption
from robustprune.analysis.columns import Each, PValue, Text, with_interval
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.select import rule_of_strengths, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, interval_columns
from robustprune.analysis.verdicts.decision import LEVEL, Comparison, equivalent
from robustprune.analysis.verdicts.effect import in_percent, largest
from robustprune.analysis.verdicts.initializations import between_groups, welch_anova
from robustprune.analysis.verdicts.over_starts import (
    ERROR,
    SIZE,
    STANDARD_WIDTH,
    logarithms,
    over_initializations,
    over_widths,
    sized_by_itself,
)

AXES = {
    "widths": over_widths,
    "widths from 1": lambda runs: over_widths(runs, least=STANDARD_WIDTH),
    "initializations": over_initializations,
}
COLUMNS = [
    *(*SERIES, "variant", "over", "quantity", "start", *interval_columns("difference"), "margin", "verdict"),
    *(*interval_columns("between"), "p", "n"),
]
SHOWN = [
    *(Text("method"), Text("variant"), Text("strength"), Text("over"), Text("quantity"), Text("start", "largest at")),
    Each("largest difference", lambda row: _with_unit(row, "difference", "+")),
    Each("margin", lambda row: f"{row['margin']:g}{_unit(row)}"),
    Text("verdict"),
    Each("between initializations (sd)", lambda row: _with_unit(row, "between", "")),
    *(PValue("p", "p (Welch's ANOVA)"), Text("n")),
]


def equivalence(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return a row per method, axis (widths, initializations) and quantity (size, error, slots)."""
    rows = [
        dict(zip([*SERIES, "variant"], key, strict=True)) | row
        for key, own in studied(runs, variants=True).groupby([*SERIES, "variant"], sort=False)
        if sized_by_itself(own)
        for over, compare in AXES.items()
        for row in _rows(over, compare(own), own, confidence)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        rule_of_strengths(runs),
        "Differences of mean log size, of mean log units of a slot (both shown in percent) and of mean test error "
        "(points): of every width from width 1, and of every initialization, at width 1, from the mean over "
        f"initializations. Largest: with its interval at the simultaneous {LEVEL:.0%} level of the row's comparisons. "
        f"Verdict: of equivalence within the margin, by {LEVEL:.0%} intervals (docs/protocol.md, B8). Between: the "
        "standard deviation of the initializations' means without the noise of the seeds, with its interval at level "
        f"{confidence:.0%} (noncentral F). p: Welch's analysis of variance, a description. n: networks of the smallest "
        "sample.",
        "" if len(table) else "No method that finds its size ran from several starts in these tables.",
    )
    return Sheet.of(table, SHOWN, "Does the start matter?", text, by=NETWORK)


def _rows(over: str, comparisons: Sequence[Comparison], own: pd.DataFrame, confidence: float) -> Iterator[dict]:
    for what in dict.fromkeys(one.what for one in comparisons):
        compared = [one for one in comparisons if one.what == what]
        found, scale = largest([one.effect for one in compared], LEVEL), (1 if what == ERROR else 100)
        place = next((one.start for one in compared if one.effect.value == found.mean), None)
        shown = found if what == ERROR else in_percent(found)
        row = {"over": over, "quantity": what, "start": place, **shown.columns("difference")}
        row["margin"] = round(compared[0].margin if what == ERROR else 100 * np.expm1(compared[0].margin), 6)
        row["verdict"] = str(equivalent(compared, family=len(comparisons)))
        spread, p = Estimate(np.nan, np.nan, np.nan, 0), np.nan
        if over == "initializations" and what in (SIZE, ERROR):
            column = "error_test_percent" if what == ERROR else "params_kept"
            groups = [group for _, group in own[own["width"] == STANDARD_WIDTH].groupby("initialization")[column]]
            groups = [np.asarray(group, float) if what == ERROR else logarithms(group) for group in groups]
            spread, p = between_groups(groups, confidence), welch_anova(groups)
        between = Estimate(*(scale * value for value in (spread.mean, spread.low, spread.high)), spread.n)
        yield {**row, **between.columns("between"), "p": p, "n": found.n}


def _unit(row: dict) -> str:
    return " points" if row["quantity"] == ERROR else " %"


def _with_unit(row: dict, name: str, sign: str) -> str:
    text = with_interval(row, name, f"{sign}.2f" if row["quantity"] == ERROR else f"{sign}.1f")
    return text if text == "-" else text + _unit(row)
