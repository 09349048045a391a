"""What estimators make of a kept unit whose gate is open, and of the same gate closed (docs/theory.md 8)."""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.probes.rows import share
from robustprune.analysis.read import CELL, NETWORK, settings_of
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns
from robustprune.analysis.unit_worth import price_of_unit

MEASURED = ["value", "slope_open", "slope_closed", "square_open", "square_closed"]
MEDIANS = {
    "exact": "DL / c",
    "trapezoid": "trapezoid / c",
    "fisher_open": "fisher, open / c",
    "fisher_closed": "fisher, closed / c",
    "turning": "fisher falls below θ =",
}
"""Column of medians -> its title."""
COLUMNS = [*CELL, "slot", "units", *MEDIANS, *interval_columns("closes"), *interval_columns("settles"), "n"]
SHOWN = [
    *(Text("strength"), Text("slot"), Number("units", "units", ",.0f")),
    *(Number(name, title, ".2f" if name == "turning" else "+,.1f") for name, title in MEDIANS.items()),
    Interval("closes", "fisher holds it closed (%)", ".0f"),
    *(Interval("settles", "fisher settles inside (%)", ".0f"), Text("n")),
]


def gate_ends(runs: pd.DataFrame, confidence: float, values: pd.DataFrame | None = None) -> Sheet:
    """Return a row per cell and slot. values: the worth and the slopes of every kept unit (unit_values.parquet)."""
    if values is not None and not set(MEASURED) <= set(values):
        values = None  # measured by an older version
    units = measured(values, ("slot", "unit", *MEASURED), runs)
    units = _in_prices(units, runs).dropna(subset="exact") if len(units) else units
    rows = []
    for cell, own in units.groupby(CELL, sort=False):
        for slot, gates in own.groupby("slot", sort=False):
            row = {"slot": slot, "units": len(gates), "n": gates["replicate"].nunique()}
            row |= {name: gates[name].median() for name in MEDIANS}
            known = gates.dropna(subset=["fisher_open", "fisher_closed"])
            opened, closed = known["fisher_open"] < -1, known["fisher_closed"] < -1
            row |= share(~closed, known["replicate"], confidence).columns("closes")
            row |= share(~opened & closed, known["replicate"], confidence).columns("settles")
            rows.append(dict(zip(CELL, cell, strict=True)) | row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Kept units of finished networks, one gate at a time, all others open; medians over units, as multiples of the "
        "price c. DL: the loss with the gate open minus that with it closed. Estimates are means over training images. "
        "Trapezoid: for any keep probability inside (0.05, 0.95). Fisher: with the gate open and with it closed; "
        "between them its mean is linear in the keep probability θ. A gate rises where its estimate is below -1. "
        "Fisher falls below: the θ under which the price wins, of units whose gate stays open when it is open and "
        "closed when it is closed. Fisher holds it closed: share of the units whose closed gate has an estimate above "
        "-1; settles inside: whose gate rises when it is closed and falls when it is open, so that it ends between.",
        brackets(confidence),
        "n: networks." if len(table) else "No unit was measured (unit_values: true in the configuration).",
    )
    return Sheet.of(table, SHOWN, "Estimates at both ends of a gate", text, by=NETWORK)


def _in_prices(units: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the units with the columns MEDIANS; NaN where a unit has no price."""
    networks = runs[[*CELL, "replicate"]].assign(settings=settings_of(runs))
    units = units.merge(networks, on=[*CELL, "replicate"])
    price = np.array([price_of_unit(*unit) for unit in zip(units["settings"], units["slot"], strict=True)], float)
    slopes = units["slope_open"], units["slope_closed"]
    opened = (slopes[0] - units["square_open"] / 2) / price
    closed = (slopes[1] + units["square_closed"] / 2) / price
    turning = ((closed + 1) / (closed - opened)).where((opened < -1) & (closed > -1))
    return units.assign(
        exact=-units["value"] / price,
        trapezoid=(slopes[0] + slopes[1]) / 2 / price,
        fisher_open=opened,
        fisher_closed=closed,
        turning=turning,
    )
