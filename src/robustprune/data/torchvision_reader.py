"""Data sets of torchvision: fetched from the first mirror that works, every file verified by its md5."""

import gzip
import hashlib
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

import torch

from robustprune.data.reader import PARTS, DatasetReader
from robustprune.data.torchvision_import import import_datasets
from robustprune.errors import StudyError
from robustprune.study.data_settings import DataSettings

TIMEOUT_SECONDS = 30


class TorchvisionReader(DatasetReader):
    """Reader of a class of torchvision.datasets."""

    def __init__(self, class_name: str, train_count: int, **options: str):
        """class_name: of torchvision.datasets; train_count: training images; options: arguments of the class."""
        self.class_name = class_name
        self.count = train_count
        self.options = options

    def train_count(self) -> int:
        return self.count

    def torchvision_class(self) -> Any:
        """Import torchvision and return the class."""
        return getattr(import_datasets(), self.class_name)

    def read(self, name: str, settings: DataSettings) -> dict[str, torch.Tensor]:
        class_ = self.torchvision_class()
        tried = []
        for mirror in settings.mirrors:
            with tempfile.TemporaryDirectory(prefix="robustprune-") as folder:
                try:
                    tensors = _fetch(_with_mirror(class_, mirror, Path(folder)), folder, self.options)
                    self._check_count(len(tensors["train_images"]))
                    return tensors
                except _Unreachable as reason:
                    tried.append(f"{mirror}: {reason}")
        files = ", ".join(f"{file} (md5 {md5})" for file, md5 in _resources(class_))
        raise StudyError(
            f"data set {name}: no mirror of data.mirrors worked. Tried {'; '.join(tried)}. "
            f"To place the files by hand, put {files} into a folder <mirror>/{self.class_name}/raw and name <mirror> "
            "under data.mirrors in the configuration"
        )

    def _check_count(self, found: int) -> None:
        """Raise _Unreachable for another number of training images, which files without an md5 may hold."""
        if found != self.count:
            raise _Unreachable(f"holds {found:,} training images, expected {self.count:,}")


class _Unreachable(Exception):
    """The reason why a mirror could not be used."""


def _resources(class_: Any) -> list[tuple[str, str]]:
    if class_.__name__ == "EMNIST":
        return [("gzip.zip", class_.md5)]
    return [(Path(file).name, md5) for file, md5 in class_.resources]


def _with_mirror(class_: Any, mirror: str, target: Path) -> Any:
    """Return the torchvision class that reads from one mirror only; raises _Unreachable for a bad folder.

    The files of a folder are verified and copied below `target`, where torchvision takes them for downloaded ones. The
    published md5 are those of packed files, so unpacked ones are read with a warning.
    """
    if mirror == "torchvision":
        return class_
    if "://" in mirror and not mirror.startswith("file://"):
        base = f"{mirror.rstrip('/')}/{class_.__name__}/raw/"
        return type(class_.__name__, (class_,), {"mirrors": [base], "url": f"{base}gzip.zip"})
    raw = Path(class_.__name__, "raw")
    (target / raw).mkdir(parents=True)
    for file, md5 in _resources(class_):
        path = _folder(mirror) / raw / file
        unpacked = path.with_suffix("")
        if path.suffix == ".gz" and unpacked.is_file() and not path.exists():
            _copy_unpacked(unpacked, target / raw / unpacked.name)
            continue
        _verify(path, md5)
        shutil.copyfile(path, target / raw / file)
        if path.suffix == ".gz":  # torchvision takes unpacked files only where it finds all of them
            with gzip.open(path) as packed, (target / raw / unpacked.name).open("wb") as whole:
                shutil.copyfileobj(packed, whole)
    return class_


def _copy_unpacked(path: Path, target: Path) -> None:
    print(f"warning: {path}: not packed, so its md5 cannot be verified", file=sys.stderr)
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise _Unreachable(f"{path} cannot be read ({error.strerror})") from None


def _folder(mirror: str) -> Path:
    """Return the folder of a path (~ is the home folder) or a file URL."""
    return Path(unquote(urlsplit(mirror).path) if mirror.startswith("file://") else mirror).expanduser()


def _verify(path: Path, md5: str) -> None:
    if not path.is_file():
        raise _Unreachable(f"{path} is missing")
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise _Unreachable(f"{path} cannot be read ({error.strerror})") from None
    if digest != md5:
        size = path.stat().st_size
        raise _Unreachable(f"{path} is truncated or damaged ({size:,} bytes, md5 {digest}, expected {md5})")


def _fetch(class_: Any, folder: str, options: dict[str, str]) -> dict[str, torch.Tensor]:
    """Let torchvision download, verify and read both parts; raises _Unreachable with its reason."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    tensors = {}
    try:
        for part in PARTS:
            read = class_(folder, train=part == "train", download=True, **options)
            # torchvision returns the images of EMNIST transposed
            images = read.data.transpose(1, 2) if class_.__name__ == "EMNIST" else read.data
            tensors[f"{part}_images"] = images.flatten(1).contiguous()
            tensors[f"{part}_labels"] = read.targets.long()
    except (RuntimeError, URLError, OSError, ValueError, AssertionError) as error:
        raise _Unreachable(" ".join(str(error).split())) from None
    finally:
        socket.setdefaulttimeout(timeout)
    return tensors
