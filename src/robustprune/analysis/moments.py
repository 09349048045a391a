"""What histories say about single moments of training: undetermined gates at an epoch, and when units left."""

import math

import numpy as np
import pandas as pd

from robustprune.analysis.labels import is_keep_probability
from robustprune.analysis.read import CELL, WITHOUT_NUMBERS, of_networks, slots, used
from robustprune.records.record import split_units

GONE = 0.9
"""The share of the units that a slot loses which have to be gone when its removal counts as done."""
COLLAPSED = "collapsed"
"""The status of networks that lost a slot: the few gates that are left say nothing about the method's gates."""
INSIDE = "undetermined_"
"""A history has the undetermined gates of a slot in the column with this before its name."""
ROUNDED = ("noise_free_last", "fine_tune")
"""Settings with the last fraction of training in which gates are no longer drawn."""


def before_the_rate_falls(own: pd.DataFrame) -> int:
    """Return the last epoch before the learning rate falls, of networks of one method at equal epochs."""
    training = used(own)[0][0]
    return math.ceil(training.decay_at * training.epochs - 1e-9)  # the rate is set where an epoch begins


def while_gates_are_drawn(own: pd.DataFrame) -> int:
    """Return the last epoch whose record precedes the rounding or fixing of gates, of networks of one method at equal
    epochs. Where these are rounded at the end of an epoch, the record of that epoch has them rounded already; without
    such a part it is the last epoch."""
    training, settings = used(own)[0]
    fixed = max(getattr(settings, name, 0) for name in ROUNDED)
    return math.ceil((1 - fixed) * training.epochs - 1e-9) - 1 if fixed else training.epochs


def last_drawn(own: pd.DataFrame, history: pd.DataFrame) -> int:
    """Return the last epoch with drawn gates, of networks of one cell.

    Where MACs are the budget, histories do not say when the schedule rounds or fixes gates. After rounding no gate is
    undetermined, so it is the last epoch in which one is; gates that are fixed stay what they were.
    """
    if own["budget"].iloc[0] == "epochs":
        return while_gates_are_drawn(own)
    rows = of_networks(history, _numbered(own))
    inside = rows[[name for name in rows if name.startswith(INSIDE)]].sum(axis=1) > 0
    return int(rows["epoch"][inside].max() if inside.any() else own["epochs"].max())


def with_keep_probabilities(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the networks of methods with keep probabilities whose gates say something: none that collapsed, diverged
    or failed."""
    gated = runs["method"].map(is_keep_probability).astype(bool)
    return runs[gated & ~runs["status"].isin([*WITHOUT_NUMBERS, COLLAPSED])]


def undetermined_at(epoch: int, own: pd.DataFrame, history: pd.DataFrame) -> pd.Series:
    """Return the undetermined share of the gates left in each network after this epoch, indexed as `own`.

    NaN for networks without gates or without that epoch, and for those that diverged or failed.
    """
    inside, units = _gates_at(epoch, own, history)
    return inside.sum(axis=1, min_count=1) / units.sum(axis=1)


def undetermined_by_slot(epoch: int, own: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return slot -> the same share of its gates, for the slots that have gates in a network of `own`."""
    inside, units = _gates_at(epoch, own, history)
    return (inside / units).dropna(axis=1, how="all")


def _gates_at(epoch: int, own: pd.DataFrame, history: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return slot -> undetermined gates and slot -> gates left after this epoch, indexed as `own`.

    NaN without gates.
    """
    then = of_networks(history[history["epoch"] == epoch], _numbered(own)).set_index("network")
    names = [name.removeprefix(INSIDE) for name in then if name.startswith(INSIDE)]
    inside = then[[INSIDE + name for name in names]].astype(float).set_axis(names, axis=1)
    units = then[[f"units_{name}" for name in names]].astype(float).set_axis(names, axis=1).where(inside.notna())
    inside, units = (table.reindex(range(len(own))).set_axis(own.index) for table in (inside, units))
    return inside, units


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
