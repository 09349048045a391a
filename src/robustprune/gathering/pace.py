"""How fast a study's cells really train: measured times against the estimates of the plan."""

from collections.abc import Iterable
from dataclasses import dataclass

from robustprune.gathering.states import CellState
from robustprune.gathering.timings import Timings, cell_seconds
from robustprune.study.cells import Cell

Kind = tuple[str, str]
"""Architecture and method."""


class Pace:
    """Estimates of a study's cells, corrected by the cells that are done.

    An estimate is multiplied by the measured seconds over the estimated ones: of the same method and architecture, or
    of all, where none of these is done. A cell without an estimate takes as long as these do in the mean. The measured
    seconds are those on the clock, so they hold what cells that run side by side cost each other.
    """

    def __init__(self, timings: Timings, done: Iterable[CellState]):
        self.timings = timings
        self._factors: dict[Kind | None, Ratio] = {}
        self._means: dict[Kind | None, Ratio] = {}
        for state in done:
            measured, estimate = _seconds(state), cell_seconds(state.cell, timings)
            for kind in (_kind(state.cell), None):
                if measured:
                    self._means.setdefault(kind, Ratio()).add(measured, 1.0)
                if measured and estimate:
                    self._factors.setdefault(kind, Ratio()).add(measured, estimate)

    @property
    def known(self) -> bool:
        """Whether any cell that is done corrects the estimates."""
        return bool(self._means)

    def seconds(self, cell: Cell) -> float | None:
        """Return the seconds that a cell takes; None where neither an estimate nor a finished cell says it."""
        estimate, kind = cell_seconds(cell, self.timings), _kind(cell)
        if estimate is None:
            mean = self._means.get(kind) or self._means.get(None)
            return mean.value if mean else None
        factor = self._factors.get(kind) or self._factors.get(None)
        return estimate * (factor.value if factor else 1.0)


@dataclass
class Ratio:
    """A sum of measured seconds over a sum of other numbers."""

    above: float = 0.0
    below: float = 0.0

    def add(self, above: float, below: float) -> None:
        """Count one more cell."""
        self.above += above
        self.below += below

    @property
    def value(self) -> float:
        """The ratio of the sums."""
        return self.above / self.below


def _kind(cell: Cell) -> Kind:
    return cell.architecture, cell.method


def _seconds(state: CellState) -> float:
    """Return the seconds of a cell on the clock; of one that was taken up again, those of its training at least."""
    if state.record is None:
        return 0.0
    training = sum(entry.get("train_seconds") or 0.0 for entry in state.entries)
    return max(float(state.record["provenance"].get("seconds") or 0.0), training)
