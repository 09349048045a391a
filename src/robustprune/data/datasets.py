"""Data sets as one uint8 tensor each: fetched once from mirrors, verified, stored as one file, split once."""

import hashlib
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from robustprune.errors import StudyError
from robustprune.files import write_atomically
from robustprune.study.config import DataSettings

IMAGE_SIZE = 28
VALIDATION_SHARE = 12  # one image in twelve: 5,000 of the 60,000 of MNIST
TIMEOUT_SECONDS = 30


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


def prepared_path(name: str, settings: DataSettings) -> Path:
    """The one file that holds a prepared data set."""
    return Path(settings.directory) / f"{name}.safetensors"


def prepare(name: str, settings: DataSettings) -> Path:
    """Fetch, verify and store a data set; returns the file. Nothing is left behind when it fails.

    Raises StudyError naming what was tried and how to place the files by hand.
    """
    path = prepared_path(name, settings)
    tensors = _embedded_digits() if name == "digits" else _from_mirrors(name, settings)
    tensors["tuning"], tensors["validation"] = _stratified_split(tensors["train_labels"])
    metadata = {"digest": _digest(tensors)}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))
    return path


def load(name: str, settings: DataSettings) -> Dataset:
    """Read a prepared data set and verify its digest; prepares it first where it is missing.

    Raises StudyError for a truncated or altered file, naming it and how to mend it.
    """
    path = prepared_path(name, settings)
    if not path.exists():
        prepare(name, settings)
    try:
        with safe_open(path, framework="pt") as opened:
            expected = (opened.metadata() or {}).get("digest")
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise StudyError(f"{path}: truncated or not a prepared data set ({error}); {_mend(name, path)}") from None
    if expected != _digest(tensors):
        raise StudyError(f"{path}: content does not match its digest; {_mend(name, path)}")
    return Dataset(**tensors)


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


def _embedded_digits() -> dict[str, torch.Tensor]:
    """scikit-learn's bundled 8x8 digits, upsampled to 28x28: no download (1,437 training, 360 test images)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    small = torch.from_numpy(images).float().view(-1, 1, 8, 8) * (255 / 16)
    large = torch.nn.functional.interpolate(small, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")
    pixels, targets = large.round().to(torch.uint8).flatten(1), torch.from_numpy(labels).long()
    indices = range(len(targets))
    train, test = train_test_split(indices, test_size=0.2, stratify=labels, random_state=0)
    return {
        "train_images": pixels[train],
        "train_labels": targets[train],
        "test_images": pixels[test],
        "test_labels": targets[test],
    }


def _from_mirrors(name: str, settings: DataSettings) -> dict[str, torch.Tensor]:
    from robustprune.data.torchvision_readers import CLASSES

    source = CLASSES[name]
    tried = []
    for mirror in settings.mirrors:
        with tempfile.TemporaryDirectory(prefix="robustprune-") as folder:
            try:
                return _fetch(_with_mirror(source, mirror, Path(folder)), folder)
            except _Unreachable as reason:
                tried.append(f"{mirror}: {reason}")
    files = ", ".join(f"{file} (md5 {md5})" for file, md5 in _resources(source))
    raise StudyError(
        f"data set {name}: no mirror of data.mirrors worked. Tried {'; '.join(tried)}. "
        f"To place the files by hand, put {files} into a folder <mirror>/{source.__name__}/raw and name <mirror> "
        "under data.mirrors in the configuration"
    )


class _Unreachable(Exception):
    """Why one mirror could not be used."""


def _resources(source: type) -> list[tuple[str, str]]:
    if source.__name__ == "EMNIST":
        return [("gzip.zip", source.md5)]
    return [(Path(file).name, md5) for file, md5 in source.resources]


def _with_mirror(source: type, mirror: str, target: Path) -> type:
    """The torchvision class, made to read from one mirror only; raises _Unreachable for a bad folder.

    A folder's files are verified and copied below `target`, where torchvision finds them as if it had fetched them.
    """
    if mirror == "torchvision":
        return source
    if "://" in mirror and not mirror.startswith("file://"):
        base = f"{mirror.rstrip('/')}/{source.__name__}/raw/"
        return type(source.__name__, (source,), {"mirrors": [base], "url": f"{base}gzip.zip"})
    raw = Path(source.__name__, "raw")
    (target / raw).mkdir(parents=True)
    for file, md5 in _resources(source):
        path = Path(mirror.removeprefix("file://")) / raw / file
        _verify(path, md5)
        shutil.copy(path, target / raw / file)
    return source


def _verify(path: Path, md5: str) -> None:
    if not path.is_file():
        raise _Unreachable(f"{path} is missing")
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        size = path.stat().st_size
        raise _Unreachable(f"{path} is truncated or damaged ({size:,} bytes, md5 {found}, expected {md5})")


def _fetch(source: type, folder: str) -> dict[str, torch.Tensor]:
    """Let torchvision download, verify and read both parts; raises _Unreachable with its reason."""
    options = {"split": "digits"} if source.__name__ == "EMNIST" else {}
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    tensors = {}
    try:
        for part in ("train", "test"):
            read = source(folder, train=part == "train", download=True, **options)
            images = read.data.transpose(1, 2) if options else read.data  # EMNIST stores its images transposed
            tensors[f"{part}_images"] = images.flatten(1).contiguous()
            tensors[f"{part}_labels"] = read.targets.long()
    except (RuntimeError, URLError, OSError, ValueError, AssertionError) as error:
        raise _Unreachable(" ".join(str(error).split())) from None
    finally:
        socket.setdefaulttimeout(timeout)
    return tensors
