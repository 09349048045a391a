"""Made-up runs of a study: as many records as asked for, each with a history, gates and networks of the usual size.

Nothing is trained. Files beside the records are links to a few made-up ones for each method and width, so that ten
thousand cells take little of the disk; each is read as if it were the cell's own.
"""

import itertools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from robustprune.files import write_atomically, write_table
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import FILE, ArchivedNetwork, write_archive
from robustprune.networks.size import macs, parameters
from robustprune.records.provenance import provenance
from robustprune.records.record import Provenance, Record, Replicate, join_units, write_record
from robustprune.study.cells import Cell, study_cells
from robustprune.study.config import StudyConfig, save_study, validate_study

FILES = ("history.parquet", "gates.npz", FILE)
SCHEMES = ("he_normal", "xavier_uniform", "lecun_normal", "orthogonal", "pytorch_default")
INITIALIZATIONS = [f"{scheme}{gain}" for scheme in SCHEMES for gain in ("", "_x0.3")]
WIDTHS = (0.5, 1.0, 2.0, 3.0)
DIFFERENT = 4
"""Made-up files of each method and width."""
SHARE = 0.1
"""Share of the units of the start that the networks keep, on average."""


def made_up_study(root: Path, cells: int, replicates: int = 5, epochs: int = 40) -> StudyConfig:
    """Return a study of LeNet-300-100 with at least so many cells: dense training, and `bernoulli` at many prices.

    Its configuration is written to config.yaml in `root`.
    """
    each = len(INITIALIZATIONS) * len(WIDTHS)
    prices = {f"p{number}": {"price": 1e-4 + 1e-7 * number} for number in range(-(-cells // each) - 1)}
    grid = {"dataset": "mnist", "architecture": "lenet_300_100", "replicates": replicates, "widths": WIDTHS}
    methods = {"dense": ["dense"], **({"bernoulli": list(prices)} if prices else {})}
    study = [{**grid, "methods": methods, "initializations": INITIALIZATIONS}]
    strengths = {"dense": {"dense": {}}, "bernoulli": prices}
    values = {"root": str(root), "results": "runs", "training": {"epochs": epochs}, "strengths": strengths}
    config = validate_study({**values, "study": study}, "made-up study")
    save_study(config, root / "config.yaml")
    return config


def write_made_up_runs(config: StudyConfig) -> int:
    """Write the records of all cells of a made-up study, with the files beside them; return the number of cells."""
    made: dict[tuple[str, float, int], Made] = {}
    about = Provenance(
        **provenance("", "cpu", 1), started="2026-01-01T00:00:00+00:00", seconds=1.0, peak_memory_mib=700
    )
    cells = study_cells(config)
    for number, cell in enumerate(cells.values()):
        which = (cell.method, cell.width, number % DIFFERENT)
        if which not in made:
            made[which] = _write_files(cell, Path(config.root, "made_up", *map(str, which)), number)
        folder = Path(config.root, "runs", cell.key)
        folder.mkdir(parents=True)
        for name in FILES:
            os.link(made[which].folder / name, folder / name)
        entries = tuple(_entry(cell, number, units) for number, units in enumerate(made[which].units))
        record = Record(cell=cell, config_hash=cell.config_hash, provenance=about, replicates=entries)
        write_record(record, folder, FILES)
    return len(cells)


class Made(NamedTuple):
    """A folder with the files of one cell, and the units that each of its networks keeps."""

    folder: Path
    units: list[dict[str, int]]


def _write_files(cell: Cell, folder: Path, seed: int) -> Made:
    random, network = np.random.default_rng(seed), architecture(cell.architecture)
    start, epochs, dense = network.units(cell.width), cell.training.epochs, cell.method == "dense"
    networks, units, gates, rows = [], [], {}, []
    for _ in range(cell.replicates):
        share = 1 if dense else SHARE
        # every slot keeps its first unit: a network without units in a slot cannot be
        open_units = {slot: np.flatnonzero([True, *(random.random(n - 1) < share)]) for slot, n in start.items()}
        own = {slot: len(indices) for slot, indices in open_units.items()}
        weights = {name: torch.randn(shape) for name, shape in network.shapes(own).items()}
        networks.append(ArchivedNetwork(weights, {slot: torch.from_numpy(kept) for slot, kept in open_units.items()}))
        units.append(own)
    for epoch, (replicate, own) in itertools.product(range(1, epochs + 1), enumerate(units)):
        row = {"replicate": replicate, "epoch": epoch, "train_loss": random.random() / epoch}
        row |= {f"units_{slot}": count for slot, count in own.items()}
        row |= {
            f"undetermined_{slot}": None if dense else int(random.integers(count + 1)) for slot, count in own.items()
        }
        rows.append(row | {"macs_step": macs(network, own)})
    for slot, count in {} if dense else start.items():
        values = random.random((epochs + 1, cell.replicates, count)).astype(np.float16)
        gates[slot] = np.where(values < 1 - SHARE, 0, values).astype(np.float16)  # most gates are removed, as in a run
    write_archive(folder, networks)
    write_table(pd.DataFrame(rows), folder / "history.parquet")
    write_atomically(folder / "gates.npz", lambda path: np.savez_compressed(path, **gates))
    return Made(folder, units)


def _entry(cell: Cell, replicate: int, kept: dict[str, int]) -> Replicate:
    network = architecture(cell.architecture)
    start = network.units(cell.width)
    random = np.random.default_rng(cell.seed(replicate))
    error, seconds = 1.5 + random.random(), 30 + random.random()
    return Replicate(
        replicate=replicate,
        seed=cell.seed(replicate),
        status="ok",
        units_start=join_units(start),
        units_kept=join_units(kept),
        units_raw=join_units(kept),
        params_dense=parameters(network, start),
        params_kept=parameters(network, kept),
        macs_dense=macs(network, start),
        macs_kept=macs(network, kept),
        error_test_percent=error,
        error_train_percent=error / 2,
        undetermined_fraction=0.01,
        rounding_error_change_percent=0.0,
        gates_above_090_fraction=0.9,
        train_seconds=seconds,
        train_macs=1e12,
        train_macs_dense=2e12,
        inference_ms_dense=1.0,
        inference_ms_kept=0.5,
        inference_ms_dense_batch1=0.05,
        inference_ms_kept_batch1=0.04,
    )
