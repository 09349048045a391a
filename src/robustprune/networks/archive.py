"""The file networks.safetensors of a cell: its pruned networks, one writer and one reader.

Tensors are named "<replicate>/<layer>.weight", "<replicate>/<layer>.bias" and "<replicate>/kept.<slot>" (the original
indices of the units kept, int64 [n]).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.files import write_atomically
from robustprune.networks.folding import Kept, Weights

FILE = "networks.safetensors"
KEPT = "kept."


@dataclass(frozen=True)
class ArchivedNetwork:
    """One replicate's compact network: weights "<layer>.weight", "<layer>.bias" and kept original indices per slot."""

    weights: Weights
    kept: Kept


def write_archive(folder: Path, networks: Sequence[ArchivedNetwork]) -> None:
    """Write the networks of a cell, in the order of its replicates, atomically; none for a cell that failed."""
    tensors: dict[str, Tensor] = {}
    for replicate, network in enumerate(networks):
        named = {**network.weights, **{f"{KEPT}{slot}": indices for slot, indices in network.kept.items()}}
        tensors |= {f"{replicate}/{name}": tensor.contiguous().cpu() for name, tensor in named.items()}
    write_atomically(folder / FILE, lambda path: save_file(tensors, path))


def read_archive(folder: Path) -> Mapping[int, ArchivedNetwork]:
    """Replicate -> network, in ascending order. Raises StudyError naming the file where it is missing or damaged."""
    path = folder / FILE
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise StudyError(f"{path}: missing or damaged ({error}); run the cell again") from None
    networks: dict[int, ArchivedNetwork] = {}
    for name, tensor in tensors.items():
        replicate, own = name.split("/", 1)
        network = networks.setdefault(int(replicate), ArchivedNetwork({}, {}))
        if own.startswith(KEPT):
            network.kept[own.removeprefix(KEPT)] = tensor
        else:
            network.weights[own] = tensor
    return dict(sorted(networks.items()))


def read_kept(folder: Path) -> list[Kept]:
    """Slot -> original indices of the units kept, one mapping per replicate. Raises StudyError as read_archive does,
    and where the cell failed and left no network."""
    networks = read_archive(folder)
    if not networks:
        raise StudyError(f"{folder / FILE}: holds no networks; the cell failed, see its record.json")
    return [network.kept for network in networks.values()]


def digest(folder: Path | None) -> str:
    """Short hash of the file, empty without one."""
    path = folder / FILE if folder else None
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path and path.exists() else ""
