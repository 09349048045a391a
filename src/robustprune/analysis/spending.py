"""How the arithmetic of training is spread over its epochs."""

from collections.abc import Sequence

import pandas as pd


def spent(rows: pd.DataFrame, network: Sequence[str]) -> pd.Series:
    """Return the multiply-accumulates that each network's training has spent by the end of each epoch.

    rows: a history in the order of epochs, joined with `macs_dense` and `train_macs`; network: columns that name one
    network. The last epoch has the recorded `train_macs`, which counts whatever a step computes. An epoch's part of it
    is that of the forward passes, by the units that the epoch began with; the first epoch is dense. So phases that
    compute more per forward pass than others are not told apart.
    """
    keys = [rows[name] for name in network]
    begun = rows["macs_step"].groupby(keys, sort=False).shift(1).fillna(rows["macs_dense"])
    by_network = begun.groupby(keys, sort=False)
    return rows["train_macs"] * by_network.cumsum() / by_network.transform("sum")
