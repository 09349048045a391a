"""Checkpoints: a killed cell goes on from its last one, bit-identically; they live outside declared outputs."""

import time
from pathlib import Path

import torch

from robustprune.engine.training import Training
from robustprune.files import write_atomically
from robustprune.starts.parts.registry import code_hash
from robustprune.study.cells import Cell

INTERVAL_SECONDS = 20.0


class Checkpoint:
    """One cell's checkpoint file; `path` None keeps none."""

    def __init__(self, path: Path | None, cell: Cell, source: str = ""):
        """source: what else the cell starts from (a hash), for controls."""
        self.path = path
        code = code_hash(cell.method, cell.architecture)
        self.identity = f"{cell.config_hash}/{code}/{torch.__version__}/{source}"
        self.saved = time.monotonic()

    def load(self, training: Training) -> bool:
        """Restore `training` from the file; False if there is none, or it belongs to other settings or source."""
        if self.path is None or not self.path.exists():
            return False
        try:
            content = torch.load(self.path, weights_only=True, map_location=training.device)
        except Exception:  # a damaged checkpoint costs epochs, never the cell
            return False
        if content["identity"] != self.identity:
            return False
        training.restore(content["state"])
        return True

    def save(self, training: Training, force: bool = False) -> None:
        """Write the state, at most once per interval unless forced."""
        if self.path is None or (not force and time.monotonic() - self.saved < INTERVAL_SECONDS):
            return
        content = {"identity": self.identity, "state": training.state()}
        write_atomically(self.path, lambda path: torch.save(content, path))
        self.saved = time.monotonic()

    def delete(self) -> None:
        """Remove the file after the cell's results are written."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
