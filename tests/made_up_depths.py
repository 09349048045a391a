"""Networks of several starting depths with known numbers, as collected tables of a study."""

import json

import pandas as pd

from robustprune.gathering.asked import asked_columns
from robustprune.gathering.rows import OF_DETAILS
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.record import COLUMNS
from robustprune.study.training_settings import TrainingSettings

PRICE = {"price": 0.03}


def units_of(depth, kept, inner=100, dead=0):
    """Units per slot of mlp_residual where the first `kept` sections are left, and as if `dead` more were open."""
    network = architecture("mlp_residual", depth)
    units = network.units()
    for place, (gate, slot) in enumerate(network.sections.items()):
        units[gate] = int(place < kept + dead)
        units[slot] = inner if place < kept else 0
    return units


def networks(depth, kept, *, method="bernoulli", strength="c3e_2", track="layers", initialization="he_normal", **more):
    """runs and details of one cell of mlp_residual on MNIST, with a network for each number of `kept` sections.

    more: settings (default PRICE), inner (units in a section), dead (sections open in units_raw only), and columns of
    either table, one value for all networks or a list.
    """
    settings, inner, dead = more.pop("settings", PRICE), more.pop("inner", 100), more.pop("dead", 0)
    network, rows = architecture("mlp_residual", depth), []
    axes = {"dataset": "mnist", "architecture": "mlp_residual", "track": track, "method": method, "strength": strength}
    axes |= {"initialization": initialization, "width": 1.0, "budget": "epochs"}
    for replicate, count in enumerate(kept):
        units = units_of(depth, count, inner)
        row = dict.fromkeys([*COLUMNS, *OF_DETAILS, "depth"]) | axes | {"replicate": replicate, "seed": replicate}
        row |= {"epochs": 40, "status": "ok"}
        row |= {"depth_start": depth, "depth": depth, "depth_kept": count, "error_test_percent": 2.0}
        row |= {"units_start": "-".join(map(str, network.units().values()))}
        row |= {"units_kept": "-".join(map(str, units.values()))}
        row |= {"units_raw": "-".join(map(str, units_of(depth, count, inner, dead).values()))}
        row |= {"params_dense": parameters(network, network.units()), "params_kept": parameters(network, units)}
        row |= {"macs_dense": macs(network, network.units()), "macs_kept": macs(network, units)}
        row |= {"train_macs": 50.0, "train_macs_dense": 100.0, "inference_ms_kept_batch1": 0.1 + 0.05 * count}
        row |= {"training": TrainingSettings(epochs=40).model_dump_json(), "settings": json.dumps(settings)}
        row |= {"peak_memory_mib": 700.0} | asked_columns(settings, operating_point=False)
        row |= {name: value[replicate] if isinstance(value, list) else value for name, value in more.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def losses(cells, epochs=(1, 2)):
    """History of cells: their train_loss is 1 in all epochs but the last, where it is the column `train_loss`."""
    axes = ["dataset", "architecture", "track", "method", "strength", "initialization", "width", "budget", "depth"]
    parts = [cells[[*axes, "replicate"]].assign(epoch=epoch, train_loss=1.0) for epoch in epochs]
    parts[-1] = parts[-1].assign(train_loss=cells["train_loss"].to_numpy())
    return pd.concat(parts[::-1], ignore_index=True)


def stored(folder, cells, history=None):
    """Write runs.csv, details.csv and history.parquet of these networks; return the folder."""
    cells[list(COLUMNS)].to_csv(folder / "runs.csv", index=False)
    details = cells.rename(columns={"operating_point": "_"}).assign(operating_point=False)
    details[list(OF_DETAILS)].to_csv(folder / "details.csv", index=False)
    if history is not None:
        history.to_parquet(folder / "history.parquet")
    return folder
