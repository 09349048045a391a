"""The certified sets of docs/theory.md 6 beside the units that the removal rule takes from real networks."""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from robustprune.analysis.captions import caption
from robustprune.analysis.columns import Number, Span, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.probes.rows import NONE, READ
from robustprune.analysis.read import CELL, NETWORK, settings_of
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.theory.certified import UnitBound
from robustprune.study.training_settings import MOMENTUM

VACUOUS = 1e-3
"""Where the set A allows no theta above this it says nothing about a gate in training."""
DRIFT = 3e-3
UNIT = ["replicate", "slot", "unit"]
COLUMNS = [
    *(*CELL, "slot", "units", "l2", "price", "kappa", "kappa_max", "theta_bound", "vacuous"),
    *("ratio_median", "ratio_low", "ratio_high", "ratio_max_median", "below_percent", "inside_percent"),
    *("end_percent", "end_max_percent", "epochs_later", "gate_rate", "extended_percent", "n"),
]
SHOWN = [
    *(Text("strength"), Text("slot"), Number("units", "units removed", ",.0f"), Number("kappa", "κ", ".2f")),
    *(Number("theta_bound", "λ/κ", ".1e"), Text("vacuous"), Number("ratio_median", "κ S / c, median", ".2f")),
    *(Span("ratio_low", "ratio_high", "10 to 90 %", ".2f"), Number("ratio_max_median", "with largest κ", ".1f")),
    *(Number("below_percent", "S below c/κ (%)", ".0f"), Number("inside_percent", "in A (%)", ".0f")),
    *(Number("end_percent", "in A at the end (%)", ".0f"), Number("end_max_percent", "with largest κ (%)", ".0f")),
    *(Number("epochs_later", "epochs until A", ".0f"), Number("extended_percent", "in its extension (%)", ".0f")),
    Text("n"),
]


def certified(runs: pd.DataFrame, confidence: float, bounds: pd.DataFrame | None = None) -> Sheet:
    """Return a row per probed cell and slot: sizes of units when the removal rule first asks for them, and the bounds.

    bounds: the table of the probe.
    """
    rows = []
    trained = training_of(runs)
    for cell, own in measured(bounds, ("replicate", "slot", "unit", "epoch", "met"), runs).groupby(CELL, sort=False):
        rows += [dict(zip(CELL, cell, strict=True)) | row for row in _rows(own, *trained[cell])]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Units of slots between two linear layers, at the end of the epoch in which the removal rule first asks for "
        "them, beside the set A = {θ ≤ λ/κ, S < c/κ} of docs/theory.md 6.",
        READ,
        "S = (|w|² + |v|²)/2 of incoming weights with the bias and outgoing weights. κ = G X: the norm of the loss's "
        "gradient at the units that read the slot times that of the slot's inputs, mean over 1,000 images with gates "
        "drawn; with largest κ: the largest product instead of the mean. Vacuous: A allows no θ above "
        f"{VACUOUS:g}. At the end: of networks that were read in every epoch (the first of a cell), which removed "
        "nothing, the share of these units in the last epoch, and the median of the epochs from removal to A, of units "
        "that reach it. The extension needs the gate rate, drift / (c times learning rate); momentum {MOMENTUM:g} "
        f"raises the learning rate by 1 / (1 - {MOMENTUM:g}). - for Adam, about which the theory says nothing.",
        "" if len(table) else NONE,
    )
    return Sheet.of(table, SHOWN, "Certified sets beside real removals", text, by=NETWORK)


def training_of(runs: pd.DataFrame) -> dict[tuple, tuple[dict, float]]:
    """Return cell -> its training settings, and the drift of its gates."""
    firsts = runs.assign(settings=settings_of(runs)).drop_duplicates(CELL).set_index(CELL)
    found = zip(firsts.index, firsts["training"], firsts["settings"], strict=True)
    return {cell: (json.loads(training), settings.get("drift", DRIFT)) for cell, training, settings in found}


