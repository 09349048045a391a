"""Lower precision for closed-form Functions: their backward products follow the autocast state of their forward."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def remember_autocast(ctx: Any, like: Tensor) -> None:
    """In forward: note whether autocast is on for the tensor's device."""
    device = like.device.type
    ctx.autocast = (device, torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else None


def as_in_forward(ctx: Any) -> AbstractContextManager:
    """In backward: the autocast state of forward (autograd itself runs backward without)."""
    return nullcontext() if ctx.autocast is None else torch.autocast(ctx.autocast[0], dtype=ctx.autocast[1])
