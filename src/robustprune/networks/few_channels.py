"""A later 5x5 convolution of few channels on a CPU, with bias, 2x2 max pooling and ReLU, as matrix products.

The library's convolution works in blocks of channels and wastes most of a block where channels are few. Here two
neighbouring outputs of a row read a strip of six columns, so one product gives both, at 6/5 of the arithmetic. Rows are
the outermost axis. The strips of eight consecutive rows are then one contiguous matrix, and a convolution is the sum of
five products, one per row of the kernel. So are its gradients.
"""

import torch
from torch import Tensor
from torch.autograd import Function

from robustprune.networks.pooling import pooled_pairs, unpooled_pairs

KERNEL = 5
STRIP = KERNEL + 1  # columns that two neighbouring outputs read


class FewChannels(Function):
    """The layer as a loop over replicates."""

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Map h [R, B, in, H, W] with weight [R, out, in, 5, 5] and bias [R, out] to [R, B, out, H', W']."""
        replicates, batch, _, height, width = h.shape
        out, rows, columns = weight.shape[1], (height - KERNEL + 1) // 2, (width - KERNEL + 1) // 2
        pooled = h.new_empty(replicates, batch, out, rows, columns)
        saved = []
        for r in range(replicates):
            strips, filters = _strips(h[r]), _filters(weight[r])
            parts = _consecutive(strips)
            maps = torch.mm(parts[0], filters[0])
            for part, row in zip(parts[1:], filters[1:], strict=True):
                maps.addmm_(part, row)
            best, vertical = pooled_pairs(maps.view(rows, 2, -1), 1)
            best, horizontal = pooled_pairs(best.view(rows, batch, columns, 2, out), 3)
            best.add_(bias[r]).relu_()
            pooled[r].copy_(best.permute(1, 3, 0, 2))
            saved += [strips, filters, vertical, horizontal, best]
        ctx.save_for_backward(*saved)
        return pooled

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of h, weight and bias."""
        saved = ctx.saved_tensors
        replicates, batch, out, rows, columns = upstream.shape
        height, channels = saved[0].shape[0], saved[0].shape[2] // STRIP
        grad_weight = upstream.new_empty(replicates, out, channels, KERNEL, KERNEL)
        grad_bias = upstream.new_empty(replicates, out)
        grad_h = None
        if ctx.needs_input_grad[0]:
            grad_h = upstream.new_empty(replicates, batch, channels, height, 2 * columns + KERNEL - 1)
        for r in range(replicates):
            strips, filters, vertical, horizontal, best = saved[5 * r : 5 * r + 5]
            grad = upstream[r].permute(2, 0, 3, 1).contiguous()
            grad = torch.ops.aten.threshold_backward(grad, best, 0)
            torch.sum(grad, (0, 1, 2), out=grad_bias[r])
            grad = unpooled_pairs(unpooled_pairs(grad, horizontal, 3).view(rows, -1), vertical, 1).view(-1, 2 * out)
            _add_filters([torch.mm(part.t(), grad) for part in _consecutive(strips)], grad_weight[r])
            if grad_h is not None:
                grads = torch.zeros_like(strips)
                for part, row in zip(_consecutive(grads), filters, strict=True):
                    part.addmm_(grad, row.t())
                _add_strips(grads, grad_h[r])
        return grad_h, grad_weight, grad_bias


def _consecutive(strips: Tensor) -> list[Tensor]:
    """Return, for each row of the kernel, a view [H' B columns, 6 in] of those rows of strips that it reads."""
    rows = len(strips) - KERNEL + 1
    return [strips[row : row + rows].flatten(0, 1) for row in range(KERNEL)]


def _strips(h: Tensor) -> Tensor:
    """Cut h [B, in, H, W] into strips of six columns, two columns apart: [H, B columns, 6 in]."""
    channels = h.shape[1]
    rows = h.permute(2, 0, 3, 1).flatten(2)
    return rows.unfold(2, STRIP * channels, 2 * channels).flatten(1, 2)


def _add_strips(strips: Tensor, grad: Tensor) -> None:
    """Write the adjoint of `_strips` into grad [B, in, H, W]; pairs of columns belong to up to three strips."""
    batch, channels, height, width = grad.shape
    pairs, columns = width // 2, (width - KERNEL + 1) // 2
    parts = strips.view(height, batch, columns, STRIP // 2, 2 * channels)
    rows = strips.new_zeros(height, batch, pairs, 2 * channels)
    for first, part in enumerate(parts.unbind(3)):
        rows[:, :, first : first + columns] += part
    grad.copy_(rows.view(height, batch, width, channels).permute(1, 3, 0, 2))


def _filters(weight: Tensor) -> Tensor:
    """Return kernels [out, in, 5, 5] as maps from a strip to its two outputs, per row: [5, 6 in, 2 out]."""
    out, channels = weight.shape[:2]
    filters = weight.new_zeros(KERNEL, STRIP, channels, 2, out)
    for place in range(2):
        filters[:, place : place + KERNEL, :, place] = weight.permute(2, 3, 1, 0)
    return filters.flatten(3).flatten(1, 2)


def _add_filters(filters: list[Tensor], grad: Tensor) -> None:
    """Write the adjoint of `_filters` into grad [out, in, 5, 5]."""
    out, channels = grad.shape[:2]
    rows = torch.stack(filters).view(KERNEL, STRIP, channels, 2, out)
    torch.add(rows[:, :KERNEL, :, 0], rows[:, 1:, :, 1], out=grad.permute(2, 3, 1, 0))
