"""The search for operating points: which values to train next, and which one is the point (docs/protocol.md)."""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from robustprune.errors import StudyError
from robustprune.files import write_text
from robustprune.gathering.bracketing import Goal, Trial, bracket, crossing, next_value, unreachable
from robustprune.records.record import RECORD_NAME, Record, read_record
from robustprune.study.cells import Cell
from robustprune.study.config import StudyConfig
from robustprune.study.find import dense_cell, value_cell
from robustprune.study.needed import needed_search
from robustprune.study.points import OperatingPoint
from robustprune.study.search import Search, Target, rounded, sweep_values, value_key
from robustprune.study.yaml_files import read_yaml

Results = Callable[[Cell], Record]
"""The finished record of a cell; raises StudyError where there is none."""


def dense_cells(config: StudyConfig, search: Search) -> list[Cell]:
    """Return the dense cell, where a target is relative to dense training."""
    needed = any(target.above_dense is not None for target in search.targets.values())
    return [dense_cell(config, search)] if needed else []


def values_of_round(
    config: StudyConfig, search: Search, method: str, form: str, number: int, tried: Sequence[float], results: Results
) -> list[float]:
    """Return the values to train in a round: 0 the sweep, then one per target, and after the last round the points.

    tried: the values of earlier rounds. A value that was tried is not returned again.
    """
    knob = config.knobs[method][form]
    if number == 0:
        return sweep_values(knob, search.sweep)
    trials = [_trial(value, results(value_cell(config, search, method, form, value))) for value in tried]
    wanted = []
    for target in search.targets_for(form).values():
        goal = _goal(config, search, target, results)
        if number <= search.rounds:
            wanted.append(next_value(trials, goal, knob.range))
        else:
            pair = bracket(trials, goal)
            wanted.append(crossing(pair, goal) if pair else None)
    return [value for value in dict.fromkeys(rounded(value) for value in wanted if value) if value not in tried]


def points_of(
    config: StudyConfig, search: Search, method: str, form: str, tried: Sequence[float], results: Results
) -> list[OperatingPoint]:
    """Return the operating points of a form for every target, when all rounds and the confirming runs are done.

    tried: the values of all rounds, without those that confirm. The point of a target is where the bracket's line
    crosses it. Its own run only confirms: the point is not moved by it.
    """
    cells = {value: value_cell(config, search, method, form, value) for value in tried}
    trials = {value: _trial(value, results(cell)) for value, cell in cells.items()}
    points = []
    for name, target in search.targets_for(form).items():
        goal = _goal(config, search, target, results)
        own = dict(trials)
        pair = bracket(list(trials.values()), goal)
        found: dict[str, Any] = {}
        if pair:
            value = rounded(crossing(pair, goal))
            cell = value_cell(config, search, method, form, value)
            own[value] = _trial(value, results(cell))
            found = {"strength": cell.strength, "settings": cell.settings, "confirmed": goal.held_by(own[value])}
        if not pair or not own[value].ok:
            reason = "the confirming run has a network that is not ok" if pair else unreachable(own.values(), goal)
            near = min((t for t in own.values() if t.ok), key=lambda trial: abs(goal.height(trial)), default=None)
            nearest = value_key(form, near.value) if near else None
            found = {"strength": None, "reason": reason, "nearest": nearest}
        point = OperatingPoint(
            **search.axes,
            method=method,
            target=name,
            form=form,
            budget=search.budget,
            bound_percent=None if goal.on_size else round(goal.level, 4),
            strengths=tuple(_evidence(form, own[value]) for value in sorted(own)),
            **found,
        )
        points.append(point)
    return points


def searched_forms(config: StudyConfig) -> list[tuple[Search, str, str]]:
    """Return every search, method and form that the study needs."""
    return [
        (search, method, form)
        for search in needed_search(config)
        for method, forms in search.methods.items()
        for form in forms
    ]


def searched_form(config: StudyConfig, network: str, method: str, form: str) -> tuple[Search, str, str]:
    """Return the search of a network ("mnist/lenet5-full"), with method and form; raises StudyError for another."""
    for search, own, name in searched_forms(config):
        if (search.name, own, name) == (network, method, form):
            return search, method, form
    raise StudyError(f"{network}/{method}/{form}: not in the search of this configuration")


