"""Data sets as one uint8 tensor each: read once, verified, stored as one file, split once.

Where the images come from is the matter of a data set's own file (data/sets, or datasets in the plug-in folder).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from robustprune import registry
from robustprune.data.reader import VALIDATION_SHARE, DatasetReader, problem
from robustprune.errors import StudyError
from robustprune.files import write_atomically
from robustprune.study.config import DataSettings


@dataclass(frozen=True)
class Dataset:
    """Images as uint8 [N, 784] (rows of 28x28, 0 = background) and labels as int64 [N], with the fixed split.

    `tuning` and `validation` index the training images: a stratified split that depends on the data set only.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    tuning: torch.Tensor
    validation: torch.Tensor


def find_reader(name: str) -> DatasetReader:
    """What reads a data set; raises StudyError with the nearest valid name, or what is wrong with its file."""
    return registry.object_of("dataset", name, DatasetReader)


def prepared_path(name: str, settings: DataSettings) -> Path:
    """The one file that holds a prepared data set."""
    return Path(settings.directory) / f"{name}.safetensors"


def prepare(name: str, settings: DataSettings) -> Path:
    """Read, verify and store a data set; returns the file. Nothing is left behind when it fails.

    Raises StudyError naming what was tried and how to mend it.
    """
    path = prepared_path(name, settings)
    reader = find_reader(name)
    files = files_digest(name)
    tensors = reader.read(name, settings)
    if wrong := problem(tensors, reader):
        raise StudyError(f"data set {name}: {wrong}")
    tensors["tuning"], tensors["validation"] = _stratified_split(tensors["train_labels"])
    metadata = {"digest": _digest(tensors)} | ({"files": files} if files else {})
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))
    return path


def load(name: str, settings: DataSettings | None = None) -> Dataset:
    """Read a prepared data set and verify its digest; prepares it first where it is missing.

    settings: where it lies; by default the folder data. Raises StudyError for a truncated or altered file, naming it
    and how to mend it.
    """
    settings = settings or DataSettings()
    path = prepared_path(name, settings)
    if not path.exists():
        prepare(name, settings)
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise StudyError(f"{path}: truncated or not a prepared data set ({error}); {_mend(name, path)}") from None
    if metadata.get("digest") != _digest(tensors):
        raise StudyError(f"{path}: content does not match its digest; {_mend(name, path)}")
    if (files := files_digest(name)) and files != metadata.get("files"):
        raise StudyError(f"{path}: the files that it was made from have changed; {_mend(name, path)}")
    return Dataset(**tensors)


def files_digest(name: str) -> str:
    """Digest of the user's own files that a data set is read from; "" where it has none or one is not there now."""
    files = find_reader(name).files()
    if not files or not all(path.is_file() for path in files):
        return ""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:12]


def _mend(name: str, path: Path) -> str:
    return f"delete {path} and run `robustprune prepare {name}` again"


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for key in sorted(tensors):
        digest.update(key.encode() + str(tuple(tensors[key].shape)).encode())
        digest.update(tensors[key].contiguous().numpy())
    return digest.hexdigest()


def _stratified_split(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.model_selection import train_test_split

    held_out = len(labels) // VALIDATION_SHARE
    tuning, validation = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=held_out, stratify=labels.numpy(), random_state=0
    )
    return torch.from_numpy(tuning).sort().values, torch.from_numpy(validation).sort().values
