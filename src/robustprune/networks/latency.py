"""Latency of a plain network: the median time of repeated calls after a warm-up."""

import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn

CALLS = {1: (20, 100), 256: (3, 15)}  # batch -> (warm-up calls, timed calls)


@dataclass(frozen=True)
class Latency:
    """Median milliseconds of one forward pass over 1 and over 256 images, on the CPU with torch's thread count."""

    batch_1: float
    batch_256: float


def latency(network: nn.Module) -> Latency:
    """Measure the latency of a network that takes images [B, 784]."""
    return Latency(*(_median_ms(network, batch, *calls) for batch, calls in CALLS.items()))


def _median_ms(network: nn.Module, batch: int, warm_up: int, calls: int) -> float:
    images = torch.rand(batch, 784, generator=torch.Generator().manual_seed(0))
    times = []
    with torch.no_grad():
        for call in range(warm_up + calls):
            started = time.perf_counter()
            network(images)
            if call >= warm_up:
                times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)
