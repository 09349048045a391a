"""Valid 5x5 convolution, bias, 2x2 max pooling and ReLU as one layer with a leading replicate axis.

Bias and ReLU commute with pooling and come after it, where they touch a quarter of the values. A CPU computes one
replicate after the other, in pieces that fit the cache. The output of the convolution, four times the size of the
pooled maps, is never written to memory.

The first layer treats the four positions of each pooling window as four sets of filters over the 6x6 pixels that the
window covers ("windows"). One matrix product gives the four results as contiguous blocks, and pooling is their
element-wise maximum. The windows hold 6.6 values per pixel (patches of 5x5 pixels hold 18.4). They do not change during
training: they are cut once for the whole data set, in uint8, and converted to floats piece by piece.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from robustprune.networks.few_channels import FewChannels
from robustprune.networks.gpu_convolution import KERNEL, convolve_together
from robustprune.networks.pooling import pooled_pairs, unpooled_pairs, winner
from robustprune.networks.precision import as_in_forward, remember_autocast

WINDOW = KERNEL + 1  # pixels per side that a 2x2 pooling window of a 5x5 convolution covers
SIDE = 28
POOLED = (SIDE - KERNEL + 1) // 2
WINDOWS = WINDOW**2 * POOLED**2  # values per image after `windows`
CACHED_MAPS = 320  # filters times images per piece; the four maps of a piece take 0.7 MiB
FEW = 256  # pairs of input and output channels; with more the library's convolution is as fast as products
PHASES = [(row, column) for row in range(2) for column in range(2)]


def windows(images: Tensor) -> Tensor:
    """Cut images [N, 784] of any dtype into overlapping 6x6 windows two pixels apart: [N, 36 * 144]."""
    image, row, column = images.stride(0), SIDE, 1
    shape = (len(images), WINDOW, WINDOW, POOLED, POOLED)
    return images.as_strided(shape, (image, row, column, 2 * row, 2 * column)).reshape(len(images), WINDOWS)


def convolve_image(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply the first layer to images [R, B, 784] in [0, 1], or to their windows [R, B, 5184] (uint8: 255 means 1).

    weight [R, out, 1, 5, 5], bias [R, out]. Returns relu(max_pool(convolution) + bias) [R, B, out, 12, 12].
    """
    return _ImageLayer.apply(image_windows(images), weight, bias).unflatten(3, (POOLED, POOLED))


def image_windows(images: Tensor) -> Tensor:
    """Return images [R, B, 784], or their windows [R, B, 5184], as pixels of windows [R, B, 36, 144]."""
    if images.shape[2] != WINDOWS:
        images = windows(images.flatten(0, 1)).unflatten(0, images.shape[:2])
    return images.unflatten(2, (WINDOW**2, POOLED**2))


