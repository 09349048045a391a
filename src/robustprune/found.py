"""The architectures that another cell found: which units its networks kept."""

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from robustprune.folding import Kept

FILE = "networks.safetensors"


def read_found(folder: Path | None) -> list[Kept]:
    """Slot -> original indices of the units kept, one mapping per replicate, from a cell's folder; none without one.

    Raises ValueError naming the file where it is missing, damaged, or left empty by a cell that failed.
    """
    if folder is None:
        return []
    path = folder / FILE
    try:
        tensors = load_file(path)
    except (FileNotFoundError, SafetensorError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); train that cell first") from None
    found: dict[int, Kept] = {}
    for name, tensor in tensors.items():
        replicate, kind = name.split("/")
        if kind.startswith("kept."):
            found.setdefault(int(replicate), {})[kind.removeprefix("kept.")] = tensor
    if not found:
        raise ValueError(f"{path}: holds no networks; the cell failed, see its record.json")
    return [found[replicate] for replicate in sorted(found)]


def digest(folder: Path | None) -> str:
    """Short hash of the file, empty without one."""
    path = folder / FILE if folder else None
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path and path.exists() else ""
