"""Tables of results/reference/FINDINGS.md: how far the start moves the size of the method, and of the methods that are
as accurate at equal size, paired by seed."""

import pandas as pd
from by_start import SHOWN, in_shown, shown_networks
from markdown_tables import markdown
from shipped_numbers import NETWORKS, TABLES, of_network
from verdicts import CLAIM_OF

from robustprune.analysis.claims import as_accurate
from robustprune.analysis.columns import with_interval
from robustprune.analysis.select import STANDARD_INITIALIZATION
from robustprune.analysis.start_apart import ALIKE, LESS, MORE, moves, one_factor
from robustprune.analysis.statistics import coefficient_of_variation
from robustprune.analysis.verdicts.decision import YES
from robustprune.analysis.verdicts.over_starts import STANDARD_WIDTH
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

ACCURATE = CLAIM_OF[as_accurate]
LARGE = f"{STANDARD_INITIALIZATION}_x3"
"""The initialization whose weights are three times as large."""
CHANGES = ["size of the method (%)", "theirs (%)", "the method's over theirs (%)", "n"]


def from_widths() -> str:
    """Return a row per rival and other width: change of size from width 1, of both, and the method's over theirs."""
    rows = [["against", "from width", *CHANGES]]
    for rival, own in _changes().groupby("baseline", sort=False):
        for row in own[own["initialization"] == STANDARD_INITIALIZATION].to_dict("records"):
            rows.append([f"`{rival}`", f"{row['width']:g}", *_shown(row)])
    return markdown(*rows)


def from_initializations() -> str:
    """Return a row per rival: the same from weights three times as large, and how far means over initializations vary,
    with and without these."""
    variation = "variation of means over common initializations (%): the method, theirs"
    rows = [["against", *CHANGES, variation, f"the same without `{LARGE}`"]]
    runs = shown_networks()
    for rival, own in _changes().groupby("baseline", sort=False):
        common = _common(runs, rival)
        variations = [_variation(runs, rival, chosen) for chosen in (common, common - {LARGE})]
        row = own[(own["initialization"] == LARGE) & (own["width"] == STANDARD_WIDTH)].iloc[0]
        rows.append([f"`{rival}`", *_shown(row.to_dict()), *variations])
    return markdown(*rows)


def in_short() -> str:
    """Return from which starts the size of the method moves less or more than theirs, and the arithmetic of training,
    in two sentences."""
    changes = _changes()
    changes = changes[one_factor(changes)].assign(moves=moves)
    less, more, others = [], [], 0
    for (initialization, width), rows in changes.groupby(["initialization", "width"], sort=False):
        start = f"width {width:g}" if initialization == STANDARD_INITIALIZATION else f"`{initialization}`"
        for answer, listed in ((LESS, less), (MORE, more)):
            if (found := rows["moves"] == answer).any():
                ends = (f"{size:+.0f}" for size in rows["baseline_size"][found].agg(["min", "max"]))
                theirs = " to ".join(dict.fromkeys(ends))
                listed.append(f"{start} ({rows['size'].iloc[0]:+.0f} against {theirs} %, {found.sum()} of {len(rows)})")
        others += (rows["moves"] == ALIKE).all()
    names = _rivals()
    macs = in_shown(pd.read_csv(TABLES / "equal_size.csv")).query(
        "target == 'at_size' and variant.isna() and budget == 'epochs'"
    )
    ratios = macs.set_index("baseline").loc[names, "macs_ratio"]
    return (
        f"**Beside the baselines that are as accurate** ({', '.join(f'`{name}`' for name in names)})**:** the size of "
        f"the method moves less than theirs from {_listed(less)}; more from {_listed(more)}; from {others} others "
        "no difference is seen (unadjusted intervals). "
        f"Its training takes {ratios.min():.2f} to {ratios.max():.2f} of their MACs."
    )


def elsewhere() -> list[str]:
    """Return for every other network the sizes and errors of the method and of its rivals at the standard start, and
    how far the widest start moves the sizes."""
    changes, found = (pd.read_csv(TABLES / f"{name}.csv") for name in ("start_changes", "main_comparison"))
    rivals = _rivals()
    points = []
    for network, title in NETWORKS.items():
        own = of_network(changes, network)
        own = own[own["baseline"].isin(rivals) & (own["initialization"] == STANDARD_INITIALIZATION)]
        if network == SHOWN or own.empty:
            continue
        own = own[own["width"] == own["width"].max()]
        rows = of_network(found, network).set_index("method")
        moved = {METHOD_UNDER_STUDY: with_interval(own.iloc[0].to_dict(), "size", "+.0f")}
        moved |= {row["baseline"]: with_interval(row, "baseline_size", "+.0f") for row in own.to_dict("records")}
        told = [
            f"`{name}` {rows.loc[name, 'params']:,.0f} params, {rows.loc[name, 'error']:.2f} %, {change} %"
            for name, change in moved.items()
        ]
        points.append(
            f"**{title}**, strengths of MNIST; params and error from width 1, change of size from width "
            f"{own['width'].iloc[0]:g}: {'; '.join(told)} (n = {own['n'].min()}; `{UNPRUNED}` errs "
            f"{rows.loc[UNPRUNED, 'error']:.2f} %)."
        )
    return points


def _listed(starts: list[str]) -> str:
    return ", ".join(starts) or "no start"


def _changes() -> pd.DataFrame:
    """Return the rows of the table `start_changes` that are of rivals."""
    table = in_shown(pd.read_csv(TABLES / "start_changes.csv"))
    return table[table["baseline"].isin(_rivals())].sort_values("width", kind="stable")


def _rivals() -> list[str]:
    """Return the baselines that are as accurate as the others at equal size."""
    claims = in_shown(pd.read_csv(TABLES / "claims.csv"))
    claims = claims[claims["variant"].isna() & (claims["budget"] == "epochs")]
    asked = (claims["claim"] == ACCURATE) & (claims["verdict"] == YES)
    return [name for name in claims[asked]["method"] if name != METHOD_UNDER_STUDY]


def _shown(row: dict) -> list:
    return [*(with_interval(row, name, "+.1f") for name in ("size", "baseline_size", "ratio")), row["n"]]


def _common(runs: pd.DataFrame, rival: str) -> set[str]:
    at_one = runs[runs["width"] == STANDARD_WIDTH]
    found = [set(at_one[at_one["method"] == name]["initialization"]) for name in (METHOD_UNDER_STUDY, rival)]
    return set.intersection(*found)


def _variation(runs: pd.DataFrame, rival: str, initializations: set[str]) -> str:
    own = runs[(runs["width"] == STANDARD_WIDTH) & runs["initialization"].isin(initializations)]
    means = own.groupby(["method", "initialization"])["params_kept"].mean()
    values = [coefficient_of_variation(means[name]).mean for name in (METHOD_UNDER_STUDY, rival)]
    return f"{values[0]:.1f}, {values[1]:.1f} (of {len(initializations)})"
