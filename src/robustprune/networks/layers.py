"""Valid convolution, pooling and linear layers with a leading replicate axis."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function


class _Linear(Function):
    """Batched affine map whose weight gradient comes out contiguous.

    Autograd's own baddbmm gradient is a transposed view that it then copies, which costs as much as the product.
    """

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """h [R, B, in], weight [R, out, in], bias [R, out] -> [R, B, out]."""
        ctx.save_for_backward(h, weight)
        return torch.baddbmm(bias.unsqueeze(1), h, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of h, weight and bias."""
        h, weight = ctx.saved_tensors
        grad_h = torch.bmm(upstream, weight) if ctx.needs_input_grad[0] else None
        return grad_h, torch.bmm(upstream.transpose(1, 2), h), upstream.sum(1)


def linear(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Batched affine map: h [R, B, in], weight [R, out, in], bias [R, out] -> [R, B, out]."""
    return _Linear.apply(h, weight, bias)


def convolve_image(images: Tensor, weight: Tensor) -> Tensor:
    """First layer on one-channel images: one matrix product over patches for all replicates.

    images [R, B, H, W], weight [R, out, 1, k, k] -> [R, B, out, H-k+1, W-k+1], without bias. On one core the
    library's own weight gradient for a single input channel takes 4 times as long as this form.
    """
    replicates, batch, height, width = images.shape
    kernel = weight.shape[-1]
    rows, columns = height - kernel + 1, width - kernel + 1
    r, b, y, x = images.stride()
    patches = images.as_strided((replicates, kernel, kernel, batch, rows, columns), (r, y, x, b, y, x))
    patches = patches.reshape(replicates, kernel * kernel, batch * rows * columns)
    out = torch.bmm(weight.flatten(2), patches)
    return out.view(replicates, -1, batch, rows, columns).transpose(1, 2)


def convolve(h: Tensor, weight: Tensor) -> Tensor:
    """h [R, B, in, H, W], weight [R, out, in, k, k] -> [R, B, out, H-k+1, W-k+1], without bias.

    A grouped convolution on a GPU; a loop over replicates in channels_last memory on a CPU.
    """
    replicates, batch = h.shape[:2]
    if h.is_cuda:
        grouped = h.transpose(0, 1).flatten(1, 2)
        out = F.conv2d(grouped, weight.flatten(0, 1), groups=replicates)
        return out.unflatten(1, (replicates, -1)).transpose(0, 1)
    outputs = [F.conv2d(h[r].contiguous(memory_format=torch.channels_last), weight[r]) for r in range(replicates)]
    return torch.cat(outputs).unflatten(0, (replicates, batch))


class _PairMax(Function):
    """Maximum over neighbouring pairs along `dim` (negative); ties, as on a blank background, go to the first."""

    @staticmethod
    def forward(ctx, z: Tensor, dim: int) -> Tensor:
        """z [..., 2 k, ...] -> [..., k, ...]."""
        first, second = _pair(z, dim)
        out = torch.maximum(first, second)
        # written as floats: products with a boolean tensor cost several times as much
        ctx.save_for_backward(torch.ge(first, second, out=torch.empty_like(out)))
        ctx.dim, ctx.layout = dim, (z.shape, z.stride(), z.dtype, z.device)
        return out

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        """All of the gradient to the winner."""
        (chosen,) = ctx.saved_tensors
        shape, stride, dtype, device = ctx.layout
        grad = torch.empty_strided(shape, stride, dtype=dtype, device=device)
        first, second = _pair(grad, ctx.dim)
        torch.mul(upstream, chosen, out=first)
        torch.sub(upstream, first, out=second)
        return grad, None


def _pair(z: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    pairs = z.unflatten(dim, (-1, 2))
    return pairs.select(dim, 0), pairs.select(dim, 1)


def max_pool(z: Tensor) -> Tensor:
    """2x2 max pooling of [..., H, W] as two element-wise maxima: several times faster than max_pool2d on one core."""
    return _PairMax.apply(_PairMax.apply(z, -2), -1)
