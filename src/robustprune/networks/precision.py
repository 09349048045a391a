"""Lower precision for closed-form Functions: backward runs under the autocast state of forward."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def remember_autocast(ctx: Any, like: Tensor) -> None:
    """Store the autocast state of the tensor's device; called in forward."""
    device = like.device.type
    ctx.autocast = (device, torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else None


def as_in_forward(ctx: Any) -> AbstractContextManager:
    """Return a context with the autocast state of forward; called in backward, which autograd runs without."""
    return nullcontext() if ctx.autocast is None else torch.autocast(ctx.autocast[0], dtype=ctx.autocast[1])
