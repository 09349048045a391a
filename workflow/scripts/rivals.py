"""Tables of results/reference/FINDINGS.md: how far the start moves the size of the method, and of the methods that are
as accurate at equal size, paired by seed."""

import pandas as pd
from markdown_tables import markdown
from shipped_numbers import REFERENCE, TABLES, WIDTHS
from verdicts import CLAIM_OF

from robustprune.analysis.claims import as_accurate
from robustprune.analysis.columns import with_interval
from robustprune.analysis.read import read_detailed_runs
from robustprune.analysis.select import STANDARD_INITIALIZATION, of_one_budget, studied
from robustprune.analysis.statistics import Estimate, coefficient_of_variation
from robustprune.analysis.verdicts.decision import YES
from robustprune.analysis.verdicts.effect import difference, in_percent
from robustprune.analysis.verdicts.over_starts import STANDARD_WIDTH, logarithms
from robustprune.study.roles import METHOD_UNDER_STUDY

ARCHITECTURE = "lenet_300_100"
ACCURATE = CLAIM_OF[as_accurate]
LARGE = f"{STANDARD_INITIALIZATION}_x3"
"""The initialization whose weights are three times as large."""


def from_widths() -> str:
    """Return a row per rival and other width: change of size from width 1, of both, and the method's over theirs."""
    rows = [["against", "from width", "size of the method (%)", "theirs (%)", "the method's over theirs (%)", "n"]]
    runs = _runs()
    for rival in _rivals():
        for width in WIDTHS:
            if width != STANDARD_WIDTH:
                rows.append([f"`{rival}`", f"{width:g}", *_changes(runs, rival, (STANDARD_INITIALIZATION, width))])
    return markdown(*rows)


def from_initializations() -> str:
    """Return a row per rival: the same from weights three times as large, and how far means over initializations vary,
    with and without these."""
    variation = "variation of means over common initializations (%): the method, theirs"
    columns = ["size of the method (%)", "theirs (%)", "the method's over theirs (%)", "n"]
    rows = [["against", *columns, variation, f"the same without `{LARGE}`"]]
    runs = _runs()
    for rival in _rivals():
        changes = _changes(runs, rival, (LARGE, STANDARD_WIDTH))
        common = _common(runs, rival)
        variations = [_variation(runs, rival, chosen) for chosen in (common, common - {LARGE})]
        rows.append([f"`{rival}`", *changes, *variations])
    return markdown(*rows)


def in_short() -> str:
    """Return the means of these tables, and the arithmetic of training, in one sentence."""
    runs, names = _runs(), _rivals()
    starts = {
        "the narrowest start": (STANDARD_INITIALIZATION, WIDTHS[0]),
        "the widest": (STANDARD_INITIALIZATION, WIDTHS[-1]),
        "weights three times as large": (LARGE, STANDARD_WIDTH),
    }
    parts = []
    for title, start in starts.items():
        changes = [_estimates(runs, rival, start) for rival in names]
        own = in_percent(changes[0][METHOD_UNDER_STUDY]).mean
        theirs = sorted(in_percent(found[rival]).mean for found, rival in zip(changes, names, strict=True))
        apart = sum(found["both"].low > 0 or found["both"].high < 0 for found in changes)
        parts.append(
            f"{own:+.0f} % from {title}, theirs {theirs[0]:+.0f} to {theirs[-1]:+.0f} % ({apart} of {len(names)} apart)"
        )
    macs = pd.read_csv(TABLES / "equal_size.csv").query("target == 'at_size'").set_index("baseline")["macs_ratio"]
    ratios = macs.loc[names]
    return (
        f"**Beside the baselines that are as accurate** ({', '.join(f'`{name}`' for name in names)})**:** its size "
        f"changes by {'; '.join(parts)}. Training takes {ratios.min():.2f} to {ratios.max():.2f} of their MACs."
    )


def _runs() -> pd.DataFrame:
    runs = studied(read_detailed_runs(REFERENCE))
    return of_one_budget(runs[runs["architecture"] == ARCHITECTURE])


def _rivals() -> list[str]:
    """Return the baselines that are as accurate as the others at equal size."""
    claims = pd.read_csv(TABLES / "claims.csv")
    asked = (claims["claim"] == ACCURATE) & (claims["architecture"] == ARCHITECTURE) & (claims["verdict"] == YES)
    return [name for name in claims[asked]["method"] if name != METHOD_UNDER_STUDY]


def _changes(runs: pd.DataFrame, rival: str, start: tuple[str, float]) -> list[str]:
    """Return the change of size from the standard start to another, of the method, of the rival, and the method's over
    theirs, and the smaller number of networks."""
    found = _estimates(runs, rival, start).values()
    return [*(_shown(in_percent(one)) for one in found), str(min(one.n for one in found))]


def _estimates(runs: pd.DataFrame, rival: str, start: tuple[str, float]) -> dict[str, Estimate]:
    """Return the change of log size from the standard start to another: of the method, of the rival, and "both", the
    method's minus theirs. The two are paired by seed at each start."""
    there, standard = (_log_sizes(runs, rival, *one) for one in (start, (STANDARD_INITIALIZATION, STANDARD_WIDTH)))
    return {name: difference(there[name], standard[name]).estimate(0.95) for name in there}


def _log_sizes(runs: pd.DataFrame, rival: str, initialization: str, width: float) -> pd.DataFrame:
    """Return the log sizes of both by seed at one start, and the method's minus theirs."""
    own = runs[(runs["initialization"] == initialization) & (runs["width"] == width)]
    sizes = own[own["method"].isin((METHOD_UNDER_STUDY, rival))].pivot(
        index="seed", columns="method", values="params_kept"
    )
    logs = pd.DataFrame({name: logarithms(sizes[name]) for name in (METHOD_UNDER_STUDY, rival)}).dropna()
    return logs.assign(both=logs[METHOD_UNDER_STUDY] - logs[rival])


def _shown(estimate: Estimate) -> str:
    return with_interval(estimate.columns("change"), "change", "+.1f")


def _common(runs: pd.DataFrame, rival: str) -> set[str]:
    at_one = runs[runs["width"] == STANDARD_WIDTH]
    found = [set(at_one[at_one["method"] == name]["initialization"]) for name in (METHOD_UNDER_STUDY, rival)]
    return set.intersection(*found)


def _variation(runs: pd.DataFrame, rival: str, initializations: set[str]) -> str:
    own = runs[(runs["width"] == STANDARD_WIDTH) & runs["initialization"].isin(initializations)]
    means = own.groupby(["method", "initialization"])["params_kept"].mean()
    values = [coefficient_of_variation(means[name]).mean for name in (METHOD_UNDER_STUDY, rival)]
    return f"{values[0]:.1f}, {values[1]:.1f} (of {len(initializations)})"
