"""Does the latency of one image follow the depth kept, or the MACs? Rank correlations over networks (H6)."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from robustprune.analysis.layers.sections import with_sections
from robustprune.analysis.resampling import SEED
from robustprune.analysis.statistics import LEAST
from robustprune.analysis.verdicts.decision import LEVEL
from robustprune.study.cells import AXES

RESAMPLES = 2000


class Correlations(NamedTuple):
    """Spearman's correlations of latency with depth and with MACs; low and high: the interval of their difference."""

    depth: float
    macs: float
    low: float
    high: float
    cells: int


def correlations(runs: pd.DataFrame) -> Correlations | None:
    """Return the correlations over networks, and the interval of depth minus MACs at LEVEL, by bootstrap over cells.

    Only networks that start with sections count. Cells, not networks, are resampled: those of a cell were timed
    together. None with fewer than LEAST cells whose latency is known, or where depth, MACs or latency is the same in
    all of them.
    """
    runs = with_sections(runs[runs["depth"] > 0])
    columns = ["kept", "macs_kept", "inference_ms_kept_batch1"]
    values = runs[[*AXES, *columns]].dropna(subset=columns)
    cells = [own[columns].to_numpy(float) for _, own in values.groupby(list(AXES), sort=True)]
    if len(cells) < LEAST or any(np.ptp(column) == 0 for column in np.concatenate(cells).T):
        return None
    depth, macs = _of(np.concatenate(cells))
    random = np.random.default_rng(SEED)
    drawn = []
    for places in random.integers(0, len(cells), (RESAMPLES, len(cells))):
        data = np.concatenate([cells[place] for place in places])
        if all(np.ptp(column) > 0 for column in data.T):
            drawn.append(np.subtract(*_of(data)))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Correlations(depth, macs, float(low), float(high), len(cells))


def _of(data: np.ndarray) -> tuple[float, float]:
    """Return the rank correlations of the last column with the first and with the second, of data [n, 3]."""
    depth, macs, latency = stats.rankdata(data, axis=0).T
    return float(np.corrcoef(depth, latency)[0, 1]), float(np.corrcoef(macs, latency)[0, 1])
