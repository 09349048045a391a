"""Linear layer and cross-entropy with a leading replicate axis, as closed-form Functions with few small kernels."""

import torch
from torch import Tensor
from torch.autograd import Function

from robustprune.networks.precision import as_in_forward, remember_autocast


class _Linear(Function):
    """Batched affine map with a contiguous weight gradient.

    Autograd's own gradient of baddbmm is a transposed view that autograd then copies; the copy costs as much as the
    product.
    """

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Map h [R, B, in] with weight [R, out, in] and bias [R, out] to [R, B, out]."""
        remember_autocast(ctx, h)
        ctx.save_for_backward(h, weight)
        return affine(h, weight, bias)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of h, weight and bias."""
        h, weight = ctx.saved_tensors
        with as_in_forward(ctx):
            grad_h = torch.bmm(upstream, weight) if ctx.needs_input_grad[0] else None
            grad_bias = upstream.sum(1) if ctx.needs_input_grad[2] else None
            return grad_h, torch.bmm(upstream.transpose(1, 2), h), grad_bias


def affine(h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the map of `linear`, differentiated by autograd."""
    if bias is None:
        return torch.bmm(h, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), h, weight.transpose(1, 2))


def linear(h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the affine map [R, B, out] of h [R, B, in] with weight [R, out, in] and bias [R, out], if it has one."""
    return _Linear.apply(h, weight, bias)


class _CrossEntropy(Function):
    """-log softmax at the label, with its gradient softmax - one_hot in closed form."""

    @staticmethod
    def forward(ctx, scores: Tensor, labels: Tensor) -> Tensor:
        """Map scores [R, B, K] and labels [R, B] to [R, B]."""
        log_probabilities = torch.log_softmax(scores, 2)
        index = labels.unsqueeze(2)
        ctx.save_for_backward(log_probabilities, index)
        return log_probabilities.gather(2, index).squeeze(2).neg()

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the scores."""
        log_probabilities, index = ctx.saved_tensors
        upstream = upstream.unsqueeze(2)
        return (log_probabilities.exp().mul_(upstream)).scatter_add_(2, index, -upstream.contiguous()), None


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy per example [R, B] in nats: scores [R, B, K], labels int64 [R, B]."""
    return _CrossEntropy.apply(scores, labels)
