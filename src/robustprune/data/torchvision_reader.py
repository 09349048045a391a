"""Data sets that torchvision reads: fetched from mirrors in turn, every file verified by its md5."""

import hashlib
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

import torch

from robustprune.data.reader import PARTS, DatasetReader
from robustprune.data.torchvision_import import import_datasets
from robustprune.errors import StudyError
from robustprune.study.config import DataSettings

TIMEOUT_SECONDS = 30


class TorchvisionReader(DatasetReader):
    """The data set of a class of torchvision.datasets (its name), with that many training images."""

    def __init__(self, class_name: str, train_count: int, **options: str):
        """`options`: what else the class is given."""
        self.class_name = class_name
        self.count = train_count
        self.options = options

    def train_count(self) -> int:
        return self.count

    def torchvision_class(self) -> type:
        """The class; torchvision is imported here and not before."""
        return getattr(import_datasets(), self.class_name)

    def read(self, name: str, settings: DataSettings) -> dict[str, torch.Tensor]:
        class_ = self.torchvision_class()
        tried = []
        for mirror in settings.mirrors:
            with tempfile.TemporaryDirectory(prefix="robustprune-") as folder:
                try:
                    return _fetch(_with_mirror(class_, mirror, Path(folder)), folder, self.options)
                except _Unreachable as reason:
                    tried.append(f"{mirror}: {reason}")
        files = ", ".join(f"{file} (md5 {md5})" for file, md5 in _resources(class_))
        raise StudyError(
            f"data set {name}: no mirror of data.mirrors worked. Tried {'; '.join(tried)}. "
            f"To place the files by hand, put {files} into a folder <mirror>/{self.class_name}/raw and name <mirror> "
            "under data.mirrors in the configuration"
        )


class _Unreachable(Exception):
    """Why one mirror could not be used."""


def _resources(class_: type) -> list[tuple[str, str]]:
    if class_.__name__ == "EMNIST":
        return [("gzip.zip", class_.md5)]
    return [(Path(file).name, md5) for file, md5 in class_.resources]


def _with_mirror(class_: type, mirror: str, target: Path) -> type:
    """The torchvision class, made to read from one mirror only; raises _Unreachable for a bad folder.

    A folder's files are verified and copied below `target`, where torchvision finds them as if it had fetched them.
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
        _verify(path, md5)
        shutil.copyfile(path, target / raw / file)
    return class_


def _folder(mirror: str) -> Path:
    """The folder that a path (~ is the home folder) or a file URL names."""
    return Path(unquote(urlsplit(mirror).path) if mirror.startswith("file://") else mirror).expanduser()


def _verify(path: Path, md5: str) -> None:
    if not path.is_file():
        raise _Unreachable(f"{path} is missing")
    try:
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise _Unreachable(f"{path} cannot be read ({error.strerror})") from None
    if found != md5:
        size = path.stat().st_size
        raise _Unreachable(f"{path} is truncated or damaged ({size:,} bytes, md5 {found}, expected {md5})")


def _fetch(class_: type, folder: str, options: dict[str, str]) -> dict[str, torch.Tensor]:
    """Let torchvision download, verify and read both parts; raises _Unreachable with its reason."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    tensors = {}
    try:
        for part in PARTS:
            read = class_(folder, train=part == "train", download=True, **options)
            # EMNIST stores its images transposed
            images = read.data.transpose(1, 2) if class_.__name__ == "EMNIST" else read.data
            tensors[f"{part}_images"] = images.flatten(1).contiguous()
            tensors[f"{part}_labels"] = read.targets.long()
    except (RuntimeError, URLError, OSError, ValueError, AssertionError) as error:
        raise _Unreachable(" ".join(str(error).split())) from None
    finally:
        socket.setdefaulttimeout(timeout)
    return tensors
