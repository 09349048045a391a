"""Checkpoints: a killed cell resumes from its last one, bit-identically. They lie outside the declared outputs."""

import hashlib
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from robustprune.engine.training import Training
from robustprune.files import write_atomically
from robustprune.starts.parts.registry import code_hash
from robustprune.study.cells import Cell

INTERVAL_SECONDS = 20.0
MOVED = ("weights", "kept", "parameters", "buffers", "moments")
"""Parts of a state that go to the device of the training; generators, flags, counts and the history stay on the CPU."""


class Checkpoint:
    """The checkpoint file of one cell; no checkpoint is written where `path` is None."""

    def __init__(self, path: Path | None, cell: Cell, source: str = ""):
        """source: the digest of the data, and for controls that of the networks that the cell starts from."""
        self.path = path
        code = code_hash(cell.method, cell.architecture)
        self.identity = f"{cell.config_hash}/{code}/{torch.__version__}/{source}"
        self.saved = time.monotonic()

    def load(self, training: Training) -> bool:
        """Restore `training` from the file; return False without a file, or for one of other settings or code.

        A damaged file is named in a warning: it costs epochs, not the cell.
        """
        if self.path is None or not self.path.exists():
            return False
        try:
            content = torch.load(self.path, weights_only=True, map_location="cpu")
            identity, state, digest = (content[name] for name in ("identity", "state", "digest"))
        except Exception as error:
            return self._damaged(type(error).__name__)
        if identity != self.identity:
            return False
        if digest != _digest(state):
            return self._damaged("its content does not match its digest")
        training.restore({name: _on(part, training.device) if name in MOVED else part for name, part in state.items()})
        return True

    def _damaged(self, why: str) -> bool:
        print(f"warning: {self.path}: damaged ({why}); the cell begins again", file=sys.stderr)
        return False

    def save(self, training: Training, force: bool = False) -> None:
        """Write the state, at most once in INTERVAL_SECONDS unless forced."""
        if self.path is None or (not force and time.monotonic() - self.saved < INTERVAL_SECONDS):
            return
        state = training.state()
        content = {"identity": self.identity, "state": state, "digest": _digest(state)}
        try:
            write_atomically(self.path, lambda path: torch.save(content, path))
        except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError where the disk is full
            print(f"warning: {self.path}: no checkpoint written ({error}); training goes on", file=sys.stderr)
        self.saved = time.monotonic()

    def delete(self) -> None:
        """Remove the file, once the results of the cell are written."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _on(state: Any, device: str) -> Any:
    """Return a part of a state with its tensors on a device."""
    if isinstance(state, torch.Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {name: _on(entry, device) for name, entry in state.items()}
    return [_on(entry, device) for entry in state] if isinstance(state, list) else state


def _digest(state: Mapping[str, Any]) -> str:
    """Return the digest of everything in a state: names, and the bytes of tensors."""
    digest = hashlib.sha256()
    for part in _parts(state):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, torch.Tensor):
        yield f"{value.dtype}{list(value.shape)}".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield str(name).encode()
            yield from _parts(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _parts(entry)
    else:
        yield repr(value).encode()