def write_values(values: Sequence[float], output: Path) -> None:
    """Write the values of a round as a YAML list."""
    write_text(output, yaml.safe_dump(list(values)))


def read_values(path: Path) -> list[float]:
    """Read the values of a round; raises StudyError for a file of another kind."""
    try:
        values = read_yaml(path, list)
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(isinstance(value, float) for value in values):
        raise StudyError(f"{path}: expected the values of a search's round; make it with `robustprune search`")
    return values


def known_cells(config: StudyConfig) -> dict[str, Cell]:
    """Return the cells of all rounds that were written below the root of a search, by key."""
    cells = [cell for search in config.search for cell in dense_cells(config, search)]
    for search, method, form in searched_forms(config):
        for number in range(search.rounds + 2):  # files of later rounds are those of an earlier configuration
            path = Path(config.root, search.name, method, form, f"round-{number}.yaml")
            values = read_values(path) if path.exists() else []
            cells += [value_cell(config, search, method, form, value) for value in values]
    return {cell.key: cell for cell in cells}


def search_form(
    config: StudyConfig, search: Search, method: str, form: str, results: Results
) -> Generator[list[Cell], None, list[OperatingPoint]]:
    """Yield the cells of one round of a form after the other, the sweep first; return its operating points.

    The cells of a round must have results before the next round is asked for.
    """
    tried: list[float] = []
    for number in range(search.rounds + 2):
        values = values_of_round(config, search, method, form, number, tried, results)
        cells = [value_cell(config, search, method, form, value) for value in values]
        yield cells if number else dense_cells(config, search) + cells
        if number <= search.rounds:
            tried += values
    return points_of(config, search, method, form, tried, results)


def write_points(points: Iterable[OperatingPoint], output: Path) -> None:
    """Write operating points as the YAML file that a study reads."""
    text = "# Operating points, made by the search (docs/protocol.md); strengths are the evidence.\n"
    # the digest comes first, so that an entry that is cut short still has it
    entries = [
        {"digest": point.content_digest(), "strength": None} | point.model_dump(mode="json", exclude_none=True)
        for point in points
    ]
    text += yaml.safe_dump(entries, sort_keys=False)
    write_text(output, text)


def _trial(value: float, record: Record) -> Trial:
    entries = record.replicates
    params = tuple(float(entry.params_kept) for entry in entries if entry.params_kept is not None)
    errors = tuple(entry.error_valid_percent for entry in entries if entry.error_valid_percent is not None)
    ok = all(entry.status == "ok" for entry in entries) and len(params) == len(errors) == len(entries)
    return Trial(value, ok, params, errors)


def _goal(config: StudyConfig, search: Search, target: Target, results: Results) -> Goal:
    if target.params is not None:
        return Goal(on_size=True, level=math.log(target.params))
    (cell,) = dense_cells(config, search)
    dense = _trial(0.0, results(cell))
    if not dense.ok:
        raise StudyError(f"{cell.key}: dense training has a network that is not ok; no target above it can be set")
    return Goal(on_size=False, level=sum(dense.errors) / len(dense.errors) + (target.above_dense or 0.0))


def _evidence(form: str, trial: Trial) -> dict[str, Any]:
    """Return a trial as the file of operating points shows it; means only where every network has a number."""
    entry = {"strength": value_key(form, trial.value), "n": len(trial.params), "all_ok": trial.ok}
    if trial.ok:
        entry["params_kept"] = round(trial.mean_params, 1)
        entry["error_valid_percent"] = round(sum(trial.errors) / len(trial.errors), 4)
    return entry


def results_in(folder: Path) -> Results:
    """Return the results of the cells below a folder of runs."""

    def read(cell: Cell) -> Record:
        record = read_record(folder / cell.key / RECORD_NAME)
        if record.config_hash != cell.config_hash:
            raise StudyError(f"{folder / cell.key / RECORD_NAME}: made with other settings; train the cell again")
        return record

    return read
