"""Gates that are neither open nor closed, slot by slot: before the learning rate falls, before rounding, at the end."""

import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, N, brackets, caption
from robustprune.analysis.columns import Interval, Text
from robustprune.analysis.labels import is_keep_probability
from robustprune.analysis.moments import (
    COLLAPSED,
    before_the_rate_falls,
    undetermined_by_slot,
    while_gates_are_drawn,
)
from robustprune.analysis.read import SERIES, WITHOUT_NUMBERS
from robustprune.analysis.select import standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval

MOMENTS = {"before": "before the rate falls (%)", "drawn": "last epoch with drawn gates (%)", "end": "at the end (%)"}
"""Column of shares -> its title."""
COLUMNS = [*SERIES, "slot", *(column for name in MOMENTS for column in interval_columns(name)), "n"]
SHOWN = [
    *(Text("method"), Text("strength"), Text("slot")),
    *(Interval(name, title, ".0f") for name, title in MOMENTS.items()),
    Text("n"),
]


def undetermined(runs: pd.DataFrame, confidence: float, history: pd.DataFrame | None = None) -> Sheet:
    """Return a row per method, strength and slot, of networks from the standard start. history: that of the epochs."""
    own = studied(standard(runs), variants=True)
    own = own[own["method"].map(is_keep_probability) & ~own["status"].isin([*WITHOUT_NUMBERS, COLLAPSED])]
    rows = []
    for key, networks in own.groupby(SERIES, sort=False) if history is not None else ():
        fall, drawn, end = before_the_rate_falls(networks), while_gates_are_drawn(networks), networks["epochs"].max()
        epochs = {"before": min(fall, drawn), "drawn": drawn, "end": end}
        shares = {name: 100 * undetermined_by_slot(epoch, networks, history) for name, epoch in epochs.items()}
        for slot in shares["end"]:
            row = dict(zip(SERIES, key, strict=True)) | {"slot": slot, "n": len(networks)}
            for name, share in shares.items():
                row |= mean_interval(share[slot].dropna().tolist(), confidence).columns(name)
            rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Share of the keep probabilities inside (0.05, 0.95), of the gates that are left in each slot.",
        AT_STANDARD,
        "Networks that collapsed are left out. Where gates are rounded or fixed before the end, the last epoch with "
        "drawn gates is the one before; l0_hc has gates that are no keep probabilities and no row.",
        brackets(confidence),
        N if len(table) else "There are no epochs of methods with keep probabilities in these tables.",
    )
    return Sheet.of(table, SHOWN, "Undetermined gates by slot", text)
