"""The table `joint`: pruning of units, of layers, and of both, at an equal bound on the validation error."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from robustprune.analysis.captions import AT_STANDARD, NOT_OK, SIZES, brackets, caption
from robustprune.analysis.columns import Each, Interval, Number, Text, strong
from robustprune.analysis.labels import network_title
from robustprune.analysis.layers.sections import CO_ADAPTATION, counted, with_sections
from robustprune.analysis.read import settings_of
from robustprune.analysis.select import standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, mean_interval, size_interval
from robustprune.study.roles import UNPRUNED

BOUND = 0.2
"""Points of validation error above unpruned networks of the same starting depth."""
GATED = {"hidden": "units", "full": "units, inputs", "layers": "layers", "joint": "units, inputs, layers"}
"""Track -> what is gated there."""
PLACE = ["dataset", "architecture", "depth"]
BY = [*PLACE, "track", "method", "strength"]
COLUMNS = [
    *(*BY, "nu", "r", "bound", "error_valid", "within", "chosen", *interval_columns("params")),
    *(*interval_columns("macs"), "kept", "kept_mean", "inner_width", *interval_columns("error")),
    *("latency_ms", *interval_columns("train_macs_percent"), "n", "not_ok"),
]
SHOWN = [
    Each("gated", lambda row: strong(GATED[row["track"]]) if row["chosen"] else GATED[row["track"]]),
    *(Text("method"), Text("strength"), Number("r", "r", "g"), Interval("params", "params", ",.0f")),
    *(Interval("macs", "MACs", ",.0f"), Text("kept", "sections kept (networks)")),
    *(Number("inner_width", "units in a section", ".1f"), Number("latency_ms", "one image (ms)", ".3f")),
    *(Interval("train_macs_percent", "training MACs (% of dense)", ".1f"), Interval("error", "test error (%)", ".2f")),
    *(Number("error_valid", "validation error (%)", ".2f"), Number("bound", "bound (%)", ".2f")),
    *(
        Each("within", lambda row: {True: "yes", False: "no"}.get(row["within"], "-")),
        Text("n"),
        Text("not_ok", "not ok"),
    ),
]


def joint_rows(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return a row per strength of every method that prunes networks with sections, at the standard start.

    runs: networks with a depth. Only starting depths at which units and sections were pruned together have rows.
    chosen: of those whose mean validation error is within the bound, and whose networks are all ok, the fewest mean
    MACs of a method and track.
    """
    runs = with_sections(standard(runs))
    runs = runs[(runs["depth"] > 0) & runs["start_of"].isna() & (runs["variant"] == "")]
    together = runs.loc[runs["track"] == "joint", PLACE].drop_duplicates().apply(tuple, axis=1)
    rows = [row for key, own in runs.groupby(PLACE, sort=True) if key in set(together) for row in _of(own, confidence)]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"chosen": bool})
    fitting = table[table["within"].eq(True)]
    table.loc[fitting.groupby([*PLACE, "track", "method"])["macs"].idxmin(), "chosen"] = True
    order = {track: place for place, track in enumerate(GATED)}
    return table.sort_values(
        [*PLACE, "method", "track", "macs"], key=lambda c: c.map(order) if c.name == "track" else c
    )


def _of(runs: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield the rows of one starting depth."""
    dense = runs[runs["method"] == UNPRUNED].drop_duplicates("replicate")
    bound = dense["error_valid_percent"].astype(float).mean() + BOUND
    for key, own in runs[runs["method"] != UNPRUNED].groupby(BY, sort=False):
        valid = own["error_valid_percent"].astype(float).mean()
        known, settings = own[own["kept"].notna()], settings_of(own.head(1)).iloc[0]
        ok = bool((own["status"] == "ok").all())
        share = 100 * known["train_macs"].astype(float) / known["train_macs_dense"].astype(float)
        yield {
            **dict(zip(BY, key, strict=True)),
            **{"nu": settings.get("nu"), "r": settings.get("r") if settings.get("cost") == "complexity" else None},
            **{"bound": bound, "error_valid": valid, "chosen": False},
            "within": None if np.isnan(bound - valid) else bool(ok and valid <= bound),
            **size_interval(known["params_kept"].astype(float), confidence).columns("params"),
            **size_interval(known["macs_kept"].astype(float), confidence).columns("macs"),
            **{"kept": counted(known["kept"]), "kept_mean": known["kept"].mean()},
            "inner_width": known["inner_width"].mean(),
            **mean_interval(known["error_test_percent"].astype(float), confidence).columns("error"),
            "latency_ms": known["inference_ms_kept_batch1"].astype(float).median(),
            **size_interval(share, confidence).columns("train_macs_percent"),
            **{"n": len(known), "not_ok": int((own["status"] != "ok").sum())},
        }


def heading(dataset: str, architecture: str, depth: int) -> str:
    """Return the heading of one starting depth."""
    return f"{network_title(dataset, architecture)}, starting depth {depth}"


def joint(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return the rows as a sheet."""
    table = joint_rows(runs, confidence)
    validated = bool(table["bound"].notna().any())
    text = caption(
        "Networks whose units, whose layers (sections), or both were pruned. Bold: the chosen strength of a method on "
        "a track, that with the fewest MACs whose mean validation error is at most that of unpruned networks of the "
        f"same starting depth + {BOUND:g} points. No strength between those that ran is tried. r: price of sequence. "
        "One image: median latency at batch 1 of the kept network, one CPU thread.",
        CO_ADAPTATION,
        brackets(confidence, SIZES),
        AT_STANDARD,
        NOT_OK,
        "n: networks with numbers.",
        "" if len(table) else "No network of the standard start was pruned on track joint in these tables.",
        "No validation errors in these tables, so nothing is chosen: train with training.images: tuning."
        if len(table) and not validated
        else "",
    )
    return Sheet.of(table, SHOWN, "Units, layers, or both?", text, by=PLACE, heading=heading)