def convolve(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a later layer: h [R, B, in, H, W], weight [R, out, in, 5, 5], bias [R, out].

    Returns relu(max_pool(convolution) + bias) [R, B, out, (H-4)/2, (W-4)/2].
    """
    if h.is_cuda:
        return convolve_together(h, weight, bias)
    few = weight.shape[1] * weight.shape[2] <= FEW
    return (FewChannels if few else _HiddenLayer).apply(h, weight, bias)


def cached_pieces(filters: int, *tensors: Tensor) -> Iterator[tuple[Any, ...]]:
    """Yield the replicate's index and parts [b, ...] of tensors [R, B, ...] that fit the cache; on a GPU the whole."""
    if tensors[0].is_cuda:
        yield slice(None), *tensors
        return
    replicates, batch = tensors[0].shape[:2]
    count = -(-batch * filters // CACHED_MAPS)
    for replicate in range(replicates):
        parts = (tensor[replicate].split(-(-batch // count)) for tensor in tensors)
        for part in zip(*parts, strict=True):
            yield replicate, *part


class _ImageLayer(Function):
    @staticmethod
    def forward(ctx, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """images [R, B, 36, 144], uint8 or scaled -> [R, B, out, 144]."""
        remember_autocast(ctx, images)
        replicates, batch = images.shape[:2]
        out = weight.shape[1]
        ctx.scale = 1.0 if images.is_floating_point() else 1 / 255
        filters = phase_filters(weight * ctx.scale).unsqueeze(1)
        pooled = weight.new_empty(replicates, batch, out, POOLED**2)
        won = weight.new_empty(3, replicates, batch, out, POOLED**2)
        offset = bias.unsqueeze(1).unsqueeze(3)
        for r, pixels, best, *choices in cached_pieces(out, images, pooled, *won):
            maps = torch.matmul(filters[r], pixels.to(weight.dtype)).unflatten(-2, (len(PHASES), out))
            first, second, third, fourth = maps.unbind(-3)
            upper, lower = winner(first, second, choices[0]), winner(third, fourth, choices[1])
            torch.ge(upper, lower, out=choices[2])
            torch.maximum(upper, lower, out=best).add_(offset[r]).relu_()
        ctx.save_for_backward(images, won, pooled)
        return pooled

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of weight and bias; images get none."""
        images, won, pooled = ctx.saved_tensors
        replicates, _, out, _ = pooled.shape
        grad_filters = upstream.new_zeros(replicates, len(PHASES) * out, WINDOW**2)
        grad_bias = upstream.new_zeros(replicates, out)
        for r, pixels, best, grad, *choices in cached_pieces(out, images, pooled, upstream, *won):
            grad = torch.ops.aten.threshold_backward(grad, best, 0)
            grad_bias[r] += grad.sum((-3, -1))
            maps = to_winners(grad, choices)
            with as_in_forward(ctx):
                products = torch.matmul(maps, pixels.to(grad.dtype).transpose(-2, -1))
            grad_filters[r] += products.sum(-3)
        return None, from_phase_filters(grad_filters, out) * ctx.scale, grad_bias


def to_winners(grad: Tensor, choices: list[Tensor]) -> Tensor:
    """Return the gradient [..., 4 out, 144] of the four positions of each window from that of their maximum.

    grad [..., out, 144] is overwritten. choices: the outputs of `winner` for the upper pair, the lower pair, and the
    two maxima.
    """
    maps = grad.new_empty(*grad.shape[:-2], len(PHASES), *grad.shape[-2:])
    first, second, third, fourth = maps.unbind(-3)
    upper = grad * choices[2]
    lower = grad.sub_(upper)
    torch.sub(upper, torch.mul(upper, choices[0], out=first), out=second)
    torch.sub(lower, torch.mul(lower, choices[1], out=third), out=fourth)
    return maps.flatten(-3, -2)


def phase_filters(weight: Tensor) -> Tensor:
    """Return kernels [R, out, 1, 5, 5] at the four positions of a 6x6 window: [R, 4 out, 36], position by position."""
    filters = weight.new_zeros(weight.shape[0], len(PHASES), weight.shape[1], WINDOW, WINDOW)
    for phase, (row, column) in enumerate(PHASES):
        filters[:, phase, :, row : row + KERNEL, column : column + KERNEL] = weight[:, :, 0]
    return filters.flatten(3).flatten(1, 2)


def from_phase_filters(filters: Tensor, out: int) -> Tensor:
    """Return the adjoint of `phase_filters`: [R, 4 out, 36] -> [R, out, 1, 5, 5]."""
    filters = filters.view(-1, len(PHASES), out, WINDOW, WINDOW)
    parts = [
        filters[:, phase, :, row : row + KERNEL, column : column + KERNEL] for phase, (row, column) in enumerate(PHASES)
    ]
    return torch.stack(parts).sum(0).unsqueeze(2)


class _HiddenLayer(Function):
    """A convolution as a loop over replicates in channels_last memory, on a CPU twice as fast as the default layout."""

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Map h [R, B, in, H, W] to [R, B, out, H', W']."""
        replicates, batch, _, height, width = h.shape
        out, rows, columns = weight.shape[1], (height - KERNEL + 1) // 2, (width - KERNEL + 1) // 2
        pooled = h.new_empty(replicates, batch, out, rows, columns)
        saved = []
        for r in range(replicates):
            inputs = h[r].contiguous(memory_format=torch.channels_last)
            maps = F.conv2d(inputs, weight[r]).permute(0, 2, 3, 1).contiguous()
            best, vertical = pooled_pairs(maps.view(batch, rows, 2, 2 * columns, out), 2)
            best, horizontal = pooled_pairs(best.view(batch, rows, columns, 2, out), 3)
            best.add_(bias[r]).relu_()
            pooled[r].copy_(best.permute(0, 3, 1, 2))
            saved += [inputs, vertical, horizontal, best]
        ctx.save_for_backward(weight, *saved)
        return pooled

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of h, weight and bias."""
        weight, *saved = ctx.saved_tensors
        replicates, batch, out, rows, columns = upstream.shape
        grad_weight, grad_bias = torch.empty_like(weight), upstream.new_empty(replicates, out)
        inputs = saved[0]
        grad_h = upstream.new_empty(replicates, *inputs.shape) if ctx.needs_input_grad[0] else None
        for r in range(replicates):
            inputs, vertical, horizontal, best = saved[4 * r : 4 * r + 4]
            grad = upstream[r].permute(0, 2, 3, 1).contiguous()
            grad = torch.ops.aten.threshold_backward(grad, best, 0)
            torch.sum(grad, (0, 1, 2), out=grad_bias[r])
            grad = unpooled_pairs(grad, horizontal, 3).view(batch, rows, 2 * columns, out)
            grad = unpooled_pairs(grad, vertical, 2).view(batch, 2 * rows, 2 * columns, out).permute(0, 3, 1, 2)
            grads = torch.ops.aten.convolution_backward(
                grad,
                inputs,
                weight[r],
                None,
                [1, 1],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                1,
                [grad_h is not None, True, False],
            )
            grad_weight[r].copy_(grads[1])
            if grad_h is not None:
                grad_h[r].copy_(grads[0])
        return grad_h, grad_weight, grad_bias
