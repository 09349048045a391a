"""Gate noise: every draw from the replicate's own generator, none for padded places."""

from collections.abc import Sequence

import torch
from torch import Tensor

LEVELS = 1 << 16


def draw_bernoulli(theta: Tensor, batch: int, counts: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Bernoulli gates xi [R, B, n] in {0, 1} with P(xi = 1) = theta [R, n], one draw per example and unit.

    counts: real units per replicate; their places come first, padded places stay 0 and use no random numbers, so a
    replicate's stream does not depend on the replicates beside it. theta is resolved to 1/65536, exactly at 0 and
    1: four 16-bit draws from one 64-bit number cost a third of one float32 draw each.
    """
    threshold = theta.mul(LEVELS).sub_(LEVELS // 2)
    xi = torch.zeros(theta.shape[0], batch, theta.shape[1], dtype=theta.dtype, device=theta.device)
    for replicate, (count, generator) in enumerate(zip(counts, generators, strict=True)):
        bits = torch.empty((batch * count + 3) // 4, dtype=torch.int64, device=theta.device)
        bits.random_(-(2**63), None, generator=generator)
        levels = bits.view(torch.int16)[: batch * count].view(batch, count)
        torch.lt(levels, threshold[replicate, :count], out=xi[replicate, :, :count])
    return xi