def gate_rate(training: dict, drift: float, price: float) -> float:
    """Return the velocity of a gate over that of the weights: drift / (price times the learning rate), which momentum
    raises by 1 / (1 - momentum). NaN for Adam, about which the theory says nothing."""
    if training["optimizer"] != "sgd":
        return np.nan
    return drift * (1 - MOMENTUM) / (price * training["learning_rate"])


def _rows(own: pd.DataFrame, training: dict, drift: float) -> Iterator[dict]:
    """Yield a row per slot of one cell."""
    met = own[own["met"]].sort_values("epoch").drop_duplicates(UNIT)
    for slot in own["slot"].unique():
        units = met[met["slot"] == slot]
        if len(units):
            yield {"slot": slot, **_row(units, training, drift), **_afterwards(own, units, training)}


def _size(units: pd.DataFrame) -> pd.Series:
    """Return S, half the squared norms of incoming and outgoing weights."""
    return (units["size_in"] + units["size_out"]) / 2


def _ratio(units: pd.DataFrame, kappa: str = "kappa") -> pd.Series:
    """Return kappa S / c of units, which A asks to be below 1."""
    return units[kappa] * _size(units) / units["price"]


def _inside(units: pd.DataFrame, decay: float, kappa: str = "kappa") -> pd.Series:
    """Return which units lie in A."""
    return (_ratio(units, kappa) < 1) & (units["theta"] <= decay / units[kappa])


def _afterwards(own: pd.DataFrame, units: pd.DataFrame, training: dict) -> dict:
    """Return where units lie in the last epoch, as far as their networks were read to the end, and when they came."""
    decay = training["l2"]
    whole = own.groupby("replicate")["epoch"].transform("nunique") == training["epochs"]
    later = own[whole].merge(units[UNIT].assign(asked=units["epoch"]), on=UNIT)
    later = later[later["epoch"] >= later["asked"]]
    last = later[later["epoch"] == training["epochs"]]
    if last.empty:
        return {"end_percent": np.nan, "end_max_percent": np.nan, "epochs_later": np.nan}
    reached = later[_inside(later, decay)].sort_values("epoch").drop_duplicates(UNIT)
    return {
        "end_percent": 100 * _inside(last, decay).mean(),
        "end_max_percent": 100 * _inside(last, decay, "kappa_max").mean(),
        "epochs_later": (reached["epoch"] - reached["asked"]).median(),
    }


def _row(units: pd.DataFrame, training: dict, drift: float) -> dict:
    """Return how the removed units of one slot lie to the bounds."""
    decay, price = training["l2"], units["price"].mean()
    ratio = _ratio(units)
    theta_bound = decay / units["kappa"]
    low, median, high = np.quantile(ratio, [0.1, 0.5, 0.9])
    row = {
        **{"units": len(units), "l2": decay, "price": price, "n": units["replicate"].nunique()},
        **{"kappa": units["kappa"].mean(), "kappa_max": units["kappa_max"].mean(), "theta_bound": theta_bound.mean()},
        **{"vacuous": "yes" if theta_bound.mean() < VACUOUS else "no"},
        **{"ratio_median": median, "ratio_low": low, "ratio_high": high},
        **{"ratio_max_median": _ratio(units, "kappa_max").median()},
        **{"below_percent": 100 * (ratio < 1).mean()},
        **{"inside_percent": 100 * _inside(units, decay).mean()},
        **{"gate_rate": gate_rate(training, drift, price), "extended_percent": np.nan},
    }
    if np.isfinite(row["gate_rate"]):
        inside = [
            bool(UnitBound(kappa, decay, c, row["gate_rate"]).extension(theta, s))
            for kappa, c, theta, s in zip(units["kappa"], units["price"], units["theta"], _size(units), strict=True)
        ]
        row["extended_percent"] = 100 * np.mean(inside)
    return row
