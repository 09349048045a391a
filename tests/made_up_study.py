"""A study whose numbers are easy to predict, as collected tables."""

import itertools

import pandas as pd

from robustprune.gathering.asked import asked_columns
from robustprune.records.record import COLUMNS
from robustprune.study.training_settings import TrainingSettings

AXES = ["dataset", "architecture", "track", "method", "strength", "initialization", "width", "budget"]


def made_up(methods=("bernoulli", "dense"), widths=(1.0, 2.0), initializations=("he_normal", "orthogonal")):
    """runs, details, history and gates of a study whose numbers are easy to predict."""
    runs, details, history, gates = [], [], [], []
    for method, width, init, replicate in itertools.product(methods, widths, initializations, range(3)):
        axes = dict(zip(AXES, ["mnist", "lenet_300_100", "full", method, "a", init, width, "epochs"], strict=True))
        params = 1000 * (1 if method == "bernoulli" else width) + replicate
        row = dict.fromkeys(COLUMNS) | axes | {"replicate": replicate, "seed": replicate, "status": "ok"}
        row |= {"units_start": "784-300-100", "units_kept": f"{100 + replicate}-50-20", "params_dense": 266610 * width}
        row |= {"params_kept": params, "error_test_percent": 1.5 + replicate / 10, "train_seconds": 2.0 * width}
        row |= {"epochs": 40, "train_macs": 10.0 + replicate, "train_macs_dense": 100.0 * width}
        row |= {
            "macs_dense": 2000,
            "macs_kept": 100,
            "inference_ms_dense": 3.0,
            "inference_ms_kept": 1.5 - replicate / 2,
        }
        runs.append(row)
        details.append({**axes, "replicate": replicate, "status": "ok", "reason": None, "units_raw": None})
        details[-1] |= {"gates_above_090_fraction": 0.9, "peak_memory_mib": 700.0}
        details[-1] |= {"inference_ms_dense_batch1": 0.2, "inference_ms_kept_batch1": 0.1}
        details[-1] |= {"training": TrainingSettings(epochs=40).model_dump_json(), "settings": "{}"}
        details[-1] |= asked_columns({}, operating_point=False)
        for epoch in (1, 2):
            counts = {"units_input": 784 - epoch, "units_fc1": 300, "units_fc2": 100}
            history.append(
                {**axes, "replicate": replicate, "epoch": epoch, "train_loss": 0.1, "macs_step": 500, **counts}
            )
        for slot, unit, epoch in itertools.product(("input", "fc1", "fc2"), (0, 5), (0, 1, 2)):
            if method == "bernoulli" and replicate == 0:
                gates.append({**axes, "slot": slot, "unit": unit, "epoch": epoch, "theta": 0.5})
    return pd.DataFrame(runs, columns=list(COLUMNS)), pd.DataFrame(details), pd.DataFrame(history), pd.DataFrame(gates)


def store(folder, tables):
    runs, details, history, gates = tables
    runs.to_csv(folder / "runs.csv", index=False)
    details.to_csv(folder / "details.csv", index=False)
    history.to_parquet(folder / "history.parquet")
    gates.to_parquet(folder / "gates.parquet")
    return folder


def stored(folder, methods, missing=(), error=0.0):
    tables = made_up(methods=methods, widths=(1.0,), initializations=("he_normal",))
    tables[0]["error_test_percent"] += error
    folder.mkdir()
    store(folder, tables)
    pd.DataFrame([{"cell": key, "reason": "not run"} for key in missing], columns=["cell", "reason"]).to_csv(
        folder / "missing.csv", index=False
    )
    return folder
