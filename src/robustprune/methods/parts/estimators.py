"""Estimators of DL_i = E[L | xi_i = 1] - E[L | xi_i = 0] for Bernoulli gates (docs/method.md section 4).

Back-propagation gives g [R, B, n] = d (mean loss) / d xi_{b,i}, that is 1/B times the gradient of example b. g is
summed over the batch, separately over open and over closed gates xi [R, B or 1, n] in {0, 1}. A linear layer yields
these two sums [R, n] at almost no cost. Each estimate is a function of the two sums and of theta [R, n].
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from robustprune.networks.layers import affine
from robustprune.networks.precision import as_in_forward, remember_autocast

CLIP = 0.05


def first_order(opened: Tensor, closed: Tensor, theta: Tensor) -> Tensor:
    """Return the sum of g, the straight-through estimate. It is biased and has stable interior points."""
    return opened + closed


def trapezoid(opened: Tensor, closed: Tensor, theta: Tensor) -> Tensor:
    """Return opened / (2 t) + closed / (2 (1 - t)) with t = clip(theta, 0.05, 0.95).

    For theta in [0.05, 0.95] it is unbiased for (L'(0) + L'(1)) / 2, the trapezoid rule for the integral of L' (Heun's
    method, known as ReinMax, arXiv 2304.08612). At theta = 0 or 1 its mean is the slope at that end divided by 1.9.
    """
    t = theta.clamp(CLIP, 1 - CLIP)
    return torch.addcdiv(opened / (2 * t), closed, 2 - 2 * t)


def trapezoid_normalized(opened: Tensor, closed: Tensor, theta: Tensor) -> Tensor:
    """Return `trapezoid` divided by the mass of its weights, theta / (2 t) + (1 - theta) / (2 (1 - t)).

    The mass is 1 for theta in [0.05, 0.95] and 1/1.9 at the ends. The mean is then a weighted mean of L'(0) and L'(1)
    for every theta: it is DL where the loss is linear in the gate, and the slope at the end for theta = 0 and 1.
    """
    t = theta.clamp(CLIP, 1 - CLIP)
    mass = torch.addcdiv(theta / (2 * t), 1 - theta, 2 - 2 * t)
    return trapezoid(opened, closed, theta) / mass


def with_less_noise(estimator: str, opened: Tensor, closed: Tensor, theta: Tensor, noise: float) -> Tensor:
    """Return an estimate of d E[L] / d theta for gates xi' = theta + noise (xi - theta); the estimator is linear in g.

    opened and closed: the sums of g weighted by xi' and by 1 - xi'. The derivative has two parts: noise times the mean
    slope of L over the values of xi', which the estimator sees, and (1 - noise) times the mean of g.
    """
    rest = (1 - noise) * (opened + closed)
    return COMBINE[estimator](opened - theta * rest, closed - (1 - theta) * rest, theta) + rest


def curved(g: Tensor, xi: Tensor) -> Tensor:
    """Return g + (1/2 - xi) g^2 per example: g^2 replaces the curvature. g and the result contain the factor 1/B."""
    return g + (0.5 - xi) * g.square() * g.shape[1]


COMBINE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "first_order": first_order,
    "trapezoid": trapezoid,
    "trapezoid_normalized": trapezoid_normalized,
    "fisher": first_order,  # of curved terms; g^2 vanishes once the training set is fitted
}
LINEAR = ("first_order", "trapezoid", "trapezoid_normalized")
"""Estimators that are linear in g, so that sums over the batch suffice."""


class EstimatedGate(Function):
    """The product xi h. Its backward pass also writes the sums of g (or of its curved terms).

    The gradient of a gate is activation times upstream gradient, so no autograd graph is needed for it. The loss must
    be the mean over the batch, summed over replicates.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, xi: Tensor, theta: Tensor, opened: Tensor, closed: Tensor, curve: bool) -> Tensor:
        """Gate h [R, B, n] or [R, B, n, H, W] by xi [R, B or 1, n]; backward overwrites opened and closed [R, n].

        For the gate of a section xi is [R, B or 1, 1].
        theta [R, n] gets no gradient. It requires one, so that backward reaches the gate of an input as well.
        """
        ctx.save_for_backward(h, xi)
        ctx.opened, ctx.closed, ctx.curve = opened, closed, curve
        return h * spread(xi, h)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of h, and None for the other arguments."""
        h, xi = ctx.saved_tensors
        g = h * upstream
        if xi.shape[2] != g.shape[2]:
            g = g.flatten(2).sum(2, keepdim=True)  # one gate multiplies a whole section
        elif g.dim() > 3:
            g = g.flatten(3).sum(3)
        if ctx.curve:
            g = curved(g, xi)
        torch.sum(g * xi, 1, out=ctx.opened)
        torch.sub(g.sum(1), ctx.opened, out=ctx.closed)
        grad_h = upstream * spread(xi, h) if ctx.needs_input_grad[0] else None
        return grad_h, None, None, None, None, None


class EstimatedLinear(Function):
    """A linear layer on gated units, (xi h) W^T + b. Its backward pass also writes the sums of g.

    The gradient of h is not formed if nothing below the gates is trained (the input) and the layer has fewer outputs
    than the batch has examples. Let d be the gradient of the layer's output. The sum of g over all gates is
    sum_o W_oi (d^T h)_oi. The sum over open gates is sum_o W_oi dL/dW_oi, because xi h enters through W alone.
    """

    @staticmethod
    def forward(
        ctx: Any, h: Tensor, xi: Tensor, weight: Tensor, bias: Tensor | None, opened: Tensor, closed: Tensor
    ) -> Tensor:
        """Map h, xi [R, B, in] by weight [R, out, in], bias [R, out]; backward overwrites opened, closed [R, in]."""
        remember_autocast(ctx, h)
        gated = h * xi
        ctx.save_for_backward(h, gated, xi, weight)
        ctx.opened, ctx.closed = opened, closed
        return affine(gated, weight, bias)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of h, weight and bias, and None for the other arguments."""
        h, gated, xi, weight = ctx.saved_tensors
        trained_below = ctx.needs_input_grad[0]
        grad_h: Tensor | None = None
        with as_in_forward(ctx):
            grad_weight = torch.bmm(upstream.transpose(1, 2), gated)
            if trained_below or weight.shape[1] > h.shape[1]:
                grad_h = torch.bmm(upstream, weight)
                product = grad_h * h
                total = product.sum(1)
                torch.sum(torch.mul(grad_h, gated, out=product), 1, out=ctx.opened)
                grad_h = grad_h.mul_(xi) if trained_below else None
            else:
                torch.sum(weight * grad_weight, 1, out=ctx.opened)
                total = torch.bmm(upstream.transpose(1, 2), h).mul_(weight).sum(1)
        torch.sub(total, ctx.opened, out=ctx.closed)
        return grad_h, None, grad_weight, upstream.sum(1) if ctx.needs_input_grad[3] else None, None, None


