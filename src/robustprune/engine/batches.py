"""Batches for all replicates at once, gathered from one uint8 tensor; each replicate has its own order."""

from collections.abc import Sequence

import torch
from torch import Tensor

from robustprune.data.datasets import Dataset
from robustprune.errors import StudyError
from robustprune.initialization.examples import Examples
from robustprune.networks.architecture import Architecture
from robustprune.networks.convolution import windows
from robustprune.study.cells import Cell


class Batches:
    """Training images [N, n] uint8 and labels [N], served as x [R, B, n] in [0, 1] (or as they are) and y [R, B].

    The incomplete last batch of an epoch is left out (other images every epoch), so every step has the same shape.
    The place in the epoch is a tensor on the device, so that serving a batch is the same work every time.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch: int,
        orders: Sequence[torch.Generator],
        dtype: torch.dtype | None,
    ):
        """dtype None: serve uint8, for a layer that converts what it reads."""
        self.all_images, self.labels = images, labels
        self.batch, self.orders, self.dtype = batch, orders, dtype
        self.steps = len(labels) // batch
        self.served, self.kept = images, None
        device = images.device
        self.offset = torch.zeros(len(orders), 1, dtype=torch.int64, device=device)
        self.order = torch.empty(len(orders), self.steps, batch, dtype=torch.int64, device=device)
        self.step = torch.full((1,), self.steps, dtype=torch.int64, device=device)  # no epoch has begun

    def start_epoch(self) -> None:
        """Shuffle: a new permutation per replicate. Every epoch begins with it, the first one too."""
        for order, generator in zip(self.order, self.orders, strict=True):
            permutation = torch.randperm(len(self.labels), generator=generator, device=generator.device)
            order.copy_(permutation[: order.numel()].view_as(order))
        self.step.zero_()

    def restrict(self, kept: Tensor) -> None:
        """Serve only the kept input features, kept [R, n] original indices (-1: padding, served as zero).

        Contiguous copies: a pruned network then reads a fifth of the bytes per step.
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
        """The epoch's next batch."""
        index = self.order.index_select(1, self.step).squeeze(1)
        self.step.add_(1)
        rows = self.served.index_select(0, (index + self.offset).flatten())
        x = rows if self.dtype is None else rows.to(self.dtype).mul_(1 / 255)
        return x.view(*index.shape, -1), self.labels.take(index)


def training_examples(cell: Cell, data: Dataset) -> Examples:
    """The images that a cell trains on: all, or those of the tuning split."""
    images, labels = data.train_images, data.train_labels
    if cell.training.images == "tuning":
        images, labels = images[data.tuning], labels[data.tuning]
    return Examples(images, labels)


def cell_batches(
    cell: Cell,
    architecture: Architecture,
    examples: Examples,
    orders: Sequence[torch.Generator],
    dtype: torch.dtype,
    device: str,
) -> Batches:
    """The batches of a cell; a network that begins with a convolution gets its images cut into windows once.

    Raises StudyError where a batch is larger than the data set.
    """
    images, labels, batch = examples.images, examples.labels, cell.training.batch_size
    if batch > len(labels):
        raise StudyError(
            f"training.batch_size: {batch} exceeds the {len(labels)} training images of {cell.dataset}; choose a "
            "smaller batch"
        )
    convolved = architecture.layers[0].kernel > 1
    images = windows(images) if convolved else images
    return Batches(images.to(device), labels.to(device), batch, orders, None if convolved else dtype)
