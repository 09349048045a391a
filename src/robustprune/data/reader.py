"""The contract of a data set: a reader of images and labels, and the check of what it returns."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from robustprune.study.data_settings import DataSettings

IMAGE_SIZE = 28
CLASSES = 10
PARTS = ("train", "test")
VALIDATION_SHARE = 12  # one training image in twelve is kept for validation: 5,000 of the 60,000 of MNIST


class DatasetReader(ABC):
    """Reader of a data set of grey images, 28 x 28 pixels, in 10 classes."""

    @abstractmethod
    def read(self, name: str, settings: DataSettings) -> dict[str, Tensor]:
        """Return train_images, test_images, uint8 [N, 784] (0 = background), train_labels, test_labels, int64 [N].

        Raises StudyError naming what was tried and how to mend it.
        """

    def train_count(self) -> int | None:
        """Return the number of training images if it is known without reading them, for `robustprune plan`."""
        return None

    def where(self, part: str) -> str:
        """Return the origin of a part of `read`'s result, for error messages."""
        return part

    def files(self) -> list[Path]:
        """Return the user's files that are read; the data set is prepared again where their content has changed."""
        return []


def problem(tensors: Mapping[str, Tensor], reader: DatasetReader) -> str | None:
    """Return the first error in what `reader` has read, or None."""
    return next(_problems(tensors, reader), None)


def _problems(tensors: Mapping[str, Tensor], reader: DatasetReader) -> Iterator[str]:
    wanted = [f"{part}_{kind}" for part in PARTS for kind in ("images", "labels")]
    if sorted(tensors) != sorted(wanted):
        yield f"the reader gave {', '.join(sorted(tensors))}; expected {', '.join(wanted)}"
    for part in PARTS:
        images, labels = tensors[f"{part}_images"], tensors[f"{part}_labels"]
        of_images, of_labels = reader.where(f"{part}_images"), reader.where(f"{part}_labels")
        if images.dim() != 2 or images.shape[1] != IMAGE_SIZE**2 or images.dtype != torch.uint8:
            kind = f"{_name(images)} {list(images.shape)}"
            yield f"{of_images}: found {kind}; expected uint8 [N, {IMAGE_SIZE**2}] (28 x 28 grey pixels, 0 to 255)"
        if labels.dim() != 1 or labels.dtype != torch.int64:
            yield f"{of_labels}: found {_name(labels)} {list(labels.shape)}; expected int64 [N]"
        if not len(images) or len(images) != len(labels):
            yield f"{of_images} holds {len(images):,} images, {of_labels} {len(labels):,} labels; expected as many"
        if labels.min() < 0 or labels.max() >= CLASSES:
            low, high = int(labels.min()), int(labels.max())
            yield f"{of_labels}: found labels {low} to {high}; expected classes 0 to {CLASSES - 1}"
    labels, where = tensors["train_labels"], reader.where("train_labels")
    counts = torch.bincount(labels)
    present, held_out = int((counts > 0).sum()), len(labels) // VALIDATION_SHARE
    if held_out < present or present < 2 or counts[counts > 0].min() < 2:
        least = int(counts[counts > 0].min())
        yield (
            f"{where}: {len(labels)} images of {present} classes, {least} of the rarest; expected two classes or "
            f"more, two images of each, and {VALIDATION_SHARE} times as many images as classes (one image in "
            f"{VALIDATION_SHARE} is kept for validation)"
        )


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
