"""Layers whose weights are independent Gaussians, sampled through what they compute: the local reparameterisation
(Kingma, Salimans and Welling, NIPS 2015; baselines.md section 7.0).

With weights of mean M and variance V an output is Gaussian, of mean M a and variance V a^2 over the inputs a; eps holds
a standard normal number for each output before pooling.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from robustprune.networks.convolution import image_windows, phase_filters
from robustprune.networks.layers import linear

SMALL = 1e-8


def _sampled(mean: Tensor, variance: Tensor, eps: Tensor) -> Tensor:
    return torch.addcmul(mean, (variance + SMALL).sqrt(), eps)


def noisy_linear(
    h: Tensor, weight: Tensor, bias: Tensor, weight_variance: Tensor, bias_variance: Tensor, eps: Tensor
) -> Tensor:
    """h [R, B, in], weight [R, out, in], bias [R, out] and their variances, eps [R, B, out] -> [R, B, out]."""
    return _sampled(linear(h, weight, bias), linear(h.square(), weight_variance, bias_variance), eps)


def noisy_convolve(
    h: Tensor, weight: Tensor, bias: Tensor, weight_variance: Tensor, bias_variance: Tensor, eps: Tensor
) -> Tensor:
    """h [R, B, in, H, W], weight [R, out, in, 5, 5], bias [R, out] and their variances, eps [R, B, out (H-4) (W-4)].

    Returns relu(max_pool(sampled convolution)) [R, B, out, (H-4)/2, (W-4)/2].
    """
    out = []
    for r, maps in enumerate(h):
        maps = maps.contiguous(memory_format=torch.channels_last)
        mean = F.conv2d(maps, weight[r], bias[r])
        variance = F.conv2d(maps.square(), weight_variance[r], bias_variance[r])
        out.append(F.max_pool2d(_sampled(mean, variance, eps[r].view_as(mean)), 2).relu())
    return torch.stack(out)


def noisy_convolve_image(
    images: Tensor, weight: Tensor, bias: Tensor, weight_variance: Tensor, bias_variance: Tensor, eps: Tensor
) -> Tensor:
    """The first layer, images as for convolution.convolve_image; eps [R, B, out 24 24] -> [R, B, out, 12, 12]."""
    pixels = image_windows(images).to(weight.dtype)
    if not images.is_floating_point():
        pixels = pixels / 255

    def maps(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        # [R, B, 4 out, 144]: the four places of each pooling window lie apart
        found = torch.matmul(phase_filters(weight).unsqueeze(1), values)
        return found.unflatten(2, (4, -1)) + bias.view(bias.shape[0], 1, 1, -1, 1)

    mean, variance = maps(pixels, weight, bias), maps(pixels.square(), weight_variance, bias_variance)
    # the numbers lie filter by filter, so that those of one filter do not depend on the filters beside it
    numbers = eps.unflatten(2, (mean.shape[3], 4, -1)).transpose(2, 3)
    pooled = _sampled(mean, variance, numbers).amax(2).relu()
    side = int(pooled.shape[3] ** 0.5)
    return pooled.unflatten(3, (side, side))
