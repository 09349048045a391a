"""The jobs of a whole study, with its search, in the order in which one machine can do them."""

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from robustprune.engine.many import effort_per_network
from robustprune.engine.worker import UNFINISHED, Job
from robustprune.errors import StudyError
from robustprune.gathering.ended import has_results
from robustprune.gathering.programs import check_cells, check_names
from robustprune.gathering.search import results_in, search_form, searched_forms
from robustprune.study.cells import Cell, grid_cells, study_cells, unresolved
from robustprune.study.config import StudyConfig
from robustprune.study.needed import search_of
from robustprune.study.points import OperatingPoint
from robustprune.study.priced import priced_cells
from robustprune.study.related import measured_cells

SEARCH, STUDY = 0, 1
"""Second number of a rank: within a part the search comes first."""


@dataclass
class _Form:
    """A form of a search on its way.

    part: the first that needs it. waiting: keys of cells of this round without results. points: found at the end.
    """

    part: int
    name: str
    rounds: Generator[list[Cell], None, list[OperatingPoint]]
    waiting: set[str] = field(default_factory=set)
    points: list[OperatingPoint] = field(default_factory=list)


class StudyJobs:
    """The jobs of a study: those that can begin, and after each one those that it makes possible.

    Forms of the search go on without waiting for each other. A cell of the study can begin when its strength is found,
    a control when its source is trained. Parts rank in the order of the configuration, within one the search before the
    study, then the networks that cost a GPU least. stopped: why a form of the search cannot go on. Cells of programs
    are left to Snakemake.
    """

    def __init__(self, config: StudyConfig, folder: Path, light: bool, done: Callable[[Job, float], None]):
        """folder: the root of the study; cells with results there are not trained again.

        light: no weights but those that another cell starts from or the study measures. done: called with every job
        that has results and its seconds, 0 for results from before. Raises StudyError for what no run can satisfy.
        """
        check_names(config)
        self.config, self.light, self.done = config, light, done
        self.runs, self.search_runs = folder / "runs", folder / "search" / "runs"
        self.parts = config.parts or tuple(dict.fromkeys(grid.part for grid in config.study))
        self.stopped: list[str] = []
        self._programs: dict[str, None] = {}
        self._forms = [] if config.operating_points else list(self._searched())
        self._asked: set[tuple[Path, str]] = set()
        self._finished: set[tuple[Path, str]] = set()
        self._controls: dict[str, dict[str, Job]] = {}
        for runs in (self.runs, self.search_runs):  # what a killed process left
            shutil.rmtree(runs / UNFINISHED, ignore_errors=True)

    def first(self) -> list[Job]:
        """Return the jobs that can begin."""
        return self._begin(self._of_study() + [job for form in self._forms for job in self._next_round(form)])

    def after(self, job: Job, seconds: float) -> list[Job]:
        """Return the jobs that a finished one makes possible."""
        return self._begin(self._follow(job, seconds))

    @property
    def found(self) -> list[OperatingPoint]:
        """The operating points that the search has found so far."""
        return [point for form in self._forms for point in form.points]

    def not_begun(self) -> list[str]:
        """Return a line for all that no job was made of, at the end, with the reason."""
        programs = [f"{name}: of a foreign program, which Snakemake runs" for name in self._programs]
        waiting = [f"{key}: {source} has no results" for source, keys in self._controls.items() for key in keys]
        searches = [f"search {form.name}: a round has cells without results" for form in self._forms if form.waiting]
        points = [f"{name}: no operating point" for name in unresolved(self._with_points())]
        return programs + waiting + searches + points

    def _searched(self) -> Iterator[_Form]:
        """Yield the forms of the search that the study needs; of a configuration without grids all."""
        config = search_of(self.config, "") if self.config.study else self.config
        if config is None:
            return
        results = results_in(self.search_runs)
        of_part = [self._needed(part) for part in self.parts]
        for search, method, form in searched_forms(config):
            name = (search.name, method, form)
            if method in config.foreign:
                self._programs[f"search {'/'.join(name)}"] = None
                continue
            part = next((number for number, names in enumerate(of_part) if name in names), 0)
            yield _Form(part, "/".join(name), search_form(config, search, method, form, results))

    def _needed(self, part: str) -> set[tuple[str, str, str]]:
        config = self.config.model_copy(update={"parts": (part,)})
        return {(search.name, method, form) for search, method, form in searched_forms(config)}

    def _of_study(self) -> list[Job]:
        """Return the cells of the study whose strengths are known."""
        config = self._with_points()
        cells = study_cells(config)
        check_cells(config, cells.values())
        heavy = self._with_weights(config, cells)
        jobs: dict[str, Job] = {}
        for number, grid in enumerate(config.grids):
            for cell, _ in grid_cells(config, grid, f"study.{number}"):
                if cell.method in config.foreign:
                    self._programs[cell.key] = None
                    continue
                rank = (self.parts.index(grid.part), STUDY, effort_per_network(cell))
                job = Job(rank, self.runs, cell, self.light and cell.key not in heavy)
                jobs[cell.key] = min(job, jobs.get(cell.key, job), key=lambda job: job.rank)
        return list(jobs.values())

    def _with_points(self) -> StudyConfig:
        points = (*self.config.operating_points, *self.found)
        return self.config.model_copy(update={"operating_points": points})

    def _with_weights(self, config: StudyConfig, cells: Mapping[str, Cell]) -> set[str | None]:
        """Return the keys of cells whose weights are needed later: by controls, of other parts too, or to measure."""
        heavy: set[str | None] = set()
        for number, grid in enumerate(config.model_copy(update={"parts": ()}).grids):
            with suppress(StudyError):  # another part may name what is not there; this call does not train it
                heavy |= {cell.source_key for cell, _ in grid_cells(config, grid, f"study.{number}")}
        if config.related:
            heavy |= set(measured_cells(cells, config.foreign))
        if config.unit_values:
            heavy |= set(priced_cells(cells))
        return heavy

    def _next_round(self, form: _Form) -> list[Job]:
        """Return the cells of the next round of a form, and after its last one the cells that were waiting for it."""
        try:
            while True:
                cells = next(form.rounds)
                check_cells(self.config, cells)
                known = {key for runs, key in self._finished if runs == self.search_runs}
                form.waiting = {cell.key for cell in cells} - known
                if form.waiting:
                    ranks = [(form.part, SEARCH, effort_per_network(cell)) for cell in cells]
                    return [
                        Job(rank, self.search_runs, cell, self.light) for rank, cell in zip(ranks, cells, strict=True)
                    ]
        except StopIteration as end:
            form.points = end.value
            return self._found_cells(form)
        except StudyError as error:
            self.stopped.append(f"{form.name}: {error}")
            return []

    def _found_cells(self, form: _Form) -> list[Job]:
        """Return the cells that were waiting for a form; with a point that the study cannot have, why in `stopped`."""
        try:
            return self._of_study()
        except StudyError as error:
            self.stopped.append(f"{form.name}: {error}")
            return []

    def _follow(self, job: Job, seconds: float) -> list[Job]:
        """Note a job that has results; return what it makes possible."""
        self._finished.add((job.runs, job.cell.key))
        self.done(job, seconds)
        if job.runs == self.runs:
            return list(self._controls.pop(job.cell.key, {}).values())
        jobs = []
        for form in self._forms:
            if job.cell.key in form.waiting:
                form.waiting.remove(job.cell.key)
                jobs += [] if form.waiting else self._next_round(form)
        return jobs

    def _begin(self, jobs: Iterable[Job]) -> list[Job]:
        """Return those of these jobs that are to be trained, and of those that follow from results that are there."""
        begun, looked_at = [], list(jobs)
        while looked_at:
            job = looked_at.pop()
            source = job.cell.source_key
            if source and (self.runs, source) not in self._finished:
                self._controls.setdefault(source, {})[job.cell.key] = job
            elif (job.runs, job.cell.key) not in self._asked:
                self._asked.add((job.runs, job.cell.key))
                if has_results(job, self.config):
                    looked_at += self._follow(job, 0.0)
                else:
                    begun.append(job)
        return begun
