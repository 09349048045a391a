"""How long a study takes on a number of cores: its jobs with what they wait for, and the sums of its parts."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from robustprune.gathering.planned import planned_cells, with_points
from robustprune.gathering.priority import Priorities
from robustprune.gathering.rounds import SearchedForm, searched_rounds
from robustprune.gathering.schedule import Job, end_times
from robustprune.gathering.timings import SIDE_BY_SIDE
from robustprune.study.cells import Cell, asked_of_cells
from robustprune.study.config import StudyConfig

SEARCH = "search/"
"""What precedes the key of a cell of the search, where cells of search and study stand together."""


class Plan(NamedTuple):
    """The forms that a search tries, round by round, and the cells of the study, by key."""

    forms: list[SearchedForm]
    cells: dict[str, Cell]

    def all_cells(self) -> dict[str, Cell]:
        """Return all cells by key, those of the search first."""
        return dict(self.searched()) | self.cells

    def searched(self) -> Iterator[tuple[str, Cell]]:
        """Yield the cells of the search, with SEARCH before their keys; forms can share a dense cell."""
        for form in self.forms:
            for cells in (form.dense, *form.rounds):
                yield from ((SEARCH + cell.key, cell) for cell in cells)


def plan_of(config: StudyConfig, search_root: Path | None = None) -> Plan:
    """Return the plan of a study.

    search_root: the folder of its search; decided rounds have the values that it holds. With operating points, only
    these rounds are in the plan: the search has ended.
    """
    forms = searched_rounds(config, search_root) if search_root or not config.operating_points else []
    if config.operating_points:
        forms = [form._replace(rounds=_decided(form)) for form in forms]
        forms = [form if any(form.rounds) else form._replace(dense=()) for form in forms]
    cells = {key: cell for key, cell in planned_cells(config).items() if not key.startswith(SEARCH)}
    return Plan(forms, cells)


def _decided(form: SearchedForm) -> tuple[tuple[Cell, ...], ...]:
    return tuple(cells for cells, decided in zip(form.rounds, form.decided, strict=True) if decided)


def jobs_of(plan: Plan, seconds: Callable[[str, Cell], float], priorities: Priorities) -> dict[str, Job]:
    """Return the jobs of a plan by the keys of their cells, and jobs of no time for the decisions of the search.

    A round waits for the one before it, the cells of the study for all points, a control for its source.
    """
    jobs: dict[str, Job] = {}
    last: list[str] = []
    for form in plan.forms:
        name = "/".join((form.search.name, form.method, form.form))
        before: tuple[str, ...] = ()
        dense = _searched_jobs(form.dense, seconds, priorities, before)
        jobs |= dense
        for number, cells in enumerate(form.rounds):
            own = _searched_jobs(cells, seconds, priorities, before)
            decision = f"{name}/{number}"
            jobs |= own | {decision: Job(0.0, priorities.of_decisions, (*before, *dense, *own))}
            before = (decision,)
        last += before
    if last:
        jobs["points"] = Job(0.0, priorities.of_decisions, tuple(last))
    own_priorities = priorities.of_cells(plan.cells)
    for key, cell in plan.cells.items():
        after = ("points", cell.source_key) if cell.source_key else ("points",)
        jobs[key] = Job(seconds(key, cell), own_priorities[key], after)
    return jobs


def _searched_jobs(
    cells: tuple[Cell, ...], seconds: Callable[[str, Cell], float], priorities: Priorities, after: tuple[str, ...]
) -> dict[str, Job]:
    keys = {SEARCH + cell.key: cell for cell in cells}
    return {key: Job(seconds(key, cell), priorities.of_searched(cell), after) for key, cell in keys.items()}


def with_mean(seconds: Mapping[str, float | None]) -> dict[str, float]:
    """Return the seconds of cells, the mean of the known ones in place of unknown ones (0 where none is known)."""
    known = [value for value in seconds.values() if value is not None]
    mean = sum(known) / len(known) if known else 0.0
    return {key: mean if value is None else value for key, value in seconds.items()}


def waiting(plan: Plan, seconds: Mapping[str, float], priorities: Priorities, workers: int) -> float:
    """Return the seconds that a plan takes with a number of cells at a time.

    seconds: the estimate of each cell on an idle core. Cells side by side take SIDE_BY_SIDE times as long.
    """
    slowed = SIDE_BY_SIDE if workers > 1 else 1.0
    jobs = jobs_of(plan, lambda key, cell: slowed * seconds[key], priorities)
    return max(end_times(jobs, workers).values(), default=0.0)


def waiting_lines(
    config: StudyConfig, seconds: Mapping[str, float | None], priorities: Priorities, cores: int
) -> list[str]:
    """Return lines on the time that a study takes with a number of cores, and on its parts.

    seconds: the estimate of each planned cell on an idle core.
    """
    plan, workers = plan_of(config), max(1, cores // config.threads)
    filled = with_mean(seconds)
    end = waiting(plan, filled, priorities, workers)
    side_by_side = f"{workers} cells at a time, each {SIDE_BY_SIDE:g} times as slow as alone"
    cells = side_by_side if workers > 1 else "one cell at a time"
    lines = [f"with --cores {cores}: about {hours(end)}", f"    ({cells}; the longest start first)"]
    unknown = sum(value is None for value in seconds.values())
    if unknown:
        mean = next(filled[key] for key, value in seconds.items() if value is None)
        lines.append(f"    ({unknown} cells of unknown time count as {hours(mean)} each, the mean of the others)")
    lines += ["", f"{'part':<28}{'cells':>8}{'core time':>14}{'unknown':>10}"]
    for name, keys in _groups(config, plan).items():
        known = [value for key in keys if (value := seconds[key]) is not None]
        lines.append(f"{name:<28}{len(keys):>8}{hours(sum(known)):>14}{len(keys) - len(known):>10}")
    return lines


def _groups(config: StudyConfig, plan: Plan) -> dict[str, list[str]]:
    """Return name -> keys of the cells of each round of the search and of each part of the study, all keys once."""
    rounds = range(1, max((form.search.rounds for form in plan.forms), default=0) + 1)
    between = [f"round {number}" for number in rounds]
    dense, sweep, last = "dense training", "sweep", "confirming runs"
    groups: dict[str, dict[str, None]] = {f"search, {name}": {} for name in (dense, sweep, *between, last)}
    for form in plan.forms:
        names = (dense, sweep, *between[: form.search.rounds], last)
        for name, cells in zip(names, (form.dense, *form.rounds), strict=True):
            groups[f"search, {name}"].update((SEARCH + cell.key, None) for cell in cells)
    rest, complete = dict.fromkeys(plan.cells), with_points(config)
    for grid in config.grids:
        named = asked_of_cells(complete.model_copy(update={"study": (grid,), "parts": ()}))
        own = groups.setdefault(f"study, part {grid.part}", {})
        for key in named:
            if key in rest:
                del rest[key]
                own[key] = None
    return {name: list(keys) for name, keys in groups.items() if keys}


def hours(seconds: float) -> str:
    """Return a time as people say it: "2.5 h", "12 min", "40 s"."""
    if seconds >= 36_000:
        return f"{seconds / 3600:.0f} h"
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
