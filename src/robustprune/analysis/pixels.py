"""Which pixels of the images the networks kept."""

import numpy as np
import pandas as pd

from robustprune.analysis.kept import Kept
from robustprune.analysis.read import WITHOUT_NUMBERS
from robustprune.records.record import split_units

PIXELS = "input"
"""The slot whose units are the pixels of an image."""


def pixels_of(runs: pd.DataFrame, kept: Kept) -> np.ndarray:
    """Return the kept pixels of those networks of `runs` that are known, bool [n, pixels]; [0, 0] without any.

    Networks that diverged or failed are left out: what they kept is arbitrary. runs: networks of one architecture whose
    first slot is PIXELS, with the column `key`.
    """
    if "key" not in runs:
        return np.zeros((0, 0), dtype=bool)
    found = []
    known = runs[~runs["status"].isin(WITHOUT_NUMBERS)]
    for key, replicate, start in known[["key", "replicate", "units_start"]].itertuples(index=False):
        own = kept.get((key, replicate), {})
        if PIXELS in own:
            found.append(np.isin(np.arange(split_units(start)[0]), own[PIXELS]))
    return np.array(found) if found else np.zeros((0, 0), dtype=bool)
