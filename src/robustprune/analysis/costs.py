"""What pruning during training saves: training and inference cost against the dense network of the same start."""

import numpy as np
import pandas as pd

from robustprune.analysis.sheet import Sheet, by_network, number, with_interval
from robustprune.analysis.source import NETWORK, STANDARD_INITIALIZATION
from robustprune.analysis.statistics import mean_interval

BY = [*NETWORK, "method", "strength", "width"]


def training_cost(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Multiply-accumulates and seconds of training as a share of dense training from the same start.

    dense_seconds: mean over the networks trained by method dense for the same epochs from the same start, if any.
    """
    runs = _standard(runs)
    seconds = runs[runs["method"] == "dense"].groupby([*NETWORK, "width", "epochs"])["train_seconds"].mean()
    rows = []
    for key, group in runs.groupby([*BY, "epochs"], sort=False):
        row = dict(zip([*BY, "epochs"], key, strict=True))
        share = mean_interval(100 * group["train_macs"] / group["train_macs_dense"], confidence)
        row |= share.columns("macs_percent")
        row["train_seconds"] = group["train_seconds"].mean()
        row["dense_seconds"] = seconds.get((*key[:3], row["width"], row["epochs"]), np.nan)
        row["seconds_percent"] = 100 * row["train_seconds"] / row["dense_seconds"]
        rows.append({**row, "n": share.n})
    columns = [*BY, "epochs", "macs_percent", "macs_percent_low", "macs_percent_high"]
    columns += ["train_seconds", "dense_seconds", "seconds_percent", "n"]
    table = pd.DataFrame(rows, columns=columns)
    caption = (
        "Training multiply-accumulates (three forward passes per step, counted as units go) and seconds per "
        "network against dense training for the same epochs from the same start; brackets: Student's t interval at "
        f"level {confidence:.0%} over n networks. Seconds are those of a cell divided by its replicates (on a CPU, its "
        "thread's own), on a machine that trains other cells beside it; a dash: no dense run of that start. "
        "Initialization He normal."
    )
    return Sheet(table, "Training cost saved", by_network(table, _readable_training), caption)


def inference_cost(runs: pd.DataFrame, confidence: float) -> Sheet:
    """Measured latency of the exported kept network against the starting network, at batch 256 and batch 1."""
    rows = []
    for key, group in _standard(runs).groupby(BY, sort=False):
        row = dict(zip(BY, key, strict=True))
        row["macs_ratio"] = (group["macs_dense"] / group["macs_kept"]).median()
        for batch, suffix in ((256, ""), (1, "_batch1")):
            dense, kept = (group[f"inference_ms_{side}{suffix}"] for side in ("dense", "kept"))
            row |= {f"dense_ms_{batch}": dense.median(), f"kept_ms_{batch}": kept.median()}
            row[f"speedup_{batch}"] = (dense / kept).median()
        rows.append({**row, "n": int(group["inference_ms_kept"].notna().sum())})
    columns = [*BY, "macs_ratio"]
    columns += [f"{name}_{batch}" for batch in (256, 1) for name in ("dense_ms", "kept_ms", "speedup")]
    table = pd.DataFrame(rows, columns=[*columns, "n"])
    caption = (
        "Milliseconds of one pass over B images: the median over n plain exported networks, one CPU thread; of each "
        "the median of 15 calls after 3 warm-up calls at batch 256, of 100 after 20 at batch 1. Speed-up: dense over "
        "kept. MACs: the theoretical speed-up. At batch 1 fixed costs per layer dominate. Initialization He normal."
    )
    return Sheet(table, "Inference latency", by_network(table, _readable_inference), caption)


def _standard(runs: pd.DataFrame) -> pd.DataFrame:
    chosen = runs[runs["initialization"] == STANDARD_INITIALIZATION]
    return (chosen if len(chosen) else runs).sort_values([*BY], kind="stable")


def _start(table: pd.DataFrame) -> pd.DataFrame:
    return table[["method", "strength"]].assign(**{"starting width": [f"{width:g}" for width in table["width"]]})


def _readable_training(table: pd.DataFrame) -> pd.DataFrame:
    shown = _start(table)
    shown["epochs"] = table["epochs"]
    shown["MACs (% of dense)"] = [with_interval(row, "macs_percent", ".1f") for _, row in table.iterrows()]
    shown["s/network"] = [number(value, ".1f") for value in table["train_seconds"]]
    shown["dense s/network"] = [number(value, ".1f") for value in table["dense_seconds"]]
    shown["time (% of dense)"] = [number(value, ".0f") for value in table["seconds_percent"]]
    shown["n"] = table["n"]
    return shown


def _readable_inference(table: pd.DataFrame) -> pd.DataFrame:
    shown = _start(table)
    shown["MACs, dense/kept"] = [number(value, ".1f") for value in table["macs_ratio"]]
    for batch in (256, 1):
        for column, title in (("dense_ms", "dense"), ("kept_ms", "kept"), ("speedup", "speed-up")):
            form = ".1f" if column == "speedup" else ".3f"
            shown[f"B={batch}: {title}"] = [number(value, form) for value in table[f"{column}_{batch}"]]
    shown["n"] = table["n"]
    return shown
