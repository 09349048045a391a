"""Progress: a bar with units and ETA on a terminal, one line per epoch in a log."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from conftest import REPOSITORY

PROGRAM = """
import sys
from robustprune.study.cells import Cell
from robustprune.study.training_settings import TrainingSettings
from robustprune.engine.progress import Progress
from robustprune.engine.training import Training
from robustprune.data.datasets import load
from robustprune.study.config import DataSettings
cell = Cell(dataset="digits", architecture="lenet_300_100", method="dense", strength="d", replicates=1,
            training=TrainingSettings(epochs=2))
training = Training(cell, load("digits", DataSettings(directory=sys.argv[1])))
with Progress(training, resumed=False) as progress:
    while not training.finished:
        training.run_epoch()
        progress.show(training)
"""


def in_terminal(command) -> str:
    """Output of a command that believes to sit at a terminal of 140 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:  # Linux ends a closed terminal with an error
        pass
    assert process.wait() == 0, output
    return output.decode()


def test_a_terminal_shows_a_bar_with_units_and_eta(tmp_path):
    text = in_terminal([sys.executable, "-c", PROGRAM, str(tmp_path)])
    assert "kept 784-300-100, loss" in text
    assert "2/2 [" in text
    assert "<00:0" in text  # elapsed<left


def test_a_log_gets_one_line_per_epoch(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    lines = [line for line in done.stderr.splitlines() if "epoch" in line]
    assert len(lines) == 2
    assert "epoch 1/2, kept 784-300-100, loss" in lines[0]
    assert lines[1].endswith("0 s left")
