"""Checkpoints: a killed cell resumes from its last one, bit-identically. They lie outside the declared outputs."""

import time
from pathlib import Path

import torch

from robustprune.engine.training import Training
from robustprune.files import write_atomically
from robustprune.starts.parts.registry import code_hash
from robustprune.study.cells import Cell

INTERVAL_SECONDS = 20.0


class Checkpoint:
    """The checkpoint file of one cell; no checkpoint is written where `path` is None."""

    def __init__(self, path: Path | None, cell: Cell, source: str = ""):
        """source: for controls, the digest of the networks that the cell starts from."""
        self.path = path
        code = code_hash(cell.method, cell.architecture)
        self.identity = f"{cell.config_hash}/{code}/{torch.__version__}/{source}"
        self.saved = time.monotonic()

    def load(self, training: Training) -> bool:
        """Restore `training` from the file; return False without a file, or for one of other settings or code."""
        if self.path is None or not self.path.exists():
            return False
        try:
            content = torch.load(self.path, weights_only=True, map_location=training.device)
        except Exception:  # a damaged checkpoint costs epochs, not the cell
            return False
        if content["identity"] != self.identity:
            return False
        training.restore(content["state"])
        return True

    def save(self, training: Training, force: bool = False) -> None:
        """Write the state, at most once in INTERVAL_SECONDS unless forced."""
        if self.path is None or (not force and time.monotonic() - self.saved < INTERVAL_SECONDS):
            return
        content = {"identity": self.identity, "state": training.state()}
        write_atomically(self.path, lambda path: torch.save(content, path))
        self.saved = time.monotonic()

    def delete(self) -> None:
        """Remove the file, once the results of the cell are written."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
