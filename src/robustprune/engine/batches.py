"""Batches for all replicates at once, gathered from one uint8 tensor; each replicate shuffles by itself."""

from collections.abc import Sequence

import torch
from torch import Tensor

from robustprune.data.datasets import Dataset, stratified_choice
from robustprune.errors import StudyError
from robustprune.initialization.examples import Examples
from robustprune.networks.architecture import Architecture
from robustprune.networks.convolution import windows
from robustprune.study.cells import Cell


class Batches:
    """Training images [N, n] uint8 and labels [N], served as x [R, B, n] in [0, 1] (or uint8) and y [R, B].

    The incomplete last batch of an epoch is dropped, so every step has the same shape. The dropped images differ
    between epochs. The position in the epoch is a tensor on the device, so that every call does the same work.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch: int,
        generators: Sequence[torch.Generator],
        dtype: torch.dtype | None,
    ):
        """generators: one per replicate, for its permutations. dtype: None serves uint8, for a layer that converts."""
        self.all_images, self.labels = images, labels
        self.batch, self.generators, self.dtype = batch, generators, dtype
        self.steps = len(labels) // batch
        self.served = images
        self.kept: Tensor | None = None
        device = images.device
        self.offset = torch.zeros(len(generators), 1, dtype=torch.int64, device=device)
        self.permutation = torch.empty(len(generators), self.steps, batch, dtype=torch.int64, device=device)
        self.step = torch.full((1,), self.steps, dtype=torch.int64, device=device)  # no epoch has begun

    def start_epoch(self) -> None:
        """Draw a new permutation per replicate; every epoch begins with this call."""
        for batches, generator in zip(self.permutation, self.generators, strict=True):
            drawn = torch.randperm(len(self.labels), generator=generator, device=generator.device)
            batches.copy_(drawn[: batches.numel()].view_as(batches))
        self.step.zero_()

    def restrict(self, kept: Tensor) -> None:
        """Serve only the kept input features; kept [R, n]: original indices (-1: padding, served as zero).

        The copies are contiguous, so that a pruned network reads a fifth of the bytes per step.
        """
        whole = kept.shape[1] == self.all_images.shape[1] and bool((kept >= 0).all())
        if whole or (self.kept is not None and torch.equal(kept, self.kept)):
            return
        self.kept = kept
        # gather takes a third of index_select's time along rows of bytes
        columns = kept.clamp_min(0).unsqueeze(1).expand(-1, len(self.all_images), -1)
        copies = [self.all_images.gather(1, indices) for indices in columns]
        for copy, indices in zip(copies, kept, strict=True):
            copy[:, indices < 0] = 0
        self.served = torch.cat(copies)
        count = len(self.labels)
        self.offset = torch.arange(0, count * len(kept), count, device=kept.device).unsqueeze(1)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch of the epoch: x [R, B, n] and y [R, B]."""
        index = self.permutation.index_select(1, self.step).squeeze(1)
        self.step.add_(1)
        rows = self.served.index_select(0, (index + self.offset).flatten())
        x = rows if self.dtype is None else rows.to(self.dtype).mul_(1 / 255)
        return x.view(*index.shape, -1), self.labels.take(index)


def training_examples(cell: Cell, data: Dataset) -> Examples:
    """Return the images that a cell trains on: all of them, or the tuning split, or a choice of so many of these."""
    images, labels = data.train_images, data.train_labels
    if cell.training.images == "tuning":
        images, labels = images[data.tuning], labels[data.tuning]
    if cell.training.examples is not None:
        chosen = stratified_choice(labels, cell.training.examples)
        images, labels = images[chosen], labels[chosen]
    return Examples(images, labels)


def check_batch(cell: Cell, images: int) -> None:
    """Raise StudyError where a batch is larger than the number of training images."""
    if cell.training.batch_size > images:
        raise StudyError(
            f"training.batch_size: {cell.training.batch_size} exceeds the {images} training images of {cell.dataset}; "
            "choose a smaller batch"
        )


def cell_batches(
    cell: Cell,
    architecture: Architecture,
    examples: Examples,
    generators: Sequence[torch.Generator],
    dtype: torch.dtype,
    device: str,
) -> Batches:
    """Return the batches of a cell; images for a convolutional first layer are cut into windows once.

    Raises StudyError where a batch is larger than the data set.
    """
    images, labels, batch = examples.images, examples.labels, cell.training.batch_size
    check_batch(cell, len(labels))
    convolved = architecture.layers[0].kernel > 1
    images = images.to(device)
    images = windows(images) if convolved else images
    return Batches(images, labels.to(device), batch, generators, None if convolved else dtype)
