"""The later convolutions of R networks in a few kernels, for a GPU.

Few networks use cuDNN's grouped convolution, many one batched matrix product over patches of the images: on an H200 the
product takes 0.6 of the time with LeNet-5's filters from 10 networks up (benchmarks/README.md).
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

KERNEL = 5
MANY = 10


class _Patches(Function):
    """Patches of 5x5 values as columns; the gradient adds the columns up, one offset in the kernel at a time."""

    @staticmethod
    def forward(ctx, h: Tensor) -> Tensor:
        """Map h [R, B, C, H, W] to [R, 25 C, B H' W']."""
        replicates, batch, channels, height, width = ctx.shape = h.shape
        cut = h.unfold(3, KERNEL, 1).unfold(4, KERNEL, 1).permute(0, 2, 5, 6, 1, 3, 4)
        return cut.reshape(replicates, channels * KERNEL**2, batch * (height - KERNEL + 1) * (width - KERNEL + 1))

    @staticmethod
    def backward(ctx, upstream: Tensor) -> Tensor:
        """Return the gradient of h."""
        replicates, batch, channels, height, width = ctx.shape
        rows, columns = height - KERNEL + 1, width - KERNEL + 1
        cut = upstream.view(replicates, channels, KERNEL, KERNEL, batch, rows, columns).permute(0, 4, 1, 2, 3, 5, 6)
        grad = upstream.new_zeros(ctx.shape)
        for row in range(KERNEL):
            for column in range(KERNEL):
                grad[..., row : row + rows, column : column + columns] += cut[:, :, :, row, column]
        return grad


def convolve_together(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a 5x5 convolution, bias, 2x2 max pooling and ReLU to all networks at once.

    h [R, B, in, H, W], weight [R, out, in, 5, 5], bias [R, out]. Returns [R, B, out, (H-4)/2, (W-4)/2].
    """
    replicates, batch, _, height, width = h.shape
    if replicates >= MANY:
        maps = torch.bmm(weight.flatten(2), _Patches.apply(h))
        maps = maps.view(replicates, -1, batch, height - KERNEL + 1, width - KERNEL + 1)
        z = F.max_pool2d(maps.flatten(0, 1), 2).unflatten(0, (replicates, -1)).transpose(1, 2)
    else:
        maps = F.conv2d(h.transpose(0, 1).flatten(1, 2), weight.flatten(0, 1), groups=replicates)
        z = F.max_pool2d(maps, 2).unflatten(1, (replicates, -1)).transpose(0, 1)
    return (z + bias.view(replicates, 1, -1, 1, 1)).relu()
