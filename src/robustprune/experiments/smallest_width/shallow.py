"""Networks 784-m-10 of several widths, seeds and learning rates, trained side by side to fit images.

The networks of one seed and learning rate lie side by side, each padded to the widest: their first layers are one
matrix product. Padded weights begin at 0 and stay there, for their gradients are 0.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustprune.initialization.examples import Examples

CLASSES = 10
BATCH = 128
CHECKS = 10
"""How often the errors of all images are counted, at equal distances; the last time after the last step."""
CHUNK = 1000


@dataclass(frozen=True)
class Fits:
    """What training found, each [rates, seeds, widths].

    wrong: the smallest number of wrongly classified images at a check; NaN where the scores were never finite. fitted:
    the step of the first check without one, NaN where there is none. loss: the mean cross-entropy of the last batch.
    """

    wrong: Tensor
    fitted: Tensor
    loss: Tensor


def generator(*names: object) -> torch.Generator:
    """Return the random stream of these names."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class Stack:
    """Networks of one learning rate: first.weight [S, K m, 784], second.weight [S, K, 10, m], biases alike.

    S seeds, K widths, m places for the units of the widest.
    """

    def __init__(self, name: str, seeds: Sequence[int], widths: Sequence[int], pixels: int, dtype: torch.dtype):
        """name: of the random streams, from which each network draws by its seed and width alone (He normal)."""
        self.count, self.places = len(widths), max(widths)
        size = (len(seeds), self.count, self.places)
        self.first = torch.zeros(*size, pixels, dtype=dtype)
        self.second = torch.zeros(len(seeds), self.count, CLASSES, self.places, dtype=dtype)
        for row, seed in enumerate(seeds):
            for column, width in enumerate(widths):
                drawn = generator(name, "weights", seed, width)
                into = torch.randn(width, pixels, generator=drawn) * math.sqrt(2 / pixels)
                out = torch.randn(CLASSES, width, generator=drawn) * math.sqrt(2 / width)
                self.first[row, column, :width] = into.to(dtype)
                self.second[row, column, :, :width] = out.to(dtype)
        self.first = self.first.flatten(1, 2).requires_grad_()
        self.first_bias = torch.zeros(len(seeds), 1, self.count * self.places, dtype=dtype, requires_grad=True)
        self.second.requires_grad_()
        self.second_bias = torch.zeros(len(seeds), self.count, 1, CLASSES, dtype=dtype, requires_grad=True)

    @property
    def parameters(self) -> list[Tensor]:
        """The trained tensors."""
        return [self.first, self.first_bias, self.second, self.second_bias]

    def scores(self, images: Tensor) -> Tensor:
        """Return scores [S, K, B, 10] of images [S, B, pixels] in [0, 1]."""
        hidden = torch.baddbmm(self.first_bias, images, self.first.transpose(1, 2)).relu()
        by_network = hidden.unflatten(2, (self.count, self.places)).transpose(1, 2)
        return by_network @ self.second.transpose(2, 3) + self.second_bias


def fit(
    name: str,
    examples: Examples,
    widths: Sequence[int],
    seeds: Sequence[int],
    rates: Sequence[float],
    steps: int,
    dtype: torch.dtype = torch.float32,
) -> Fits:
    """Train networks of all widths, seeds and learning rates on these images (uint8 [N, pixels]) and labels [N].

    Training ends after `steps` steps, or when every network has fitted at a check. Networks of one seed see the same
    batches; a network's numbers do not depend on what trains beside it, up to rounding.
    """
    images = examples.images.to(dtype) / 255
    stacks = [Stack(name, seeds, widths, images.shape[1], dtype) for _ in rates]
    groups = [{"params": stack.parameters, "lr": rate} for stack, rate in zip(stacks, rates, strict=True)]
    optimizer = torch.optim.Adam(groups, fused=True)
    batches = [_Batches(len(images), generator(name, "order", seed)) for seed in seeds]
    shape = (len(rates), len(seeds), len(widths))
    wrong, fitted = torch.full(shape, torch.nan), torch.full(shape, torch.nan)
    loss = torch.full(shape, torch.nan, dtype=dtype)
    checks = {round(steps * (check + 1) / CHECKS) for check in range(CHECKS)}
    for step in range(steps):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        index = torch.stack([one.next() for one in batches])
        x, y = images[index], examples.labels[index]
        losses = torch.stack([_losses(stack.scores(x), y) for stack in stacks])
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
        loss = losses.detach()
        if step + 1 in checks:
            counted = torch.stack([_wrong(stack, images, examples.labels) for stack in stacks])
            wrong = torch.fmin(wrong, counted)
            fitted = torch.where(fitted.isnan() & (counted == 0), float(step + 1), fitted)
            if not bool(fitted.isnan().any()):
                break
    return Fits(wrong, fitted, loss)


class _Batches:
    """Indices of batches of one seed: passes in random order, without the incomplete rest of each."""

    def __init__(self, count: int, stream: torch.Generator):
        self.count, self.stream, self.size = count, stream, min(count, BATCH)
        self.left: list[Tensor] = []

    def next(self) -> Tensor:
        if not self.left:
            order = torch.randperm(self.count, generator=self.stream)
            self.left = list(order[: self.count // self.size * self.size].split(self.size))
        return self.left.pop()


def _losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy [S, K] of scores [S, K, B, 10] with labels [S, B]."""
    own = labels.unsqueeze(1).expand(scores.shape[:3])
    return nn.functional.cross_entropy(scores.flatten(0, 2), own.flatten(), reduction="none").view(own.shape).mean(2)


@torch.no_grad()
def _wrong(stack: Stack, images: Tensor, labels: Tensor) -> Tensor:
    """Return the number of wrongly classified images [S, K]; NaN where a score is not finite."""
    seeds = stack.first.shape[0]
    total = torch.zeros(seeds, stack.count)
    for part, own in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
        scores = stack.scores(part.expand(seeds, *part.shape))
        counted = (scores.argmax(3) != own).sum(2).float()
        total += counted.masked_fill(~scores.isfinite().all(3).all(2), torch.nan)
    return total
