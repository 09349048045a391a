"""Medians of repeated runs with their spread, and the entries of the benchmark's table."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timing:
    """Median seconds of repeated calls; spread: distance between the quartiles."""

    seconds: float
    spread: float

    def __add__(self, other: "Timing") -> "Timing":
        return Timing(self.seconds + other.seconds, math.hypot(self.spread, other.spread))

    def times(self, factor: float) -> "Timing":
        """Both multiplied."""
        return Timing(self.seconds * factor, self.spread * factor)

    def over(self, other: "Timing") -> "Timing":
        """Their ratio, with the relative spreads of both."""
        share = self.seconds / other.seconds
        return Timing(share, share * math.hypot(self.spread / self.seconds, other.spread / other.seconds))


def timed(call: Callable[[], object], budget: float = 0.6, least: int = 7, warm_up: int = 2) -> Timing:
    """Call after a warm-up until the budget in seconds is used, `least` times in any case."""
    for _ in range(warm_up):
        call()
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < least or time.perf_counter() - started < budget:
        times.append(_seconds(call))
    return summary(times)


def paired(
    one: Callable[[], object], other: Callable[[], object], budget: float = 3.0, least: int = 9
) -> list[tuple[float, float]]:
    """Seconds of two calls that take turns, so that whatever else the machine does meets both."""
    one(), other()
    times: list[tuple[float, float]] = []
    started = time.perf_counter()
    while len(times) < least or time.perf_counter() - started < budget:
        times.append((_seconds(one), _seconds(other)))
    return times


def _seconds(call: Callable[[], object]) -> float:
    """Seconds of a call; on a CPU those of this thread, so that waiting for a core does not count."""
    on_gpu = torch.get_default_device().type == "cuda"
    clock = time.perf_counter if on_gpu else time.thread_time
    if on_gpu:
        torch.cuda.synchronize()
    started = clock()
    call()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - started


def summary(times: list[float]) -> Timing:
    """Median and interquartile distance of seconds."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median, high - low)


def entry(name: str, value: float, unit: str, spread: float, bound: str | None = None) -> dict:
    """One row of the table; bound "<= 2.5" or ">= 4.5" makes it a target that holds or not."""
    holds = None
    if bound is not None:
        relation, limit = bound.split()
        holds = value <= float(limit) if relation == "<=" else value >= float(limit)
    return {"name": name, "value": value, "unit": unit, "bound": bound, "holds": holds, "spread": spread}


def duration(name: str, timing: Timing) -> dict:
    """A row in milliseconds or seconds, whichever reads better."""
    factor, unit = (1e3, "ms") if timing.seconds < 1 else (1.0, "s")
    return entry(name, timing.seconds * factor, unit, timing.spread * factor)


def ratio(name: str, ratios: Timing, bound: str | None = None) -> dict:
    """A row with a ratio: the median over rounds in which both sides were timed in turn."""
    return entry(name, ratios.seconds, "ratio", ratios.spread, bound)
