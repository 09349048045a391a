"""What histories say about single moments of training: undetermined gates at an epoch, and when units left."""

import math

import numpy as np
import pandas as pd

from robustprune.analysis.read import CELL, WITHOUT_NUMBERS, of_networks, slots, used
from robustprune.records.record import split_units

GONE = 0.9
"""The share of the units that a slot loses which have to be gone when its removal counts as done."""
ROUNDED = ("noise_free_last", "fine_tune")
"""Settings with the last fraction of training in which gates are no longer drawn."""


def before_the_rate_falls(own: pd.DataFrame) -> int:
    """Return the last epoch before the learning rate falls, of networks of one method at equal epochs."""
    training = used(own)[0][0]
    return round(training.decay_at * training.epochs)


def while_gates_are_drawn(own: pd.DataFrame) -> int:
    """Return the last epoch whose record precedes the rounding or fixing of gates, of networks of one method at equal
    epochs. Where these are rounded at the end of an epoch, the record of that epoch has them rounded already; without
    such a part it is the last epoch."""
    training, settings = used(own)[0]
    fixed = max(getattr(settings, name, 0) for name in ROUNDED)
    return math.ceil((1 - fixed) * training.epochs - 1e-9) - 1 if fixed else training.epochs


def undetermined_at(epoch: int, own: pd.DataFrame, history: pd.DataFrame) -> pd.Series:
    """Return the undetermined share of the gates left in each network after this epoch, indexed as `own`.

    NaN for networks without gates or without that epoch, and for those that diverged or failed.
    """
    then = of_networks(history[history["epoch"] == epoch], _numbered(own))
    gated = [name for name in then if name.startswith("undetermined_")]
    units = then[[name.replace("undetermined_", "units_") for name in gated]].to_numpy(float)
    of_gated = pd.DataFrame(units, then.index).where(then[gated].notna().to_numpy())  # other slots have no gates
    share = then[gated].sum(axis=1) / of_gated.sum(axis=1)
    return share.set_axis(then["network"]).reindex(range(len(own))).set_axis(own.index)


def removal_times(own: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return slot -> the share of training after which GONE of the units that the slot loses have left, per network.

    own: networks of one architecture. The share is of the epochs trained. The frame is indexed as `own`; NaN where a
    slot loses nothing, for networks without a history, and for those that diverged or failed.
    """
    names = slots(own["architecture"].iloc[0])
    starts = np.array([split_units(text) for text in own["units_start"]], float)
    rows = of_networks(history, _numbered(own)).sort_values("epoch")
    networks = rows.groupby("network")
    epochs = networks["epoch"].max()
    found = {}
    for slot, start in zip(names, starts.T, strict=True):
        begun, left = start[rows["network"]], rows[f"units_{slot}"]
        last = networks[f"units_{slot}"].transform("last")
        done = rows["epoch"].where((begun - left >= GONE * (begun - last)) & (begun > last))
        found[slot] = done.groupby(rows["network"]).min() / epochs
    return pd.DataFrame(found).reindex(range(len(own))).set_axis(own.index)


def _numbered(own: pd.DataFrame) -> pd.DataFrame:
    """Return what identifies networks with numbers, with the column `network`: their row in `own`, counted from 0."""
    return own[[*CELL, "replicate"]].assign(network=range(len(own)))[~own["status"].isin(WITHOUT_NUMBERS)]
