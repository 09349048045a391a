"""Probes read a training and change nothing."""

import time

import torch

from robustprune.engine.probe import Probe
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.networks.stacked import OPEN


class Reading(Probe):
    """Notes moments, and does what experiments do: forward passes, global random numbers."""

    def __init__(self):
        self.steps, self.epochs = [], []

    def after_step(self, training):
        self.steps.append((training.moment.step, training.network.places()["fc1"]))
        with torch.no_grad():
            torch.rand(3)
            images = torch.ones(2, 4, training.network.places()["input"])
            training.losses(images, torch.zeros(2, 4, dtype=torch.int64), OPEN)

    def after_epoch(self, training):
        self.epochs.append((training.epoch, training.history.rows[-1]["units_fc1"]))


def test_a_record_is_the_same_with_a_probe(tmp_path, digits, make_cell):
    cell = make_cell("bernoulli", settings={"price": 1e-3, "drift": 0.02}, epochs=3, batch_size=32, width=0.2)
    probe = Reading()
    plain = run_cell(cell, digits, tmp_path / "plain")
    probed = run_cell(cell, digits, tmp_path / "probed", probe=probe)
    assert plain.comparable() == probed.comparable()
    for file in ("gates.npz", "history.parquet", "networks.safetensors"):
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "probed" / file).read_bytes()
    assert [step for step, _ in probe.steps] == list(range(1, 3 * 44 + 1))
    assert [epoch for epoch, _ in probe.epochs] == [1, 2, 3]
    # a probe sees the network after the removal that follows a step
    assert [units for _, units in probe.epochs] == [probe.steps[44 * epoch - 1][1] for epoch in (1, 2, 3)]
    assert probe.epochs[-1][1] < 60


def test_the_time_of_a_probe_is_not_training_time(digits, make_cell):
    class Slow(Probe):
        def after_step(self, training):
            end = time.thread_time() + 0.05
            while time.thread_time() < end:
                pass

    training = Training(make_cell("dense", width=0.1), digits, probe=Slow())
    training.run_epoch()
    assert 0 < training.seconds < 0.5 * 0.05 * training.batches.steps
