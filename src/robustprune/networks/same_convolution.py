"""Convolutions that pad with zeros to the size of their input, without pooling, for the sections of a network."""

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve_same(h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the convolution [R, B, out, H, W] of h [R, B, in, H, W], without ReLU.

    weight [R, out, in, k, k] with an odd k, bias [R, out] or none. A GPU computes all networks in one grouped
    convolution, a CPU one after the other in channels_last memory.
    """
    replicates, padding = len(h), weight.shape[-1] // 2
    if h.is_cuda:
        maps = h.transpose(0, 1).flatten(1, 2)
        offset = None if bias is None else bias.flatten()
        maps = F.conv2d(maps, weight.flatten(0, 1), offset, padding=padding, groups=replicates)
        return maps.unflatten(1, (replicates, -1)).transpose(0, 1)
    out = []
    for r, maps in enumerate(h):
        offset = None if bias is None else bias[r]
        out.append(F.conv2d(maps.contiguous(memory_format=torch.channels_last), weight[r], offset, padding=padding))
    return torch.stack(out)
