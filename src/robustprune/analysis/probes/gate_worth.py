"""What open and closed gates are worth at the end of training, beside their price, and how often they changed sides."""

from collections.abc import Iterator

import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.probes.rows import NONE, READ, share
from robustprune.analysis.read import CELL, NETWORK
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval

WAYS = ("rounded", "noise")
SHARES = [f"{kind}_{way}" for kind in ("open_cheap", "open_clearly", "closed_worth", "closed_clearly") for way in WAYS]
COLUMNS = [
    *(*CELL, "slot", *interval_columns("crossings"), *interval_columns("undetermined")),
    *(name for share_ in SHARES for name in interval_columns(share_)),
    *("open", "closed", "n"),
]
SHOWN = [
    *(Text("strength"), Text("slot"), Interval("crossings", "crossings of 1/2 a gate", ".1f")),
    Interval("undetermined", "undetermined (%)", ".0f"),
    Interval("open_cheap_rounded", "open, worth less than c (%)", ".0f"),
    Interval("open_clearly_rounded", "clearly (%)", ".0f"),
    Interval("open_cheap_noise", "the same under noise (%)", ".0f"),
    Interval("open_clearly_noise", "clearly under noise (%)", ".0f"),
    Interval("closed_worth_rounded", "closed, worth more than c (%)", ".0f"),
    Interval("closed_clearly_rounded", "closed, clearly (%)", ".0f"),
    Interval("closed_worth_noise", "closed, under noise (%)", ".0f"),
    Interval("closed_clearly_noise", "closed, clearly under noise (%)", ".0f"),
    *(Number("open", "open gates measured", ",.0f"), Number("closed", "closed", ",.0f"), Text("n")),
]


def gate_worth(runs: pd.DataFrame, confidence: float, gate_values: pd.DataFrame | None = None) -> Sheet:
    """Return a row per probed cell and slot. gate_values: the table of the probe."""
    values = measured(gate_values, ("replicate", "slot", "unit", "theta"), runs)
    rows = []
    for cell, own in values.groupby(CELL, sort=False):
        rows += [dict(zip(CELL, cell, strict=True)) | row for row in _rows(own, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "The value of a gate is the rise of the mean cross-entropy when it closes, all others fixed: in the network "
        "with rounded gates, or under the method's own noise, the others drawn for every image.",
        READ,
        "Clearly: by two standard errors over the images. A sample of the gates of every slot and network, all gates "
        "for the crossings. Undetermined: keep probability inside (0.05, 0.95) at the end.",
        brackets(confidence),
        "" if len(table) else NONE,
    )
    return Sheet.of(table, SHOWN, "Worth of open and closed gates", text, by=NETWORK)


def _rows(own: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield a row per slot of one cell."""
    for slot, gates in own.groupby("slot", sort=False):
        replicates = gates["replicate"]
        row = {"slot": slot, "n": replicates.nunique()}
        row |= mean_interval(gates.groupby("replicate")["crossings"].mean(), confidence).columns("crossings")
        inside = (gates["theta"] > 0.05) & (gates["theta"] < 0.95)
        row |= share(inside, replicates, confidence).columns("undetermined")
        opened, known = gates["theta"] > 0.5, gates["value_rounded"].notna()
        row |= {"open": int((opened & known).sum()), "closed": int((~opened & known).sum())}
        for way in WAYS:
            excess, error = gates[f"value_{way}"] - gates["price"], 2 * gates[f"error_{way}"]
            for kind, side, flags in (
                ("open_cheap", opened, excess < 0),
                ("open_clearly", opened, excess < -error),
                ("closed_worth", ~opened, excess > 0),
                ("closed_clearly", ~opened, excess > error),
            ):
                row |= share(flags[side & known], replicates, confidence).columns(f"{kind}_{way}")
        yield row
