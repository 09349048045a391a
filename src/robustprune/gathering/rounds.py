"""The cells of a search round by round: those of the rounds that are decided, and stand-ins for the others."""

import math
from pathlib import Path
from typing import NamedTuple

from robustprune.gathering.search import dense_cells, read_values, searched_forms
from robustprune.study.cells import Cell
from robustprune.study.config import StudyConfig
from robustprune.study.find import value_cell
from robustprune.study.search import Search, rounded, sweep_values


class SearchedForm(NamedTuple):
    """A form of a method in a search.

    dense: the cell that rounds after the first wait for, where a target needs it. rounds: the cells of every round, the
    sweep first and the confirming runs last. decided: which rounds have the values that the search chose.
    """

    search: Search
    method: str
    form: str
    dense: tuple[Cell, ...]
    rounds: tuple[tuple[Cell, ...], ...]
    decided: tuple[bool, ...]


def searched_rounds(config: StudyConfig, root: Path | None = None) -> list[SearchedForm]:
    """Return every form that a study searches.

    root: the folder of the search; rounds whose values it holds have these. Any other round has the values that it may
    have at most, one per target: values between the ends of the range stand in for those that are not known.
    """
    return [_rounds(config, *found, root) for found in searched_forms(config)]


def middle(config: StudyConfig, method: str, form: str) -> float:
    """Return the middle of a knob's range, on a logarithmic scale."""
    low, high = (math.log(end) for end in config.knobs[method][form].range)
    return rounded(math.exp((low + high) / 2))


def _rounds(config: StudyConfig, search: Search, method: str, form: str, root: Path | None) -> SearchedForm:
    targets, centre = len(search.targets_for(form)), middle(config, method, form)
    count = (search.rounds + 1) * targets
    standins = [rounded(centre * (1 + (number + 1) / (count + 1))) for number in range(count)]
    values = [sweep_values(config.knobs[method][form], search.sweep)]
    values += [standins[first : first + targets] for first in range(0, count, targets)]
    decided = [False] * len(values)
    for number in range(len(values) if root else 0):
        path = Path(root or "", search.name, method, form, f"round-{number}.yaml")
        if path.exists():
            values[number], decided[number] = read_values(path), True
    cells = tuple(tuple(value_cell(config, search, method, form, value) for value in own) for own in values)
    return SearchedForm(search, method, form, tuple(dense_cells(config, search)), cells, tuple(decided))
