"""From which starts the size of the method under study moves less than that of a baseline, and from which more."""

import pandas as pd

from robustprune.analysis.captions import caption
from robustprune.analysis.columns import Text, number
from robustprune.analysis.read import NETWORK
from robustprune.analysis.select import STANDARD_INITIALIZATION, STANDARD_START
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.start_changes import changes_of
from robustprune.analysis.verdicts.over_starts import STANDARD_WIDTH
from robustprune.study.roles import METHOD_UNDER_STUDY

LESS, MORE, ALIKE = "less", "more", "alike"
COLUMNS = [*NETWORK, "strength", "baseline", "baseline_strength", LESS, MORE, ALIKE]
SHOWN = [
    *(Text("strength"), Text("baseline"), Text("baseline_strength", "baseline's strength")),
    *(Text(LESS, "moves less from"), Text(MORE, "moves more from"), Text(ALIKE, "no difference seen from")),
]


def start_apart(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return a row per baseline: the starts from which the size of the method moves less, and more, than its own."""
    rows = []
    own = changes_of(runs, confidence)
    own = own[one_factor(own)].assign(moves=moves)
    for key, starts in own.groupby(COLUMNS[: COLUMNS.index(LESS)], sort=False):
        row = dict(zip(COLUMNS, key, strict=False))
        for answer in (LESS, MORE):
            row[answer] = "; ".join(_told(start) for start in starts[starts["moves"] == answer].to_dict("records"))
        rows.append({**row, ALIKE: f"{(starts['moves'] == ALIKE).sum()} of {len(starts)} starts"})
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        f"The size of {METHOD_UNDER_STUDY} beside that of every baseline, from starts that differ from the standard "
        f"one ({STANDARD_START}) in the initialization or the width alone. Less, more: the factor by which the size of "
        "the method moves, up or down, is smaller or larger than that by which the baseline's moves, and its interval "
        f"({confidence:.0%}, paired by seed, not adjusted for the number of starts) says so. In brackets: the change "
        "of the method and that of the baseline, in percent. Criteria that keep a share of the start follow its width "
        "by definition. The table of changes with the start has the intervals and n.",
        "" if len(table) else "No baseline ran from another start here.",
    )
    return Sheet.of(table, SHOWN, "Does the start move the method less?", text, by=NETWORK)


def one_factor(changes: pd.DataFrame) -> pd.Series:
    """Return whether a start differs from the standard one in its initialization or its width alone."""
    return (changes["initialization"] == STANDARD_INITIALIZATION) | (changes["width"] == STANDARD_WIDTH)


def moves(changes: pd.DataFrame) -> pd.Series:
    """Return for each row of start_changes whether the size of the method moves LESS, MORE or ALIKE."""
    return pd.Series(ALIKE, changes.index).mask(changes["moved_high"] < 0, LESS).mask(changes["moved_low"] > 0, MORE)


def _told(row: dict) -> str:
    return f"{row['start']} ({number(row['size'], '+.0f')}, {number(row['baseline_size'], '+.0f')})"
