"""When jobs end that wait for each other, on a number of workers, as Snakemake starts them: by priority."""

import heapq
from collections.abc import Mapping
from typing import NamedTuple


class Job(NamedTuple):
    """A job: its seconds, its priority, and the names of the jobs that it waits for.

    Jobs that are waited for and that are not in the plan are done.
    """

    seconds: float
    priority: float
    after: tuple[str, ...] = ()


def end_times(jobs: Mapping[str, Job], workers: int) -> dict[str, float]:
    """Return the second in which each job ends.

    Of the jobs that can start, the one with the highest priority does, as soon as a worker is free. Jobs that wait for
    each other in a circle never start and have no end.
    """
    open_ends = {name: {other for other in job.after if other in jobs} for name, job in jobs.items()}
    followers: dict[str, list[str]] = {}
    for name, others in open_ends.items():
        for other in others:
            followers.setdefault(other, []).append(name)
    order = {name: place for place, name in enumerate(jobs)}
    ready = [(-jobs[name].priority, order[name], name) for name, others in open_ends.items() if not others]
    heapq.heapify(ready)
    running: list[tuple[float, int, str]] = []
    ends: dict[str, float] = {}
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            name = heapq.heappop(ready)[2]
            heapq.heappush(running, (now + jobs[name].seconds, order[name], name))
        now, _, ended = heapq.heappop(running)
        ends[ended] = now
        for name in followers.get(ended, ()):
            open_ends[name].discard(ended)
            if not open_ends[name]:
                heapq.heappush(ready, (-jobs[name].priority, order[name], name))
    return ends
