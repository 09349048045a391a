"""The table `depth_equivalence`: does the depth kept depend on the starting depth, or on the initialization?

Depths kept are small integers, and often all networks of a start agree. So their spread is pooled over all starts of a
strength, and never taken to be zero (docs/protocol.md, B23).
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from robustprune.analysis.captions import caption
from robustprune.analysis.columns import WIDTH, Each, Interval, Number, Text
from robustprune.analysis.layers.kept import NONE
from robustprune.analysis.layers.sections import CO_ADAPTATION, finds_its_depth, with_sections
from robustprune.analysis.read import NETWORK
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import LEAST, interval_columns, known_values
from robustprune.analysis.verdicts.decision import LEVEL, Comparison, equivalent
from robustprune.analysis.verdicts.effect import Effect, largest
from robustprune.networks.architecture import STANDARD_DEPTH

MARGIN = 1.5
"""Sections: halfway between one, which counts as none, and two."""
DEPTHS, DEEP, INITIALIZATIONS = "starting depths", f"starting depths from {STANDARD_DEPTH}", "initializations"
BY = [*NETWORK, "method", "strength", "width"]
COLUMNS = [*BY, "over", "start", *interval_columns("difference"), "margin", "spread", "verdict", "comparisons", "n"]
SHOWN = [
    *(Text("method"), Text("strength"), WIDTH, Text("over"), Text("start", "largest at")),
    Interval("difference", "largest difference (sections)", "+.2f"),
    Each("margin", lambda row: f"{row['margin']:g}"),
    *(Number("spread", "sd (pooled)", ".2f"), Text("verdict"), Text("comparisons"), Text("n")),
]
Groups = dict[tuple[str, int], np.ndarray]
"""(initialization, starting depth) -> sections kept [n], NaN for a network without numbers."""


def groups_of(own: pd.DataFrame) -> Groups:
    """Return the sections kept from every start of one strength, without starting depth 0, which has none to keep."""
    return {
        (initialization, int(depth)): start["kept"].to_numpy(float)
        for (initialization, depth), start in own[own["depth"] > 0].groupby(["initialization", "depth"], sort=True)
    }


def pooled(groups: Sequence[np.ndarray]) -> tuple[float, int]:
    """Return the standard deviation within groups, and its degrees of freedom.

    One network more is counted that lies one section from the mean of its start. So networks that all agree have a
    spread that shrinks with their number, and not none.
    """
    data = [known_values(group) for group in groups]
    data = [group for group in data if len(group)]
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in data)
    freedom = sum(len(group) - 1 for group in data) + 1
    return float(np.sqrt((squares + 1) / freedom)), freedom


def comparisons(groups: Groups) -> dict[str, list[Comparison]]:
    """Return the comparisons of starting depths with the standard depth, of those above it, and of initializations.

    Starting depths are compared from each initialization, initializations in pairs at each starting depth.
    """
    spread, freedom = pooled(list(groups.values()))

    def compared(start: str, first: np.ndarray, second: np.ndarray) -> Comparison:
        one, other = known_values(first), known_values(second)
        n = min(len(one), len(other))
        error = spread * np.sqrt(1 / len(one) + 1 / len(other)) if n >= LEAST else np.nan
        value = float(one.mean() - other.mean()) if n else np.nan
        lost = len(first) + len(second) - len(one) - len(other)
        return Comparison("sections", start, Effect(value, float(error), float(freedom), n), MARGIN, lost)

    found: dict[str, list[Comparison]] = {DEPTHS: [], DEEP: [], INITIALIZATIONS: []}
    for (initialization, depth), kept in groups.items():
        standard = groups.get((initialization, STANDARD_DEPTH))
        if standard is not None and depth != STANDARD_DEPTH:
            one = compared(f"depth {depth}, {initialization}", kept, standard)
            found[DEPTHS].append(one)
            found[DEEP] += [one] if depth > STANDARD_DEPTH else []
    for (first, depth), (second, other) in combinations(groups, 2):
        if depth == other:
            start = f"{second} - {first}, depth {depth}"
            found[INITIALIZATIONS].append(compared(start, groups[second, depth], groups[first, depth]))
    return found


def equivalence_rows(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per strength that finds its depth and per kind of start; `runs` are networks with a depth."""
    rows = [
        dict(zip(BY, key, strict=True)) | row
        for key, own in with_sections(runs).groupby(BY, sort=False)
        if finds_its_depth(own)
        for row in _rows(groups_of(own))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(groups: Groups) -> Iterator[dict]:
    for over, own in comparisons(groups).items():
        if not own:
            continue
        found = largest([one.effect for one in own], LEVEL)
        place = next((one.start for one in own if one.effect.value == found.mean), None)
        row = {"over": over, "start": place, **found.columns("difference"), "margin": MARGIN}
        yield row | {
            "spread": pooled(list(groups.values()))[0],
            "verdict": str(equivalent(own)),
            "comparisons": len(own),
            "n": min(one.effect.n for one in own),
        }


def depth_equivalence(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the rows as a sheet; the level of its intervals is that of the verdicts, whatever `confidence` is."""
    table = equivalence_rows(runs)
    text = caption(
        f"Differences of the mean number of sections kept: of every starting depth from depth {STANDARD_DEPTH}, for "
        "each initialization; of two initializations, at each starting depth. Largest: with its interval at the "
        f"simultaneous {LEVEL:.0%} level of the row's comparisons. Verdict: of equivalence within one section (a "
        f"difference of means below {MARGIN:g}), by {LEVEL:.0%} intervals (docs/protocol.md, B23). Sd: pooled over the "
        "starts of the strength, with one network more that lies one section off. A start cannot keep more sections "
        "than it has.",
        CO_ADAPTATION,
        "n: networks of the smallest sample.",
        "" if len(table) else f"{NONE} Or none of them ran from several starts.",
    )
    return Sheet.of(table, SHOWN, "Does the depth kept depend on the start?", text)
