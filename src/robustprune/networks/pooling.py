"""The maximum of pairs and its gradient; 2x2 max pooling is that of two rows, then of two columns."""

import torch
from torch import Tensor


def winner(first: Tensor, second: Tensor, won: Tensor) -> Tensor:
    """Return the maximum of two tensors; write 1 into `won` where the first is taken (also in ties), else 0.

    `won` holds floats, because products with a boolean tensor are several times slower.
    """
    torch.ge(first, second, out=won)
    return torch.maximum(first, second)


def pooled_pairs(pairs: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the maximum over an axis of length 2, and where the first won, as `winner` tells it."""
    first, second = pairs.unbind(dim)
    won = first.new_empty(first.shape)
    return winner(first, second, won), won


def unpooled_pairs(grad: Tensor, won: Tensor, dim: int) -> Tensor:
    """Return the gradients of pairs from that of their maximum, on a new axis `dim`: grad at the winner, else 0."""
    shape = list(grad.shape)
    shape.insert(dim, 2)
    pairs = grad.new_empty(shape)
    first, second = pairs.select(dim, 0), pairs.select(dim, 1)
    torch.mul(grad, won, out=first)
    torch.sub(grad, first, out=second)
    return pairs
