"""Data sets from a folder of four NumPy files, for plug-ins."""

from pathlib import Path

import numpy as np
import torch

from robustprune.data.reader import IMAGE_SIZE, PARTS, DatasetReader
from robustprune.errors import StudyError
from robustprune.study.data_settings import DataSettings


class NpyFolder(DatasetReader):
    """Reader of a folder with train_images.npy, test_images.npy, train_labels.npy and test_labels.npy.

    Images: uint8 [N, 28, 28] or [N, 784]. Labels: integers [N] from 0 to 9.
    """

    def __init__(self, folder: str | Path):
        """folder: a relative path starts at the working directory; Path(__file__).parent is the plug-in's folder."""
        self.folder = Path(folder).expanduser()

    def where(self, part: str) -> str:
        return str(self.folder / f"{part}.npy")

    def files(self) -> list[Path]:
        return [self.folder / f"{part}_{kind}.npy" for part in PARTS for kind in ("images", "labels")]

    def train_count(self) -> int | None:
        """Read the count from the header of train_labels.npy; None where that fails."""
        try:
            return len(np.load(self.folder / "train_labels.npy", mmap_mode="r"))
        except (OSError, ValueError, TypeError, EOFError):
            return None

    def read(self, name: str, settings: DataSettings) -> dict[str, torch.Tensor]:
        tensors = {}
        for part in PARTS:
            tensors[f"{part}_images"] = torch.from_numpy(_images(self.folder / f"{part}_images.npy"))
            tensors[f"{part}_labels"] = torch.from_numpy(_labels(self.folder / f"{part}_labels.npy"))
        return tensors


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; a data set has images and labels, train and test") from None
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise StudyError(f"{path}: not a readable .npy file of numbers ({reason}); write it with numpy.save") from None


def _images(path: Path) -> np.ndarray:
    """Read images as uint8 [N, 784]."""
    images = _array(path)
    if images.dtype != np.uint8 or images.shape[1:] not in [(IMAGE_SIZE, IMAGE_SIZE), (IMAGE_SIZE**2,)]:
        raise StudyError(
            f"{path}: found {images.dtype} {list(images.shape)}; expected uint8 [N, 28, 28] or [N, 784] (grey pixels, "
            "0 to 255; colour and other sizes are not supported)"
        )
    return np.ascontiguousarray(images.reshape(len(images), IMAGE_SIZE**2))


def _labels(path: Path) -> np.ndarray:
    """Read labels as int64 [N]."""
    labels = _array(path)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise StudyError(f"{path}: found {labels.dtype} {list(labels.shape)}; expected whole numbers [N], 0 to 9")
    return labels.astype(np.int64)
