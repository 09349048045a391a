"""What the tables of probes share: shares per network, what was read, and the sentence of an empty table."""

import pandas as pd

from robustprune.analysis.statistics import Estimate, percent_interval

NONE = "No cell was probed (probes: true in the configuration, e.g. config/probes.yaml)."
READ = (
    "Read in networks that remove no unit and keep the gate noise to the end, so that every gate can still open. "
    "Training images only."
)


def share(flags: pd.Series, replicates: pd.Series, confidence: float) -> Estimate:
    """Return the mean over networks of the share of true flags, in percent; units without a flag do not count.

    The ends of the interval are cut at 0 and 100.
    """
    known = flags.dropna()
    return percent_interval(100 * known.astype(float).groupby(replicates[known.index]).mean(), confidence)
