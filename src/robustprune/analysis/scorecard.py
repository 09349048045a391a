"""The scorecard: one row per method, with the columns that docs/protocol.md (B16) fixes before the runs."""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import ERROR, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, Row, number, with_interval
from robustprune.analysis.kept import Kept
from robustprune.analysis.labels import heading_of_budget, is_keep_probability
from robustprune.analysis.pixels import pixels_of
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.select import STANDARD_START, of_standard_initialization, rule_of_strengths, standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, coefficient_of_variation, interval_columns, mean_interval
from robustprune.analysis.verdicts.agreement import mean_agreement
from robustprune.analysis.verdicts.decision import ANSWERS, LEVEL, NOT_APPLICABLE, SHORT
from robustprune.analysis.verdicts.effect import largest, widest
from robustprune.analysis.verdicts.over_starts import (
    ERROR_MARGIN,
    SIZE_MARGIN,
    SIZE_MARGINS,
    SLOT_MARGIN,
    STANDARD_WIDTH,
    judged,
    logarithms,
    over_initializations,
    over_widths,
    sized_by_itself,
)

WIDE = 8
VERDICTS = ["all", "size", "units", "error"]
COLUMNS = [
    *(*NETWORK, "budget", "method", "strength", "name", "params"),
    *(name for what in ("error", "size_over_widths", "size_over_initializations") for name in interval_columns(what)),
    *(*interval_columns("variation_percent"), *interval_columns("error_change")),
    *(*interval_columns("jaccard"), *interval_columns("jaccard_above_chance"), "undetermined_percent"),
    *("macs_percent", "macs_percent_wide", *(f"equivalent_{name}" for name in VERDICTS)),
    *("equivalent_from_width_1", "equivalent_over_initializations", "n"),
]
SHOWN = [
    Each("method (params kept)", lambda row: f"{row['name']} ({number(row['params'], ',.0f')})"),
    Interval("error", "test error (%)", ".2f"),
    Each("size over widths, max/min", lambda row: with_interval(row, "size_over_widths", ".2f")),
    Each("size over initializations, max/min", lambda row: with_interval(row, "size_over_initializations", ".2f")),
    Number("variation_percent", "size over seeds, CV (%)", ".1f"),
    Each("largest change of error over widths (points)", lambda row: with_interval(row, "error_change", "+.2f")),
    Each("Jaccard of pixels (above chance)", lambda row: _agreement(row)),
    Number("undetermined_percent", "undetermined at the end (%)", ".0f"),
    Each(
        "training MACs (% of dense), width 1 / 8",
        lambda row: f"{number(row['macs_percent'], '.0f')} / {number(row['macs_percent_wide'], '.0f')}",
    ),
    Each("equivalent over widths (size / units / error); from width 1 up", lambda row: _verdict(row)),
]


