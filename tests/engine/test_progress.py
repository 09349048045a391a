"""Progress: a bar with units and ETA on a terminal, one line per epoch in a log."""

import fcntl
import os
import pty
import struct
import sys
import termios

import pytest

from robustprune.engine.progress import Progress
from robustprune.engine.training import Training


@pytest.fixture
def train(digits, make_cell):
    """Train a small cell for two epochs with its progress on sys.stderr."""
    training = Training(make_cell("dense", replicates=1, batch_size=512), digits)

    def run():
        with Progress(training, resumed=False) as progress:
            while not training.finished:
                training.run_epoch()
                progress.show(training)

    return run


def test_a_terminal_shows_a_bar_with_units_and_eta(train, monkeypatch):
    """A terminal of 140 columns; it holds what two epochs write until it is read."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    with open(theirs, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        train()
    output = b""
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:  # Linux ends a closed terminal with an error
        os.close(ours)
    text = output.decode()
    assert "kept 784-300-100, loss" in text
    assert "2/2 [" in text
    assert "<00:0" in text  # elapsed<left


def test_a_log_gets_one_line_per_epoch(train, capsys):
    train()
    lines = [line for line in capsys.readouterr().err.splitlines() if "epoch" in line]
    assert len(lines) == 2
    assert "epoch 1/2, kept 784-300-100, loss" in lines[0]
    assert lines[1].endswith("0 s left")
