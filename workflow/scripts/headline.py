"""The points of README.md, from the shipped results."""

import re
import textwrap

import pandas as pd
from shipped_numbers import NETWORKS, TABLES, cells_by_width, equal_error, networks, table, tradeoff

from robustprune.analysis.columns import with_interval
from robustprune.analysis.select import METHOD_UNDER_STUDY
from robustprune.analysis.statistics import elasticity, paired_difference

SELF_SIZING = ("vib", "generalized_dropout", "l0_hc", "group_lasso")
"""The study's other methods that find a size themselves."""
CRITERIA = ("taylor", "magnitude", "random")
"""The study's methods that are given a size."""
SWEEP_ONLY = ("bmrs_n", "bmrs_u", "sbp")


def headline() -> str:
    """The findings in five points: the numbers come from the shipped tables."""
    points = (_size_and_start(), _others_level_off(), _smallest(), _equal_epochs(), _undetermined())
    return "\n".join(_filled(f"- {point}") for point in points)


def _filled(text: str) -> str:
    """Lines of at most 120 characters, broken neither before "%" nor inside an interval."""
    tied = re.sub(r" (?=%|[^\[]*\])", "\u00a0", text)
    lines = textwrap.fill(tied, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return lines.replace("\u00a0", " ")


def _listed(methods: tuple[str, ...]) -> str:
    return ", ".join(f"`{method}`" for method in methods)


def _thousands(params: float) -> str:
    return f"{params / 1000:.1f}k"


def _size_and_start() -> str:
    series = NETWORKS["lenet_300_100"][1]
    cells, lenet5 = cells_by_width("lenet_300_100", series), cells_by_width("lenet5", NETWORKS["lenet5"][1])
    own, dense = (networks("lenet_300_100", each).set_index(["width", "replicate"]) for each in (series, "dense/dense"))
    widths = own.loc[1:].reset_index()
    slope = elasticity(widths["width"], widths["params_kept"], 0.9)
    low, high = (100 * (8**end - 1) for end in (slope.low, slope.high))
    small, large = (_thousands(cells.loc[width, "params_kept"]) for width in (1, 8))
    half, from_half, from_double = (
        _thousands(table.loc[width, "params_kept"]) for table, width in ((cells, 0.5), (lenet5, 0.5), (lenet5, 2))
    )
    times = dense.loc[(8, 0), "params_dense"] / dense.loc[(1, 0), "params_dense"]
    units = ["-".join(f"{float(n):.0f}" for n in cells.loc[width, "units_kept"].split("-")) for width in (1, 8)]
    above = []
    for width in (1, 8):
        found = paired_difference(own.loc[width]["error_test_percent"], dense.loc[width]["error_test_percent"])
        above.append(f"{found.mean:+.2f} [{found.low:.2f}, {found.high:.2f}]")
    return (
        f"**Size hardly grows with the start.** From width 1 the method keeps {small} params of LeNet-300-100, from "
        f"width 8, with {times:.0f} times the params, {large}: a rise of {low:.1f} to {high:.1f} % (90 % interval, "
        f"{slope.n} networks), with nearly the same units ({units[0]}, {units[1]}). Its error minus that of dense "
        f"training goes from {above[0]} to {above[1]} points. From width 0.5 it keeps {half}. On LeNet-5 size falls: "
        f"{from_half} from width 0.5, {from_double} from width 2."
    )


def _others_level_off() -> str:
    slopes, errors = (
        table("sensitivity_width"),
        cells_by_width("lenet_300_100", "l0_hc/lambda_0p2")["error_test_percent"],
    )
    named = (METHOD_UNDER_STUDY, "generalized_dropout", "vib", "group_lasso")
    return (
        "**Other methods level off too.** Slope of log params on log width, width 1 to 8 (0: size does not change): "
        + ", ".join(f"`{method}` {with_interval(slopes.loc[method], 'elasticity_up', '.3f')}" for method in named)
        + f". `l0_hc`, whose price of a unit grows with the width, errs {errors[8]:.2f} % from width 8."
    )


def _smallest() -> str:
    main, ratios = table("main_comparison"), equal_error()["ratio"]
    chosen = main["params"] / main.loc[METHOD_UNDER_STUDY, "params"]
    spans = [
        f"{values.min():{form}} to {values.max():{form}}"
        for values, form in (
            (chosen[[*SELF_SIZING]], ".1f"),
            (main.loc[[*SELF_SIZING], "error"], ".2f"),
            (ratios[[*SELF_SIZING]], ".1f"),
            (ratios[[*SWEEP_ONLY]], ".1f"),
            (chosen[[*CRITERIA]], ".1f"),
        )
    ]
    error = main.loc[METHOD_UNDER_STUDY, "error"]
    assert set(main.index) == {METHOD_UNDER_STUDY, *SELF_SIZING, *CRITERIA, "dense"}  # the text counts them
    return (
        "**Smallest of the study's eight pruning methods at the shipped operating points, which depend on the grid of "
        f"strengths.** {_listed(SELF_SIZING)} keep {spans[0]} times as much there and err {spans[1]} %, the method "
        f"{error:.2f} %; {_listed(CRITERIA)} keep {spans[4]} times. Interpolated to "
        f"equal validation error the first four keep {spans[2]} times as much, and {_listed(SWEEP_ONLY)} (sweep only) "
        f"{spans[3]} times."
    )


def _equal_epochs() -> str:
    points = tradeoff().set_index(["architecture", "method", "strength"])
    own, other = (points.loc[("lenet_300_100", *key)] for key in (("bernoulli", "c3e_4"), ("bmrs_n", "kl_10")))
    keeps = [f"{_thousands(row.params)} at {with_interval(row, 'error', '.2f')} %" for row in (other, own)]
    cost = pd.read_csv(TABLES / "training_cost.csv").set_index(["architecture", "method", "strength", "width"])
    small, large = (cost.loc[("lenet_300_100", "bernoulli", "c3e_4", width)] for width in (1, 8))
    return (
        f"**All comparisons are at equal epochs.** In the sweep (55,000 images, n = {own.n:.0f}) "
        f"`bmrs_n` keeps {keeps[0]} error, the method {keeps[1]}. But in the study the method trains "
        f"with {small.macs_percent:.0f} % of dense training's MACs and "
        f"{small.seconds_percent:.0f} % of its seconds from width 1, {large.macs_percent:.0f} and "
        f"{large.seconds_percent:.0f} % from width 8. Equal arithmetic has not been compared."
    )


def _undetermined() -> str:
    shares, changes = [], []
    for architecture, (title, series) in NETWORKS.items():
        own = networks(architecture, series).query("width == 1")
        shares.append(f"{100 * own['undetermined_fraction'].mean():.0f} % on {title} (n = {len(own)})")
        changes.append(f"{own['rounding_error_change_percent'].abs().mean():.2f}")
    return (
        "**Not every gate ends at 0 or 1.** Of the gates left at the end, this share is undetermined (between 0.05 and "
        f"0.95): {', '.join(shares)}. Rounding these gates to 0 or 1 changes errors by {' and '.join(changes)} points "
        "(mean of absolute values)."
    )
