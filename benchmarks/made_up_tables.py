"""Made-up tables of a study: the cells of a configuration at several strengths, with as many rows as asked for."""

import itertools
import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from robustprune.files import write_table
from robustprune.gathering.asked import asked_columns
from robustprune.gathering.long_tables import long_table
from robustprune.gathering.planned import with_points
from robustprune.gathering.rows import OF_DETAILS
from robustprune.gathering.settings import complete_settings
from robustprune.networks.architecture import Architecture, architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.digests import write_table_digests
from robustprune.records.record import COLUMNS
from robustprune.study.cells import AXES, Cell, asked_of_cells, study_cells
from robustprune.study.config import load_study
from robustprune.study.roles import UNPRUNED
from robustprune.study.strengths import Strength

STRENGTHS = 12
"""Strengths of every cell; the first is the study's own, the others are no operating points."""
EPOCHS = 10
"""Epochs in the history."""
FILES = ("runs.csv", "details.csv", "missing.csv", "history.parquet", "gates.parquet", "kept.parquet")


def write_made_up_tables(config: Path, folder: Path, rows: int) -> int:
    """Write tables of a study with about that many networks; return their number."""
    study, random = with_points(load_study(config)), np.random.default_rng(0)
    cells, asked = study_cells(study), asked_of_cells(study)
    seeds = max(3, round(rows / (len(cells) * STRENGTHS)))
    short: dict[str, list[pd.DataFrame]] = {name: [] for name in FILES[:2]}
    with ExitStack() as stack:
        long = {name: stack.enter_context(long_table(folder / name)) for name in FILES[3:]}
        for (key, cell), number in itertools.product(cells.items(), range(STRENGTHS)):
            for name, table in _made(cell, asked[key], number, seeds, random).items():
                if name in short:
                    short[name].append(table)
                else:
                    long[name].add({}, pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata())
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in short.items()}
    for name, table in {**tables, "missing.csv": pd.DataFrame(columns=["cell", "reason"])}.items():
        write_table(table, folder / name)
    write_table_digests(folder, FILES)
    return len(tables["runs.csv"])


def _made(cell: Cell, asked: Strength, number: int, seeds: int, random: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Return the rows of one cell at one strength in every table."""
    network, settings = architecture(cell.architecture), complete_settings(cell)
    first, unpruned = number == 0, cell.method == UNPRUNED
    own = cell if first else cell.model_copy(update={"strength": f"{cell.strength}_{number}"})
    axes = {axis: getattr(own, axis) for axis in AXES}
    start, replicate = network.units(cell.width), np.arange(seeds)
    kept = _kept_units(network, start, seeds, 1.0 if unpruned else 0.1 + 0.05 * number, random)
    error = 1.5 + 0.1 * number + 0.1 * random.standard_normal(seeds)
    train = parameters(network, start) * 1e5
    values = {
        **dict.fromkeys(COLUMNS),
        **axes,
        **{"replicate": replicate, "seed": replicate + 1000, "status": "ok"},
        "units_start": "-".join(map(str, start.values())),
        "units_kept": ["-".join(map(str, units)) for units in zip(*kept.values(), strict=True)],
        **{"params_dense": parameters(network, start), "params_kept": parameters(network, kept)},
        **{"macs_dense": macs(network, start), "macs_kept": macs(network, kept)},
        **{"error_test_percent": error, "error_train_percent": error / 2, "undetermined_fraction": 0.01},
        **{"epochs": cell.training.epochs, "train_seconds": 30 + random.random(seeds)},
        **{"train_macs": train * (1 if unpruned else 0.2 + 0.01 * random.random(seeds)), "train_macs_dense": train},
        **{"inference_ms_dense": 1.0, "inference_ms_kept": 0.5, "device": "cpu", "threads": 1, "key": own.key},
        **{"torch_version": "2", "source_hash": "made-up", "config_hash": "made-up"},
        "operating_point": asked.point if first else None,
    }
    more = {
        **dict.fromkeys(OF_DETAILS),
        **asked_columns(settings, first and asked.point is not None, asked.variant),
        **{**axes, "replicate": replicate, "status": "ok", "peak_memory_mib": 700.0},
        **{"gates_above_090_fraction": 0.9, "inference_ms_dense_batch1": 0.05, "inference_ms_kept_batch1": 0.04},
        **{"training": cell.training.model_dump_json(), "settings": json.dumps(settings)},
        "target_params": asked.params,
    }
    return {
        "runs.csv": pd.DataFrame(values)[[*COLUMNS]],
        "details.csv": pd.DataFrame(more)[[*OF_DETAILS]],
        "history.parquet": _history(axes, kept, values["macs_kept"]),
        **({} if unpruned else {"gates.parquet": _gates(axes, start, random)}),
        "kept.parquet": _kept_rows(own.key, start, kept, random),
    }


def _kept_units(
    network: Architecture, start: Mapping[str, int], seeds: int, share: float, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the units kept in every slot by each network, about that share of those of the start."""
    kept = {
        slot: np.full(seeds, n) if share == 1.0 else np.maximum(1, random.binomial(n, share, seeds))
        for slot, n in start.items()
    }
    for slot in network.slots:
        if slot.parent:
            kept[slot.name] = np.minimum(kept[slot.name], kept[slot.parent] * slot.positions)
    return kept


def _history(axes: Mapping[str, Any], kept: Mapping[str, np.ndarray], macs_kept: np.ndarray) -> pd.DataFrame:
    """Return the epochs of a cell: the sizes of its end in each of them."""
    seeds = len(macs_kept)
    epoch = np.tile(np.arange(1, EPOCHS + 1), seeds)
    columns = {"replicate": np.repeat(np.arange(seeds), EPOCHS), "epoch": epoch, "train_loss": 1 / epoch}
    units = {f"units_{slot}": np.repeat(counts, EPOCHS) for slot, counts in kept.items()}
    undetermined = {f"undetermined_{slot}": 0 for slot in kept}
    return pd.DataFrame({**axes, **columns, **units, **undetermined, "macs_step": np.repeat(macs_kept, EPOCHS)})


def _gates(axes: Mapping[str, Any], slots: Iterable[str], random: np.random.Generator) -> pd.DataFrame:
    """Return the gates of 60 units of every slot at every moment."""
    unit, moment = (grid.ravel() for grid in np.meshgrid(np.arange(60), np.arange(EPOCHS + 1)))
    return pd.concat(
        pd.DataFrame(
            {**axes, "slot": slot, "unit": unit, "epoch": moment, "theta": random.random(unit.size).astype("float32")}
        )
        for slot in slots
    )


def _kept_rows(
    key: str, start: Mapping[str, int], kept: Mapping[str, np.ndarray], random: np.random.Generator
) -> pd.DataFrame:
    """Return which units of the start each network keeps, as bits."""
    rows = [
        (key, seed, slot, n, np.packbits(random.permutation(n) < kept[slot][seed]).tobytes())
        for seed in range(len(next(iter(kept.values()))))
        for slot, n in start.items()
    ]
    return pd.DataFrame(rows, columns=["key", "replicate", "slot", "units", "kept"])
