"""Priorities of jobs: the longest cells start first, so that no core waits for the last one."""

from collections.abc import Collection, Mapping
from functools import cached_property

from robustprune.gathering.timings import Timings, cell_seconds
from robustprune.study.cells import Cell


class Priorities:
    """The priority of each job: about the seconds from its start to the end of the last training that waits for it.

    Of the jobs that can start, the one with the highest priority does. A cell of unknown time (a foreign program, a
    method without a benchmark) counts as the longest of known time, for it may be as long.
    """

    def __init__(self, planned: Collection[Cell], timings: Timings):
        """planned: all cells of a study and of its search; timings: the milliseconds of `make bench` by name."""
        self.planned = planned
        self.timings = timings

    @cached_property
    def longest(self) -> float:
        """The estimated seconds of the longest cell of known time."""
        return max((cell_seconds(cell, self.timings) or 0.0 for cell in self.planned), default=0.0)

    def of_cells(self, cells: Mapping[str, Cell]) -> dict[str, int]:
        """Return the priority of each cell of a study by key; controls wait for the cell that they start from."""
        seconds = {key: self._seconds(cell) for key, cell in cells.items()}
        waiting: dict[str, float] = {}
        for key, cell in cells.items():
            if source := cell.source_key:
                waiting[source] = max(waiting.get(source, 0.0), seconds[key])
        return {key: round(own + waiting.get(key, 0.0)) for key, own in seconds.items()}

    def of_searched(self, cell: Cell) -> int:
        """Return the priority of a cell of the search, for which the study's cells wait.

        For its dense cell the rounds wait, too.
        """
        return round(self._seconds(cell) + (2 if cell.method == "dense" else 1) * self.longest)

    @property
    def of_decisions(self) -> int:
        """The priority of jobs that take seconds and for which cells wait: above that of any cell."""
        return round(3 * self.longest) + 1

    def _seconds(self, cell: Cell) -> float:
        estimate = cell_seconds(cell, self.timings)
        return self.longest if estimate is None else estimate
