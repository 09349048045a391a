"""Parameters kept at equal validation error: the method under study against every baseline (docs/protocol.md, B31)."""

from collections.abc import Iterator, Mapping

import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, ERROR, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, PValue, Text
from robustprune.analysis.equal_size import FAMILY, families, heading_of_family, searched_points
from robustprune.analysis.pairing import of_shared_seeds, paired_ratio
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import (
    LEAST,
    Difference,
    holm,
    interval_columns,
    mean_interval,
    paired_difference,
    size_interval,
)
from robustprune.analysis.verdicts.decision import TOO_FEW, UNDECIDED
from robustprune.analysis.verdicts.equal_size import MARGIN
from robustprune.study.roles import METHOD_UNDER_STUDY

FEWER, MORE, UNEQUAL = "fewer", "more", "not at equal error"
SIGNIFICANT = 0.05
COLUMNS = [
    *(*FAMILY, "baseline", "baseline_strength", *interval_columns("params"), *interval_columns("baseline_params")),
    *(*interval_columns("ratio"), "p_holm", *interval_columns("error"), *interval_columns("baseline_error")),
    *(*interval_columns("difference"), "answer", "n"),
]
SHOWN = [
    Each("baseline", lambda row: f"{row['baseline']} {row['baseline_strength']}"),
    *(Interval("params", "params", ",.0f"), Interval("baseline_params", "baseline's params", ",.0f")),
    *(Interval("ratio", "ratio", ".2f"), PValue("p_holm", "p (Holm)"), Text("answer", "params at equal error")),
    *(Number("error", "test error (%)", ".2f"), Number("baseline_error", "baseline's (%)", ".2f")),
    *(Interval("difference", "difference (points)", "+.2f"), Text("n")),
]


def equal_error(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return a row per baseline and operating point of equal error of the method under study, at the standard start."""
    points = searched_points(runs)
    points = points[points["target_above_dense"].notna()]
    rows = [family | row for family, own, baselines in families(points) for row in _family(own, baselines, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        f"{METHOD_UNDER_STUDY} beside every baseline, paired by seed, at the operating points whose validation error "
        "lies a given distance above that of dense training (tuning split); unreachable ones have no row. These "
        "networks were trained on all images, so their test errors need not be equal.",
        AT_STANDARD,
        ERROR,
        f"Ratio: params of {METHOD_UNDER_STUDY} over the baseline's, geometric mean; p: two-sided t test, "
        f"Holm-adjusted. {FEWER.capitalize()}, {MORE}: p below {SIGNIFICANT:g}. {UNEQUAL.capitalize()}: test errors "
        f"differ by more than {MARGIN:g} points (95 % interval) on the side that explains the ratio.",
        brackets(confidence),
        "n: pairs of networks with numbers." if len(table) else "There are no operating points of equal error here.",
    )
    return Sheet.of(table, SHOWN, "Parameters at equal error", text, by=FAMILY, heading=heading_of_family)


def _family(own: pd.DataFrame, baselines: Mapping[tuple, pd.DataFrame], confidence: float) -> Iterator[dict]:
    """Yield the rows of one strength of the method under study."""
    ratios = [paired_ratio(own, other, "params_kept", confidence) for other in baselines.values()]
    adjusted = holm([found.p for found in ratios])
    for (name, other), ratio, p in zip(baselines.items(), ratios, adjusted, strict=True):
        first, second = (cell["error_test_percent"] for cell in of_shared_seeds(own, other))
        row = {"baseline": name[0], "baseline_strength": name[1], "p_holm": p, "n": ratio.n}
        row |= size_interval(own["params_kept"], confidence).columns("params")
        row |= size_interval(other["params_kept"], confidence).columns("baseline_params")
        row |= ratio.columns("ratio") | mean_interval(own["error_test_percent"], confidence).columns("error")
        row |= mean_interval(other["error_test_percent"], confidence).columns("baseline_error")
        row |= paired_difference(first, second, confidence).columns("difference")
        yield row | {"answer": answer(ratio, p, paired_difference(first, second))}


def answer(ratio: Difference, p: float, errors: Difference) -> str:
    """Return what a ratio of sizes says. errors: the difference of test errors with its 95 % interval."""
    if ratio.n < LEAST:
        return TOO_FEW
    if not p < SIGNIFICANT:
        return UNDECIDED
    if ratio.mean < 1:
        return UNEQUAL if errors.low > MARGIN else FEWER
    return UNEQUAL if errors.high < -MARGIN else MORE
