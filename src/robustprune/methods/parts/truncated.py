"""The truncated log-normal gate theta = exp(x), x ~ N(mu, sigma^2) on [a, b] (docs/baselines.md sections 4 and 5).

Except for sampling, everything is computed in float64. All masses are logarithms: log(Phi(v) - Phi(u)) is formed from
log Phi on the side where both are small, so that no difference cancels and nothing underflows over the domain mu in
[-20, 5], log sigma in [-20, 5].
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

LOW, HIGH = -20.0, 0.0
LOG_2PI = math.log(2 * math.pi)
EXPONENTIAL = 1e3  # beyond this (mu - b) / sigma, q is treated as an exponential distribution
LEAST_EXCESS = 1e-14
QUANTILE = 1e-5
FARTHEST_DENSITY = 8890.0  # exp(t^2 / 2) just inside the quantile of 1 - QUANTILE
FARTHEST = -1e5  # torch's gradient of log_ndtr is wrong far beyond; a mass there is negligible


def log_mass(u: Tensor, v: Tensor) -> Tensor:
    """Return log(Phi(v) - Phi(u)) for u < v."""
    flip = u > 0
    first, second = torch.where(flip, -v, u), torch.where(flip, -u, v)
    low, high = (torch.special.log_ndtr(edge.clamp_min(FARTHEST)) for edge in (first, second))
    return high + _log1mexp(low - high)


def _log1mexp(x: Tensor) -> Tensor:
    """Return log(1 - e^x) for x < 0, with finite gradients also where x vanishes."""
    x = x.clamp(max=-1e-300)
    near = x > -math.log(2)
    close = torch.log(-torch.expm1(torch.where(near, x, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near, -1.0, x)))
    return torch.where(near, close, far)


def bounds(mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the standardised edges (a - mu) / sigma and (b - mu) / sigma."""
    return (LOW - mu) / sigma, (HIGH - mu) / sigma


def _squeezed(mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (mask, rate, mu, sigma); mask is True where q is concentrated at b.

    There x is exponential with `rate`, to a relative error of 1e-6. The general formulas would subtract numbers of size
    (mu / sigma)^2, so they get harmless values of mu and sigma there.
    """
    mask = mu - HIGH > EXPONENTIAL * sigma
    rate = torch.where(mask, (mu - HIGH) / sigma.square(), 1.0)
    return mask, rate, torch.where(mask, -1.0, mu), torch.where(mask, 1.0, sigma)


def log_moment(mu: Tensor, sigma: Tensor, order: int) -> Tensor:
    """Return log E[theta^order]."""
    mask, rate, mu, sigma = _squeezed(mu, sigma)
    low, high = bounds(mu, sigma)
    shift = order * sigma
    gain = order * mu + 0.5 * shift.square()
    general = gain + log_mass(low - shift, high - shift) - log_mass(low, high)
    return torch.where(mask, -torch.log1p(order / rate), general)


def mean(mu: Tensor, sigma: Tensor) -> Tensor:
    """Return E[theta]."""
    return log_moment(mu, sigma, 1).exp()


def signal_to_noise(mu: Tensor, sigma: Tensor) -> Tensor:
    """Return E[theta] / sqrt(Var[theta])."""
    excess = log_moment(mu, sigma, 2) - 2 * log_moment(mu, sigma, 1)  # log(1 + 1 / SNR^2)
    return torch.expm1(excess.clamp_min(LEAST_EXCESS)).rsqrt()


def kl(mu: Tensor, sigma: Tensor) -> Tensor:
    """Return the KL from the log-uniform prior on [a, b]."""
    mask, rate, mu, sigma = _squeezed(mu, sigma)
    low, high = bounds(mu, sigma)
    log_z = log_mass(low, high)
    left, right = (edge * torch.exp(-0.5 * (edge.square() + LOG_2PI) - log_z) for edge in (low, high))
    entropy = sigma.log() + log_z + 0.5 * (LOG_2PI + 1) + 0.5 * (left - right)
    return math.log(HIGH - LOW) - torch.where(mask, 1 - rate.log(), entropy)


class _Sample(Function):
    """theta [R, B, n] by inversion, with gradients in closed form: sums over the batch instead of an autograd graph."""

    @staticmethod
    def forward(ctx: Any, mu: Tensor, sigma: Tensor, v: Tensor) -> Tensor:
        edges = bounds(mu, sigma)
        low, high = (torch.special.ndtr(edge) for edge in edges)
        quantile = torch.addcmul(low, v, high - low).clamp_(QUANTILE, 1 - QUANTILE)
        t = quantile.mul_(2).sub_(1).erfinv_().mul_(math.sqrt(2))  # ndtri would take seven times as long
        x = torch.addcmul(mu, sigma, t)
        theta = x.clamp(LOW, HIGH).exp_()
        # floats: products with boolean tensors cost several times as much
        inside = torch.eq(theta, x.exp_(), out=torch.empty_like(x))
        ctx.save_for_backward(v, t, inside.mul_(theta), *edges)
        return theta

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients of mu and sigma, [R, 1, n].

        dx/dmu = 1 - [(1 - v) phi(al) + v phi(be)] / phi(t).
        dx/dsigma = t - [(1 - v) al phi(al) + v be phi(be)] / phi(t).
        The second term is 0 where the quantile is clipped. Both gradients are 0 where x is clipped.
        """
        v, t, slope, *edges = ctx.saved_tensors
        g = upstream * slope
        moved = t.square().mul_(0.5).exp_()  # 1 / (sqrt(2 pi) phi(t))
        moved.masked_fill_(moved > FARTHEST_DENSITY, 0).mul_(g)
        total, shifted = moved.sum(1, keepdim=True), (moved.mul_(v)).sum(1, keepdim=True)
        low, high = (torch.exp(-0.5 * edge.square()) for edge in edges)
        first, last = (edge * density for edge, density in zip(edges, (low, high), strict=True))
        grad_mu = g.sum(1, keepdim=True) - low * total - (high - low) * shifted
        grad_sigma = g.mul_(t).sum(1, keepdim=True) - first * total - (last - first) * shifted
        return grad_mu, grad_sigma, None


def sample(mu: Tensor, sigma: Tensor, v: Tensor) -> Tensor:
    """Return theta [R, B, n] from mu, sigma [R, 1, n] and uniform noise v [R, B, n], by inversion.

    The probability is clipped to [1e-5, 1 - 1e-5], because its gradient is unbounded outside.
    """
    return _Sample.apply(mu, sigma, v)


def log_evidence_spike(mu: Tensor, sigma: Tensor) -> Tensor:
    """Return dF = log[(b - a) q(x = a)], the Savage-Dickey ratio for a spike at the left edge (BMRS_N)."""
    mask, rate, mu, sigma = _squeezed(mu, sigma)
    low, high = bounds(mu, sigma)
    general = -0.5 * (low.square() + LOG_2PI) - sigma.log() - log_mass(low, high)
    return math.log(HIGH - LOW) + torch.where(mask, rate.log() + rate * (LOW - HIGH), general)


def log_evidence_uniform(mu: Tensor, sigma: Tensor, left: float, right: float) -> Tensor:
    """Return dF for a reduced prior that is log-uniform on [left, right] within [a, b], right < b (BMRS_U)."""
    mask, rate, mu, sigma = _squeezed(mu, sigma)
    low, high = bounds(mu, sigma)
    general = log_mass((left - mu) / sigma, (right - mu) / sigma) - log_mass(low, high)
    return torch.where(mask, rate * (right - HIGH), general) - math.log((right - left) / (HIGH - LOW))
