"""Sentences that the captions of several tables share."""

import pandas as pd

from robustprune.analysis.labels import network_title
from robustprune.analysis.read import NETWORK, SERIES
from robustprune.analysis.select import STANDARD_START

N = "n: networks whose number is known, in the column of the row with the most; an interval over fewer says so."
"""The one meaning of the column n."""
NOT_OK = (
    "Not ok: networks that collapsed, diverged or failed. Collapsed ones are in the means; the others have no numbers "
    "and show only here."
)
NOT_OK_SHARE = (
    "Not ok: share of networks that collapsed, diverged or failed, with Wilson's interval. Collapsed ones are in all "
    "other columns, the others in none."
)
ERROR = "Error: last-epoch test error."
AT_STANDARD = f"Start: {STANDARD_START}."


SIZES = "Student's t interval (of params and MACs that of the logarithm)"
"""The kind of interval of tables with sizes."""


def brackets(confidence: float, kind: str = "Student's t interval") -> str:
    """Return the sentence about intervals in brackets."""
    return f"Brackets: {kind} at level {confidence:.0%}, where there are three networks or more."


def caption(*parts: str) -> str:
    """Join sentences; empty ones are left out."""
    return " ".join(part for part in parts if part)


def other_epochs(runs: pd.DataFrame) -> str:
    """Return the sentence on series that trained for other epochs than most of their network; "" without any.

    runs: networks of one budget. Controls are left out: their epochs follow from their source.
    """
    own = runs[runs["start_of"].isna()]
    series = own[[*SERIES, "variant", "epochs"]].drop_duplicates().astype({"epochs": int})
    sentences = []
    for key, found in series.groupby(NETWORK, sort=False):
        usual = found["epochs"].mode().iloc[0]
        others = found[found["epochs"] != usual]
        named = [f"{row.method}/{row.strength} {row.epochs}" for row in others.itertuples()]
        if named:
            sentences.append(f"Trained for other epochs than the {usual} of most on {network_title(*key)}: ")
            sentences[-1] += f"{', '.join(dict.fromkeys(named))}."
    return " ".join(sentences)
