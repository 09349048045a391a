"""Layers with independent Gaussian weights, sampled at their outputs by the local reparameterisation (Kingma, Salimans
and Welling, NIPS 2015; docs/baselines.md section 7.0).

Weights of mean M and variance V and inputs a give a Gaussian output of mean M a and variance V a^2. eps holds one
standard normal number per output before pooling.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from robustprune.networks.convolution import (
    PHASES,
    POOLED,
    WINDOW,
    cached_pieces,
    from_phase_filters,
    image_windows,
    phase_filters,
    to_winners,
)
from robustprune.networks.layers import linear
from robustprune.networks.pooling import winner

SMALL = 1e-8


def _sampled(mean: Tensor, variance: Tensor, eps: Tensor) -> Tensor:
    return torch.addcmul(mean, (variance + SMALL).sqrt(), eps)


def noisy_linear(
    h: Tensor, weight: Tensor, bias: Tensor, weight_variance: Tensor, bias_variance: Tensor, eps: Tensor
) -> Tensor:
    """Return sampled outputs [R, B, out] of h [R, B, in]; weight [R, out, in], bias [R, out], eps [R, B, out]."""
    return _sampled(linear(h, weight, bias), linear(h.square(), weight_variance, bias_variance), eps)


def noisy_convolve(
    h: Tensor, weight: Tensor, bias: Tensor, weight_variance: Tensor, bias_variance: Tensor, eps: Tensor
) -> Tensor:
    """Return relu(max_pool(sampled convolution)) [R, B, out, (H-4)/2, (W-4)/2] of h [R, B, in, H, W].

    weight [R, out, in, 5, 5] and bias [R, out], each with its variance; eps [R, B, out (H-4) (W-4)].
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
    """Return the sampled first layer [R, B, out, 12, 12]; images as in convolve_image, eps [R, B, out 24 24]."""
    # numbers are ordered by filter, so that the numbers of one filter do not depend on the other filters
    numbers = eps.unflatten(2, (weight.shape[1], len(PHASES), POOLED**2))
    pixels = image_windows(images)
    pooled = _NoisyImageLayer.apply(pixels, weight, bias, weight_variance, bias_variance, numbers)
    return pooled.unflatten(3, (POOLED, POOLED))


class _NoisyImageLayer(Function):
    """convolution._ImageLayer with a variance beside the mean.

    The gradient of a variance is that of the output times eps / (2 deviation) at the position that won the pooling;
    only this factor is saved of the maps.
    """

    @staticmethod
    def forward(
        ctx, images: Tensor, weight: Tensor, bias: Tensor, weight_variance: Tensor, bias_variance: Tensor, eps: Tensor
    ) -> Tensor:
        """Map images [R, B, 36, 144], uint8 or scaled, with eps [R, B, out, 4, 144] to [R, B, out, 144]."""
        replicates, batch = images.shape[:2]
        out = weight.shape[1]
        ctx.scale = 1.0 if images.is_floating_point() else 1 / 255
        filters = phase_filters(weight * ctx.scale).unsqueeze(1)
        spread = phase_filters(weight_variance * ctx.scale**2).unsqueeze(1)
        pooled, slope = (weight.new_empty(replicates, batch, out, POOLED**2) for _ in range(2))
        won = weight.new_empty(3, replicates, batch, out, POOLED**2)
        offset, base = (values.unsqueeze(1).unsqueeze(3) for values in (bias, bias_variance + SMALL))
        for r, pixels, numbers, best, chosen, *choices in cached_pieces(out, images, eps, pooled, slope, *won):
            pixels = pixels.to(weight.dtype)
            numbers = numbers.transpose(-3, -2)
            maps = torch.matmul(filters[r], pixels).unflatten(-2, (len(PHASES), out))
            deviation = torch.matmul(spread[r], pixels.square()).unflatten(-2, (len(PHASES), out))
            deviation.add_(base[r].unsqueeze(-3)).sqrt_()
            first, second, third, fourth = maps.addcmul_(deviation, numbers).unbind(-3)
            a, b, c, d = torch.div(numbers, deviation.mul_(2), out=deviation).unbind(-3)
            upper, lower = winner(first, second, choices[0]), winner(third, fourth, choices[1])
            torch.ge(upper, lower, out=choices[2])
            torch.maximum(upper, lower, out=best).add_(offset[r]).relu_()
            torch.lerp(torch.lerp(d, c, choices[1]), torch.lerp(b, a, choices[0]), choices[2], out=chosen)
        ctx.save_for_backward(images, won, pooled, slope)
        return pooled

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of weight, bias and their variances; images get none."""
        images, won, pooled, slope = ctx.saved_tensors
        replicates, _, out, _ = pooled.shape
        filters, spread = (upstream.new_zeros(replicates, len(PHASES) * out, WINDOW**2) for _ in range(2))
        bias, base = (upstream.new_zeros(replicates, out) for _ in range(2))
        pieces = cached_pieces(out, images, pooled, slope, upstream, *won)
        for r, pixels, best, chosen, grad, *choices in pieces:
            grad = torch.ops.aten.threshold_backward(grad, best, 0)
            pixels = pixels.to(grad.dtype).transpose(-2, -1)
            for gradient, values, weights, biases in (
                (grad * chosen, pixels.square(), spread, base),
                (grad, pixels, filters, bias),
            ):
                biases[r] += gradient.sum((-3, -1))
                weights[r] += torch.matmul(to_winners(gradient, choices), values).sum(-3)
        weight, variance = from_phase_filters(filters, out) * ctx.scale, from_phase_filters(spread, out) * ctx.scale**2
        return None, weight, bias, variance, base, None