def scorecard(runs: pd.DataFrame, confidence: float, kept: Kept | None = None) -> Sheet:
    """Return the scorecard; a network that ran at a second budget (column `budget`) has a second section for it.

    kept: units kept; the column of pixels is "-" for methods whose networks are not there.
    """
    everything, runs = runs, studied(runs)
    budget = runs["budget"].astype(object) if "budget" in runs else pd.Series(None, runs.index, dtype=object)
    runs = runs.assign(budget=budget.where(budget.notna(), "epochs"))
    rows = [
        {**dict(zip([*NETWORK, "budget"], key, strict=True)), **row}
        for key, group in runs.groupby([*NETWORK, "budget"], sort=False)
        for row in sorted(
            (_row(own, confidence, kept or {}) for _, own in group.groupby(SERIES, sort=False)), key=_place
        )
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    several = table.duplicated([*NETWORK, "budget", "method"], keep=False)
    table["name"] = table["method"].where(~several, table["method"] + " " + table["strength"])
    text = caption(
        rule_of_strengths(everything),
        f"{ERROR} Start: {STANDARD_START}, unless it is varied.",
        brackets(confidence),
        f"Ratios of largest to smallest mean, and the change of error from width 1: simultaneous {LEVEL:.0%} "
        "intervals. CV: standard deviation over mean. Jaccard: of the input pixels kept, mean over pairs of seeds, and "
        "what of it chance at equal count does not give (0 chance, 1 the same pixels). Undetermined: keep "
        "probabilities inside (0.05, 0.95) at the end, which is 0 where a schedule rounds gates before (the table of "
        "claims has the share before that); a dash where a method has none.",
        f"Equivalent: size within {SIZE_MARGIN:.0%} ({SIZE_MARGINS['lenet5']:.0%} on LeNet-5), units of every slot "
        f"within {SLOT_MARGIN:.0%}, error within {ERROR_MARGIN:g} points of those at width 1, by intersection of "
        f"{LEVEL:.0%} intervals; in brackets each alone. N too small: cannot be decided at this n, as half an "
        "interval exceeds the margin; undecided: too near to the margin, or a network without a number "
        "(docs/protocol.md, B8). Undecided is no better than no: a no says that an effect beyond the margin was seen, "
        "undecided that it may be there, too. The ratios say how far sizes moved.",
    )
    return Sheet.of(table, SHOWN, "Scorecard", text, by=[*NETWORK, "budget"], heading=heading_of_budget)


def _row(own: pd.DataFrame, confidence: float, kept: Kept) -> dict:
    """Return the row of one method and strength."""
    start, widths = standard(own), of_standard_initialization(own)
    error = mean_interval(start["error_test_percent"].astype(float), confidence)
    by_itself, differences = sized_by_itself(own), over_widths(own)
    compared = differences if by_itself else []
    row = {**own[["method", "strength"]].iloc[0].to_dict(), "params": start["params_kept"].mean(), "n": error.n}
    row |= error.columns("error")
    row |= _ratio(widths, "width").columns("size_over_widths")
    row |= _ratio(own[own["width"] == STANDARD_WIDTH], "initialization").columns("size_over_initializations")
    row |= coefficient_of_variation(start["params_kept"], confidence).columns("variation_percent")
    changes = [one.effect for one in differences if one.what == "error"]
    row |= largest(changes, LEVEL).columns("error_change")
    units = pixels_of(start, kept)
    for name, corrected in (("jaccard", False), ("jaccard_above_chance", True)):
        row |= mean_agreement(units, corrected=corrected, confidence=confidence).columns(name)
    fraction = start["undetermined_fraction"].astype(float).mean()
    row["undetermined_percent"] = 100 * fraction if is_keep_probability(row["method"]) else np.nan
    share = 100 * (widths["train_macs"] / widths["train_macs_dense"]).astype(float).groupby(widths["width"]).mean()
    row |= {"macs_percent": share.get(STANDARD_WIDTH, np.nan), "macs_percent_wide": share.get(WIDE, np.nan)}
    row |= {f"equivalent_{name}": str(verdict) for name, verdict in judged(compared).items()}
    from_one = over_widths(own, least=STANDARD_WIDTH) if compared else []
    initializations = over_initializations(own) if by_itself else []
    row["equivalent_from_width_1"] = str(judged(from_one)["all"])
    return row | {"equivalent_over_initializations": str(judged(initializations)["all"])}


def _ratio(runs: pd.DataFrame, axis: str) -> Estimate:
    """Return the largest over the smallest geometric mean of the size along an axis; at least 1, NaN for one value."""
    groups = [logarithms(group) for _, group in runs.groupby(axis)["params_kept"]]
    found = widest(groups, LEVEL)
    mean, low, high = np.exp(np.maximum(0.0, [found.mean, found.low, found.high]))  # NaN stays NaN
    return Estimate(float(mean), float(low), float(high), found.n)


def _place(row: Row) -> tuple:
    """Return the sorting key of a row: the verdict, then the ratio of sizes over widths."""
    ratio = row["size_over_widths"]
    return ANSWERS.index(row["equivalent_all"]), np.inf if np.isnan(ratio) else ratio


def _agreement(row: Row) -> str:
    text = with_interval(row, "jaccard", ".2f")
    return text if text == "-" else f"{text} ({number(row['jaccard_above_chance'], '.2f')})"


def _verdict(row: Row) -> str:
    first, *parts = (_short(row[f"equivalent_{name}"]) for name in VERDICTS)
    up = _short(row["equivalent_from_width_1"])
    return first if first == NOT_APPLICABLE else f"{first} ({' / '.join(parts)}); {up}"


def _short(answer: str) -> str:
    return SHORT.get(answer, answer)
