"""Estimators of DL_i = E[L | xi_i = 1] - E[L | xi_i = 0] for Bernoulli gates (docs/method.md section 4).

g [R, B, n] = d (mean loss) / d xi_{b,i} (a B-th of an example's own gradient) comes from back-propagation and is summed
over the batch, apart for open and for closed gates xi [R, B, n] in {0, 1}: a linear layer has these two sums [R, n]
almost for free. From them and theta [R, n] follows the estimate, a batch mean of per-example terms.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import Function

from robustprune.networks.precision import as_in_forward, remember_autocast

CLIP = 0.05


def first_order(opened: Tensor, closed: Tensor, theta: Tensor) -> Tensor:
    """Straight-through: the sum of g. Biased; has stable interior points."""
    return opened + closed


def trapezoid(opened: Tensor, closed: Tensor, theta: Tensor) -> Tensor:
    """opened / (2 t) + closed / (2 (1 - t)), t = clip(theta, 0.05, 0.95): unbiased for (L'(0) + L'(1)) / 2, the
    trapezoid rule for the integral of L' (Heun; known as ReinMax, arXiv 2304.08612)."""
    t = theta.clamp(CLIP, 1 - CLIP)
    return torch.addcdiv(opened / (2 * t), closed, 2 - 2 * t)


def curved(g: Tensor, xi: Tensor) -> Tensor:
    """g + (1/2 - xi) g^2 per example, g^2 standing for the curvature ("fisher"); g and the result carry 1/B."""
    return g + (0.5 - xi) * g.square() * g.shape[1]


COMBINE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "first_order": first_order,
    "trapezoid": trapezoid,
    "fisher": first_order,  # of curved terms: second order; vanishes once the training set is fitted
}
LINEAR = ("first_order", "trapezoid")  # need no term of their own per example


class EstimatedGate(Function):
    """h -> xi h, whose backward pass also writes the sums of g (or of its curved terms) over open and closed gates.

    The gate's gradient is activation times upstream gradient, so it costs no autograd graph of its own. The loss
    must be the mean over the batch, summed over replicates.
    """

    @staticmethod
    def forward(ctx, h: Tensor, xi: Tensor, theta: Tensor, opened: Tensor, closed: Tensor, curve: bool) -> Tensor:
        """h [R, B, n] or [R, B, n, H, W]; xi [R, B, n]; opened, closed [R, n], overwritten in backward.

        theta [R, n] gets no gradient: where nothing below is trained, it makes backward reach the gate.
        """
        ctx.save_for_backward(h, xi)
        ctx.opened, ctx.closed, ctx.curve = opened, closed, curve
        return h * spread(xi, h)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of h; the others get none."""
        h, xi = ctx.saved_tensors
        g = h * upstream
        if g.dim() > 3:
            g = g.flatten(3).sum(3)
        if ctx.curve:
            g = curved(g, xi)
        torch.sum(g * xi, 1, out=ctx.opened)
        torch.sub(g.sum(1), ctx.opened, out=ctx.closed)
        upstream = upstream * spread(xi, h) if ctx.needs_input_grad[0] else None
        return upstream, None, None, None, None, None


class EstimatedLinear(Function):
    """A linear layer that reads gated units: h -> (xi h) W^T + b, whose backward pass also writes the sums of g.

    Where nothing below the gates is trained (the input) and the layer has fewer outputs than the batch has examples,
    their gradient is never formed: with d the gradient of the layer's output, the sum of g over all gates is
    sum_o W_oi (d^T h)_oi, and that over open ones sum_o W_oi dL/dW_oi, since xi h enters through W alone.
    """

    @staticmethod
    def forward(ctx, h: Tensor, xi: Tensor, weight: Tensor, bias: Tensor, opened: Tensor, closed: Tensor) -> Tensor:
        """h, xi [R, B, in]; weight [R, out, in]; bias [R, out]; opened, closed [R, in], overwritten in backward."""
        remember_autocast(ctx, h)
        gated = h * xi
        ctx.save_for_backward(h, gated, xi, weight)
        ctx.opened, ctx.closed = opened, closed
        return torch.baddbmm(bias.unsqueeze(1), gated, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of h, weight and bias."""
        h, gated, xi, weight = ctx.saved_tensors
        trained_below = ctx.needs_input_grad[0]
        with as_in_forward(ctx):
            grad_weight = torch.bmm(upstream.transpose(1, 2), gated)
            if trained_below or weight.shape[1] > h.shape[1]:
                grad_h = torch.bmm(upstream, weight)
                product = grad_h * h
                total = product.sum(1)
                torch.sum(torch.mul(grad_h, gated, out=product), 1, out=ctx.opened)
            else:
                torch.sum(weight * grad_weight, 1, out=ctx.opened)
                total = torch.bmm(upstream.transpose(1, 2), h).mul_(weight).sum(1)
        torch.sub(total, ctx.opened, out=ctx.closed)
        grad_h = grad_h.mul_(xi) if trained_below else None
        return grad_h, None, grad_weight, upstream.sum(1), None, None


def spread(xi: Tensor, h: Tensor) -> Tensor:
    """View gates [R, B, n] so that they broadcast over the positions of h."""
    return xi.view(xi.shape + (1,) * (h.dim() - 3))


def exact(loss: Callable[[dict[str, Tensor]], Tensor], xi: dict[str, Tensor]) -> dict[str, Tensor]:
    """Two forward passes per gate on one batch: DL_i = mean over the batch of loss(xi_i = 1) - loss(xi_i = 0).

    loss maps gates (slot -> [R, B, n]) to per-example losses [R, B]; the other gates stay as drawn. For tests and
    small slots only: the cost grows with the number of gates.
    """
    differences = {}
    for slot, drawn in xi.items():
        columns = []
        for unit in range(drawn.shape[2]):
            on, off = drawn.clone(), drawn.clone()
            on[..., unit], off[..., unit] = 1, 0
            columns.append((loss({**xi, slot: on}) - loss({**xi, slot: off})).mean(1))
        differences[slot] = torch.stack(columns, 1)
    return differences
