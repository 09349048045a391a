"""Gates that are neither open nor closed, slot by slot: before the learning rate falls, before rounding, at the end."""

import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, N, brackets, caption
from robustprune.analysis.columns import Interval, Text
from robustprune.analysis.labels import is_keep_probability
from robustprune.analysis.moments import (
    before_the_rate_falls,
    last_drawn,
    undetermined_by_slot,
    with_keep_probabilities,
)
from robustprune.analysis.read import SERIES
from robustprune.analysis.select import standard, studied
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, percent_interval

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
    gated = own[own["method"].map(is_keep_probability).astype(bool)]
    own = with_keep_probabilities(own).assign(budget=lambda known: known["budget"].fillna("epochs"))
    not_ok = len(gated) - len(own)
    rows = []
    for key, networks in own.groupby(SERIES, sort=False) if history is not None else ():
        epochs = {"end": int(networks["epochs"].max()), "drawn": last_drawn(networks, history)}
        if networks["budget"].iloc[0] == "epochs":  # else the schedule follows the arithmetic that was spent
            epochs["before"] = min(before_the_rate_falls(networks), epochs["drawn"])
        shares = {name: 100 * undetermined_by_slot(epoch, networks, history) for name, epoch in epochs.items()}
        for slot in shares["end"]:
            row = dict(zip(SERIES, key, strict=True)) | {"slot": slot, "n": len(networks)}
            for name in MOMENTS:
                known = shares[name][slot] if slot in shares.get(name, ()) else []
                row |= percent_interval(known, confidence).columns(name)
            rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Share of the keep probabilities inside (0.05, 0.95), of the gates that are left in each slot.",
        AT_STANDARD,
        f"Networks that collapsed, diverged or failed are left out ({not_ok}). Where gates are rounded or fixed before "
        "the end, the last epoch with drawn gates is the one before; where MACs are the budget it is the last epoch in "
        "which a gate is undetermined, and the fall of the rate is not known. l0_hc "
        "has gates that are no keep probabilities, and no row.",
        brackets(confidence),
        N if len(table) else "There are no epochs of methods with keep probabilities in these tables.",
    )
    return Sheet.of(table, SHOWN, "Undetermined gates by slot", text)
