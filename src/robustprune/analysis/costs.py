"""Cost of training and inference against the dense network of the same start."""

import numpy as np
import pandas as pd

from robustprune.analysis.captions import SIZES, N, brackets, caption
from robustprune.analysis.columns import WIDTH, Interval, Number, Text
from robustprune.analysis.read import MACHINE, NETWORK
from robustprune.analysis.select import FROM_STANDARD, of_standard_initialization, without
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import interval_columns, size_interval
from robustprune.study.roles import UNPRUNED

BY = [*NETWORK, "method", "strength", "width"]
TRAINING_COLUMNS = [
    *(*BY, "epochs", *interval_columns("macs_percent"), "train_seconds", "dense_seconds", "seconds_percent", "n"),
]
TRAINING_SHOWN = [
    *(Text("method"), Text("strength"), WIDTH, Text("epochs"), Interval("macs_percent", "MACs (% of dense)", ".1f")),
    *(Number("train_seconds", "s/network", ".1f"), Number("dense_seconds", "dense s/network", ".1f")),
    *(Number("seconds_percent", "time (% of dense)", ".0f"), Text("n")),
]
BATCHES = {256: "", 1: "_batch1"}
"""Suffix of a batch size's columns."""
MEASURED = {"dense_ms": ("dense", ".3f"), "kept_ms": ("kept", ".3f"), "speedup": ("speed-up", ".1f")}
INFERENCE_COLUMNS = [*BY, "macs_ratio", *(f"{name}_{batch}" for batch in BATCHES for name in MEASURED), "n"]
INFERENCE_SHOWN = [
    *(Text("method"), Text("strength"), WIDTH, Number("macs_ratio", "MACs, dense/kept", ".1f")),
    *(
        Number(f"{name}_{batch}", f"B={batch}: {title}", form)
        for batch in BATCHES
        for name, (title, form) in MEASURED.items()
    ),
    Text("n"),
]


def training_cost(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return multiply-accumulates and seconds of training, as a share of dense training from the same start.

    dense_seconds: mean over the networks of method dense with the same epochs and start, on the same device and number
    of threads, if any.
    """
    everything, runs = runs, _by_cell(runs)
    runs = runs.assign(**{name: runs[name].astype(object).fillna("unknown") for name in MACHINE})
    dense = runs[(runs["method"] == UNPRUNED) & (runs["variant"] == "")]
    seconds = dense.groupby([*NETWORK, "width", "epochs", *MACHINE])["train_seconds"].mean()
    rows = []
    measured = ["train_macs", "train_macs_dense", "train_seconds"]
    for key, group in runs[[*BY, "epochs", *MACHINE, *measured]].groupby([*BY, "epochs"], sort=False):
        row = dict(zip([*BY, "epochs"], key, strict=True))
        share = size_interval(100 * group["train_macs"] / group["train_macs_dense"], confidence)
        row |= share.columns("macs_percent")
        row["train_seconds"] = group["train_seconds"].mean()
        machines = group[MACHINE].drop_duplicates().itertuples(index=False, name=None)
        found = [seconds.get((*key[:3], row["width"], row["epochs"], *machine), np.nan) for machine in machines]
        row["dense_seconds"] = found[0] if len(found) == 1 else np.nan
        row["seconds_percent"] = 100 * row["train_seconds"] / row["dense_seconds"]
        rows.append({**row, "n": share.n})
    table = pd.DataFrame(rows, columns=TRAINING_COLUMNS)
    text = caption(
        "Training multiply-accumulates (docs/protocol.md, A4.8; counted as units go) and seconds per network "
        "against dense training for the same epochs from the same start.",
        brackets(confidence, SIZES),
        "Seconds are those of a cell divided by its replicates (on a CPU, its thread's own), on a machine that trains "
        f"other cells beside it; a dash: no dense run of that start on the same device. Start: {FROM_STANDARD}.",
        N,
        without(everything, table, FROM_STANDARD),
    )
    return Sheet.of(table, TRAINING_SHOWN, "Training cost saved", text)


def inference_cost(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Return measured latencies of the kept network and the starting network, at batch 256 and batch 1."""
    own = _by_cell(runs)
    values = own[BY].assign(macs_ratio=own["macs_dense"] / own["macs_kept"])
    for batch, suffix in BATCHES.items():
        dense, kept = (own[f"inference_ms_{side}{suffix}"].astype(float) for side in ("dense", "kept"))
        measured = {f"dense_ms_{batch}": dense, f"kept_ms_{batch}": kept, f"speedup_{batch}": dense / kept}
        values = values.assign(**measured)
    cells = values.groupby(BY, sort=False)
    n = own["inference_ms_kept"].notna().groupby([own[name] for name in BY], sort=False).sum()
    table = cells.median().assign(n=n).reset_index()[INFERENCE_COLUMNS]
    text = caption(
        "Milliseconds of one pass over B images: the median over plain exported networks, one CPU thread; of each the "
        "median of 15 calls after 3 warm-up calls at batch 256, of 100 after 20 at batch 1. Speed-up: dense over kept. "
        f"MACs: the theoretical speed-up. At batch 1 fixed costs per layer dominate. Start: {FROM_STANDARD}.",
        "n: networks whose latency is known.",
        without(runs, table, FROM_STANDARD),
    )
    return Sheet.of(table, INFERENCE_SHOWN, "Inference latency", text)


def _by_cell(runs: pd.DataFrame) -> pd.DataFrame:
    return of_standard_initialization(runs).sort_values([*BY], kind="stable")