def spread(xi: Tensor, h: Tensor) -> Tensor:
    """Return a view of gates [R, B, n] that broadcasts over the positions of h [R, B, n] or [R, B, n, H, W]."""
    return xi.view(xi.shape + (1,) * (h.dim() - 3))


def arm_gradient(f_a: Tensor, f_b: Tensor, u: Tensor, k: float) -> Tensor:
    """Return an estimate of d E[f] / d phi [R, n] for gates with theta = sigmoid(k phi), from two passes.

    f_a, f_b: losses [R, B] under the gates 1[u < theta] and 1[u > 1 - theta], u [R, B or 1, n] uniform (augment,
    REINFORCE, merge: Yin and Zhou, ICLR 2019).
    """
    return k * ((f_b - f_a).unsqueeze(2) * (u - 0.5)).mean(1)


def arm(f_a: Tensor, f_b: Tensor, u: Tensor, theta: Tensor) -> Tensor:
    """Return an estimate of DL [R, n]: that of `arm_gradient` over t (1 - t), with t = clip(theta, 0.05, 0.95).

    It is unbiased for theta in [0.05, 0.95]. Beyond that it shrinks, to 0 at theta = 0 and 1, where both passes agree.
    """
    t = theta.clamp(CLIP, 1 - CLIP)
    return arm_gradient(f_a, f_b, u, 1.0) / (t * (1 - t))


def exact(loss: Callable[[dict[str, Tensor]], Tensor], xi: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return slot -> DL_i [R, n] from two forward passes per gate: the batch mean of loss(xi_i = 1) - loss(xi_i = 0).

    loss maps gates (slot -> [R, B or 1, n]) to losses per example [R, B]. The other gates keep their drawn values. The
    cost grows with the number of gates, so this is for tests and small slots.
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
