"""Data sets as uint8 tensors: read once, verified, split, and stored in one file each.

The source of the images is defined in the file of each data set (data/sets, or datasets in the plug-in folder).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from robustprune import registry
from robustprune.data.reader import VALIDATION_SHARE, DatasetReader, problem
from robustprune.errors import StudyError
from robustprune.files import write_atomically
from robustprune.study.data_settings import DataSettings


@dataclass(frozen=True)
class Dataset:
    """Images uint8 [N, 784] (28x28 row by row, 0 = background) and labels int64 [N], with a fixed split.

    `tuning` and `validation` are indices of training images: a stratified split that depends on the data set only.
    `digest` is that of the content (content_digest), `name` that of the data set, "" for images without one.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    tuning: torch.Tensor
    validation: torch.Tensor
    digest: str = ""
    name: str = ""


def find_reader(name: str) -> DatasetReader:
    """Return the reader of a data set.

    Raises StudyError for an unknown name, with the nearest valid one, and for an invalid file, with the reason.
    """
    return registry.object_of("dataset", name, DatasetReader)  # type: ignore[type-abstract]  # only for isinstance


def prepared_path(name: str, settings: DataSettings) -> Path:
    """Return the path of the file that holds a prepared data set."""
    return Path(settings.directory) / f"{name}.safetensors"


def prepare(name: str, settings: DataSettings) -> Path:
    """Read, verify and store a data set; return its path. A failure leaves no file behind.

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
    """Read a prepared data set and verify its digest; prepare it first where it is missing.

    settings: by default those of the folder data. Raises StudyError for a truncated or altered file, naming it and how
    to mend it.
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
    return Dataset(**tensors, digest=_content(metadata), name=name)


def content_digest(name: str, settings: DataSettings) -> str:
    """Return a digest of the content of a data set: of the user's files, where it has some, else of the prepared file.

    "" where neither is there. The header of the prepared file is read, not the images.
    """
    if files := files_digest(name):
        return files
    try:
        with safe_open(prepared_path(name, settings), framework="pt") as opened:
            return _content(opened.metadata() or {})
    except (SafetensorError, OSError):
        return ""  # a job that needs the data names the damaged file


def _content(metadata: Mapping[str, str]) -> str:
    return metadata.get("files") or metadata.get("digest", "")


def files_digest(name: str) -> str:
    """Return the digest of the user's files that a data set is read from; "" where there are none or one is gone."""
    files = find_reader(name).files()
    if not files or not all(path.is_file() for path in files):
        return ""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:12]


def stratified_choice(labels: torch.Tensor, count: int) -> torch.Tensor:
    """Return the indices [count], ascending, of a fixed choice of images with the shares of all labels [N].

    A smaller choice lies within every larger one. Raises StudyError for more images than there are.
    """
    if count > len(labels):
        raise StudyError(f"training.examples: {count} exceeds the {len(labels)} training images; choose fewer")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    own = labels[order]
    ranks = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        places = (own == label).nonzero().flatten()
        # the k-th of n images of a class comes where a share (k + 1/2) / n of all images has come
        ranks[places] = (torch.arange(len(places), dtype=torch.float64) + 0.5) / len(places)
    return order[ranks.argsort(stable=True)[:count]].sort().values


def _mend(name: str, path: Path) -> str:
    return f"delete {path} and run `robustprune prepare {name}` again"


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for key in sorted(tensors):
        digest.update(key.encode() + str(tuple(tensors[key].shape)).encode())
        digest.update(tensors[key].contiguous().numpy().data)
    return digest.hexdigest()


def _stratified_split(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.model_selection import train_test_split

    held_out = len(labels) // VALIDATION_SHARE
    tuning, validation = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=held_out, stratify=labels.numpy(), random_state=0
    )
    return torch.from_numpy(tuning).sort().values, torch.from_numpy(validation).sort().values
