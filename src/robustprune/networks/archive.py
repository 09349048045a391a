"""The file networks.safetensors of a cell: its pruned networks, one writer and one reader.

Names of tensors: "<replicate>/<layer>.weight", "<replicate>/<layer>.bias" and "<replicate>/kept.<slot>", int64 [n], the
original indices of the kept units.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.files import write_atomically
from robustprune.networks.folding import Kept, Weights

FILE = "networks.safetensors"
KEPT = "kept."


@dataclass(frozen=True)
class ArchivedNetwork:
    """The compact network of one replicate.

    weights: "<layer>.weight" [out, in(, k, k)] and "<layer>.bias" [out]; kept: slot -> original indices [n].
    """

    weights: Weights
    kept: Kept


def write_archive(folder: Path, networks: Sequence[ArchivedNetwork]) -> None:
    """Write the networks of a cell atomically, in the order of its replicates; none for a cell without results."""
    tensors: dict[str, Tensor] = {}
    for replicate, network in enumerate(networks):
        named = {**network.weights, **{f"{KEPT}{slot}": indices for slot, indices in network.kept.items()}}
        tensors |= {f"{replicate}/{name}": tensor.contiguous().cpu() for name, tensor in named.items()}
    write_atomically(folder / FILE, lambda path: save_file(tensors, path))


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Turn every error of reading the file inside the block into a StudyError that names it."""
    try:
        yield
    except (SafetensorError, OSError, ValueError) as error:  # ValueError: a name without the number of a replicate
        raise StudyError(f"{path}: missing or damaged ({error}); run the cell again") from None


def read_archive(folder: Path) -> Mapping[int, ArchivedNetwork]:
    """Return replicate -> network, in ascending order; raises StudyError naming a missing or damaged file."""
    path = folder / FILE
    networks: dict[int, ArchivedNetwork] = {}
    with _whole(path):
        for name, tensor in load_file(path).items():
            replicate, own = name.split("/", 1)
            network = networks.setdefault(int(replicate), ArchivedNetwork({}, {}))
            if own.startswith(KEPT):
                network.kept[own.removeprefix(KEPT)] = tensor
            else:
                network.weights[own] = tensor
    return dict(sorted(networks.items()))


def kept_units(folder: Path) -> dict[int, dict[str, np.ndarray]]:
    """Return replicate -> slot -> original indices of the kept units, without reading the weights.

    Raises StudyError naming a missing or damaged file.
    """
    path = folder / FILE
    networks: dict[int, dict[str, np.ndarray]] = {}
    with _whole(path), safe_open(path, framework="numpy") as opened:
        for name in opened.keys():  # noqa: SIM118  # not a dictionary
            replicate, _, own = name.partition("/")
            if own.startswith(KEPT):
                networks.setdefault(int(replicate), {})[own.removeprefix(KEPT)] = opened.get_tensor(name)
    return dict(sorted(networks.items()))


def read_networks(folder: Path) -> list[ArchivedNetwork]:
    """Return the networks of a cell in the order of its replicates.

    Raises StudyError as read_archive does, and for a file without networks (a cell without results).
    """
    networks = read_archive(folder)
    if not networks:
        raise StudyError(f"{folder / FILE}: holds no networks; the cell has no results, see its record.json")
    return list(networks.values())


def digest(folder: Path | None) -> str:
    """Return a short hash of the file, "" without a file."""
    path = folder / FILE if folder else None
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path and path.exists() else ""
