"""Subnormal floats during a computation: they are flushed to zero, as CPUs multiply them far more slowly."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Flush subnormal floats to zero inside the block: L2 drives unused weights below the normal range, where CPU
    matrix products run up to 25 times slower. The setting is that of the calling thread, whose old value is restored on
    exit; torch's other threads take it when they start, so cells with several threads may differ in the last digits."""
    smallest = torch.finfo(torch.float32).tiny
    before = bool((torch.full((1,), smallest) * 0.5 == 0).all())
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
