"""Run one cell: train it (or resume), evaluate it, and write its folder."""

import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from robustprune.data.datasets import Dataset
from robustprune.engine.allocator import keep_freed_memory
from robustprune.engine.checkpoint import Checkpoint
from robustprune.engine.denormals import flushed_denormals
from robustprune.engine.devices import check_device
from robustprune.engine.evaluation import FinishedNetwork, evaluate
from robustprune.engine.failures import NUMERICAL, numerical_failure
from robustprune.engine.jobs import unfinished_replicates
from robustprune.engine.probe import Probe
from robustprune.engine.progress import Progress
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.files import write_atomically, write_table
from robustprune.networks.archive import FILE, ArchivedNetwork, digest, read_networks, write_archive
from robustprune.networks.latency import latency
from robustprune.networks.plain import PlainNetwork
from robustprune.records.provenance import peak_memory_mib, provenance
from robustprune.records.record import Provenance, Record, Replicate, write_record
from robustprune.starts.parts.registry import code_hash
from robustprune.study.cells import Cell

DETAILS = ("gates.npz", FILE)
"""The files beside record.json and the history."""


def run_cell(
    cell: Cell,
    data: Dataset,
    folder: Path,
    checkpoint: Path | None = None,
    device: str = "cpu",
    threads: int = 1,
    source: Path | None = None,
    after_epoch: Callable[[Training], None] | None = None,
    history: str = "history.parquet",
    light: bool = False,
    probe: Probe | None = None,
    timed: bool = True,
) -> Record:
    """Train and evaluate a cell; write history.parquet, gates.npz, networks.safetensors and, last, record.json.

    A numerical failure inside training is recorded with status diverged for every replicate; any other exception is
    raised and leaves no record (engine/failures.py). source: the folder of the cell whose networks a control starts
    from. after_epoch: called after each epoch (for tests of interruption). history: the history's file name;
    history.csv needs no pyarrow. light: the gates of the first network only, and no weights but the kept units; for an
    archive. probe: what an experiment reads while the cell trains. timed: False beside other cells on one GPU; the
    networks then have no train_seconds. Sets torch's number of threads. Raises StudyError for settings that no run can
    satisfy (device, batch size), and for images of another data set than the cell's.
    """
    folder = Path(folder)
    _check(cell, data, device)
    torch.set_num_threads(threads)
    keep_freed_memory()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    clock = time.perf_counter()
    saved = Checkpoint(checkpoint, cell, f"{digest(source)}/{data.digest}")
    epochs = cell.training.epochs
    # taken before training: the source may be edited while the cell trains
    origin = provenance(code_hash(cell.method, cell.architecture), device, threads)
    origin["data_digest"] = data.digest or None
    training: Training | None = None
    try:
        with flushed_denormals():
            training = Training(cell, data, device, source=read_networks(source) if source else [], probe=probe)
            _train(training, saved, after_epoch)
            epochs = training.epoch
            replicates, networks = _evaluate(training, timed)
    except NUMERICAL as error:
        reason = numerical_failure(error, training)
        if reason is None:
            raise
        traceback.print_exc()
        replicates = unfinished_replicates(cell, "diverged", reason)
        _write_empty_details(folder, history)
    else:
        _write_details(training, networks, folder, history, light)
    origin |= {"started": started, "seconds": time.perf_counter() - clock, "peak_memory_mib": peak_memory_mib()}
    record = Record(
        cell=cell,
        config_hash=cell.config_hash,
        provenance=Provenance(**origin),
        epochs=None if epochs == cell.training.epochs else epochs,
        replicates=tuple(replicates),
    )
    record = write_record(record, folder, (history, *DETAILS))
    saved.delete()
    return record


def _check(cell: Cell, data: Dataset, device: str) -> None:
    check_device(device, cell.training.precision)
    if data.name not in ("", cell.dataset):
        raise StudyError(f"data: these are the images of {data.name}, the cell asks for {cell.dataset}")


def _train(training: Training, checkpoint: Checkpoint, after_epoch: Callable[[Training], None] | None) -> None:
    resumed = checkpoint.load(training)
    with Progress(training, resumed) as progress:
        while not training.finished:
            training.run_epoch()
            progress.show(training)
            checkpoint.save(training)
            if after_epoch:
                after_epoch(training)


def _evaluate(training: Training, timed: bool) -> tuple[list[Replicate], list[FinishedNetwork]]:
    dense = latency(PlainNetwork(training.architecture, training.units).eval())
    pairs = [evaluate(training, replicate, dense) for replicate in range(training.cell.replicates)]
    untimed: dict[str, None] = {} if timed else {"train_seconds": None}
    return [entry.model_copy(update=untimed) for entry, _ in pairs], [network for _, network in pairs]


def _write_details(
    training: Training, networks: list[FinishedNetwork], folder: Path, history: str, light: bool
) -> None:
    trajectories = {slot: gates[:, :1] if light else gates for slot, gates in training.history.trajectories().items()}
    write_archive(folder, [ArchivedNetwork({} if light else network.weights, network.kept) for network in networks])
    write_table(pd.DataFrame(training.history.rows), folder / history)
    write_atomically(folder / "gates.npz", lambda path: _save_npz(path, trajectories))


def _write_empty_details(folder: Path, history: str) -> None:
    """Write the empty files of a cell without networks, so that a pipeline finds every declared output."""
    write_archive(folder, [])
    write_table(pd.DataFrame(), folder / history)
    write_atomically(folder / "gates.npz", lambda path: _save_npz(path, {}))


def _save_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as opened:
        np.savez_compressed(opened, **arrays)  # type: ignore[arg-type]  # numpy types every keyword as allow_pickle
