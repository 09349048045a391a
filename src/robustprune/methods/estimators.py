"""Estimators of DL_i = E[L | xi_i = 1] - E[L | xi_i = 0] for Bernoulli gates (method.md section 4).

Each takes, per batch of B examples, g [R, B, n] = d (mean loss) / d xi_{b,i} (a B-th of an example's own gradient), the
drawn gates xi [R, B, n] in {0, 1} and theta [R, n], and returns the estimate [R, n]: a batch mean of per-example terms.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import Function

Estimator = Callable[[Tensor, Tensor, Tensor], Tensor]
CLIP = 0.05


def first_order(g: Tensor, xi: Tensor, theta: Tensor) -> Tensor:
    """Straight-through: mean g. Biased; has stable interior points."""
    return g.sum(1)


def trapezoid(g: Tensor, xi: Tensor, theta: Tensor) -> Tensor:
    """mean g (xi / (2 t) + (1 - xi) / (2 (1 - t))), t = clip(theta, 0.05, 0.95): unbiased for (L'(0) + L'(1)) / 2,
    the trapezoid rule for the integral of L' (Heun; known as ReinMax, arXiv 2304.08612)."""
    t = theta.clamp(CLIP, 1 - CLIP)
    on = (g * xi).sum(1)
    return on / (2 * t) + (g.sum(1) - on) / (2 * (1 - t))


def fisher(g: Tensor, xi: Tensor, theta: Tensor) -> Tensor:
    """mean [g + (1/2 - xi) g^2]: second order with g^2 as curvature; vanishes once the training set is fitted."""
    return (g + (0.5 - xi) * g.square() * g.shape[1]).sum(1)


BACKPROPAGATED: dict[str, Estimator] = {"first_order": first_order, "trapezoid": trapezoid, "fisher": fisher}


class EstimatedGate(Function):
    """h -> xi h, whose backward pass also writes the estimate of DL into `out` [R, n].

    The gate's gradient is activation times upstream gradient, so it costs no autograd graph of its own. The loss
    must be the mean over the batch, summed over replicates.
    """

    @staticmethod
    def forward(ctx, h: Tensor, xi: Tensor, theta: Tensor, out: Tensor, estimator: Estimator) -> Tensor:
        """h [R, B, n] or [R, B, n, H, W]; xi [R, B, n]; theta [R, n]; out [R, n], overwritten in backward."""
        ctx.save_for_backward(h, xi, theta)
        ctx.out, ctx.estimator = out, estimator
        return h * spread(xi, h)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of h; the others get none."""
        h, xi, theta = ctx.saved_tensors
        g = h * upstream
        if g.dim() > 3:
            g = g.flatten(3).sum(3)
        ctx.out.copy_(ctx.estimator(g, xi, theta))
        upstream = upstream * spread(xi, h) if ctx.needs_input_grad[0] else None
        return upstream, None, None, None, None


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
