"""The table `depth_kept`: how many sections are left, by starting depth, initialization and price."""

from collections import Counter

import numpy as np
import pandas as pd

from robustprune.analysis.captions import ERROR, NOT_OK, SIZES, brackets, caption
from robustprune.analysis.columns import WIDTH, Interval, Number, Text
from robustprune.analysis.layers.sections import (
    CO_ADAPTATION,
    counted,
    finds_its_depth,
    positions,
    uniform_price,
    with_sections,
)
from robustprune.analysis.read import NETWORK
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval

BY = [*NETWORK, "method", "strength", "initialization", "width", "depth"]
COLUMNS = [
    *(
        *BY,
        "price",
        "sections_start",
        "kept",
        "kept_min",
        "kept_median",
        "kept_max",
        "left",
        "dead",
        "without_sections",
    ),
    *(*interval_columns("params"), *interval_columns("error"), "error_valid", "n", "not_ok"),
]
SHOWN = [
    *(Text("method"), Text("strength"), Number("price", "price", "g"), Text("initialization"), WIDTH),
    *(
        Text("depth", "starting depth"),
        Text("kept", "sections kept (networks)"),
        Text("left", "sections left (networks)"),
    ),
    *(Text("dead", "closed as dead"), Text("without_sections", "networks without sections")),
    *(
        Interval("params", "params", ",.0f"),
        Interval("error", "test error (%)", ".2f"),
        Number("error_valid", "validation error (%)", ".2f"),
        Text("n"),
        Text("not_ok", "not ok"),
    ),
]
NONE = "There are no networks whose sections are gated in these tables (tracks layers and joint)."


def depth_rows(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return a row per start of every method that finds its depth; `runs` are networks with a depth."""
    rows = []
    for key, own in with_sections(runs).groupby(BY, sort=False):
        if finds_its_depth(own) and own["depth"].iloc[0] > 0:
            rows.append(dict(zip(BY, key, strict=True)) | _row(own, confidence))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(own: pd.DataFrame, confidence: float) -> dict:
    known = own[own["kept"].notna()]
    left = Counter(name for names in known["open"] for name in names)
    return {
        "price": uniform_price(own),
        "sections_start": own["sections_start"].iloc[0],
        "kept": counted(known["kept"]),
        **{f"kept_{name}": getattr(known["kept"], name)() for name in ("min", "median", "max")},
        "left": ", ".join(f"{name} ({left[name]})" for name in positions(own) if left[name]) or "-",
        "dead": int(known["dead"].sum()),
        "without_sections": int((known["kept"] == 0).sum()),
        **size_interval(known["params_kept"].to_numpy(float), confidence).columns("params"),
        **mean_interval(known["error_test_percent"].to_numpy(float), confidence).columns("error"),
        "error_valid": known["error_valid_percent"].astype(float).mean(),
        "n": len(known),
        "not_ok": int((own["status"] != "ok").sum()),
    }


def depth_kept(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the rows as a sheet."""
    table = depth_rows(runs, confidence)
    text = caption(
        "Sections that are left after training, as counts: the number of sections, and in brackets how many networks "
        "keep that many; then which sections these are, the lowest first, and in how many networks. A starting depth "
        "counts per stream. Closed as dead: sections of all networks that the gate left open and that had no unit "
        "inside any more.",
        CO_ADAPTATION,
        brackets(confidence, SIZES),
        ERROR,
        NOT_OK,
        "n: networks with numbers.",
        "" if len(table) else NONE,
    )
    return Sheet.of(table.replace({"price": {None: np.nan}}), SHOWN, "Which depth is kept?", text)
