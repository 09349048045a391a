"""A cell that is killed at any moment, also while it writes a checkpoint, ends with the bits of one that was not; two
calls on one folder leave a sound record, or one that is refused by name."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from amounts import amount

import robustprune.engine.checkpoint
from robustprune.engine.running import run_cell
from robustprune.errors import StudyError
from robustprune.gathering.record_checks import checked_record
from robustprune.records.record import read_record

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def cell(make_cell):
    return make_cell("bernoulli", epochs=6, width=0.5)


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(robustprune.engine.checkpoint, "INTERVAL_SECONDS", 0.0)


def train(cell, digits, folder, at_write=None):
    """Train a cell with a checkpoint after every epoch; at_write: the checkpoint that the process dies in."""
    torch.set_num_threads(1)
    save, count = torch.save, [0]

    def die(content, path):
        count[0] += 1
        if count[0] == at_write:
            save(content, path)
            os.truncate(path, Path(path).stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        save(content, path)

    torch.save = die
    try:
        run_cell(cell, digits, folder / "cell", folder / "checkpoints" / "checkpoint.pt")
    finally:
        torch.save = save


def results(folder):
    """The record without times, and the bytes of the networks and gates."""
    files = [(folder / "cell" / name).read_bytes() for name in ("networks.safetensors", "gates.npz")]
    return read_record(folder / "cell" / "record.json").comparable(), files[0]


def test_a_killed_cell_ends_with_the_same_bits(tmp_path, digits, cell):
    started = time.monotonic()
    train(cell, digits, tmp_path / "whole")
    seconds = time.monotonic() - started
    rng, killed, resumed = random.Random(0), 0, 0
    for number in range(amount(2, 30)):
        folder = tmp_path / str(number)
        at_write = 1 + (number // 3 + 2) % 6 if number % 3 == 1 else None
        process = FORK.Process(target=train, args=(cell, digits, folder, at_write))
        process.start()
        process.join(None if at_write else rng.uniform(0.05, 0.95) * seconds)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        resumed += (folder / "checkpoints" / "checkpoint.pt").exists()
        assert at_write is None or process.exitcode == -signal.SIGKILL
        train(cell, digits, folder)
        assert results(folder) == results(tmp_path / "whole"), number
        assert not (folder / "checkpoints" / "checkpoint.pt").exists()
    print(f"cells killed: {killed}, of them resumed from a checkpoint: {resumed}; all with the same bits")
    assert killed
    assert resumed


def test_a_checkpoint_of_other_data_is_not_taken_up(tmp_path, digits, cell):
    path = tmp_path / "checkpoint.pt"

    def stop(training):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, digits, tmp_path / "cell", path, after_epoch=stop)
    seen = []
    other = replace(digits, digest="other", train_images=digits.train_images.flip(0))
    run_cell(cell, other, tmp_path / "cell", path, after_epoch=lambda training: seen.append(training.epoch))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_two_calls_on_one_folder(tmp_path, digits, cell):
    train(cell, digits, tmp_path / "whole")
    reasons, calls = [], amount(1, 10)
    for number in range(calls):
        folder = tmp_path / str(number)
        processes = [FORK.Process(target=train, args=(cell, digits, folder)) for _ in range(2)]
        for process in processes:
            process.start()
            time.sleep(0.1 * number)
        for process in processes:
            process.join()
        try:
            checked_record(folder / "cell" / "record.json", cell)
            assert results(folder) == results(tmp_path / "whole")
        except StudyError as error:
            reasons.append(str(error))
            assert str(folder / "cell") in reasons[-1]
    print(f"two calls on one folder: {calls - len(reasons)} times the same bits, {len(reasons)} times refused by name")
