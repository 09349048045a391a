"""The status of a study as text for a terminal: what is done, what runs, what failed, and when it will end."""

import time
from collections.abc import Collection, Mapping, Sequence

from robustprune.gathering.forecast import SEARCH, Plan, hours, jobs_of, with_mean
from robustprune.gathering.outcomes import SHOWN, indented
from robustprune.gathering.pace import Pace
from robustprune.gathering.priority import Priorities
from robustprune.gathering.schedule import Job, end_times
from robustprune.gathering.shared import network_named
from robustprune.gathering.states import CellState, cell_states, study_plan
from robustprune.gathering.summary import Networks, count_line, found_outcomes, networks_of, stopped_lines
from robustprune.gathering.timings import SIDE_BY_SIDE, Timings, read_timings, timings_file
from robustprune.networks.size import parameters
from robustprune.study.config import StudyConfig

BAR = 30
"""Characters of the bar."""


def status_lines(config: StudyConfig) -> list[str]:
    """Return the status of a study."""
    plan = study_plan(config)
    states = list(cell_states(config, plan))
    done = sum(state.state == "done" for state in states)
    filled = round(BAR * done / len(states)) if states else 0
    lines = [f"{config.root}: {done} of {len(states)} cells done [{'#' * filled}{'.' * (BAR - filled)}]"]
    searched = [state for state in states if state.key.startswith(SEARCH)]
    parts = {"search": searched, "study": [state for state in states if not state.key.startswith(SEARCH)]}
    lines += [f"    {name}: {count_line(own)}" for name, own in parts.items() if own]
    networks = networks_of(states)
    lines += _networks_line(networks)
    running = [state for state in states if state.state == "running"]
    lines += ["", f"running ({len(running)})"] if running else []
    for state in running:
        lines += [f"  {state.key}", *indented(_running(state))]
    lines += _ended(states, networks)
    return [*lines, "", *_time_left(plan, states, running)]


def _networks_line(networks: Networks) -> list[str]:
    """Return how the networks of cells that are done ended, where not all are ok."""
    counts = networks.loc[networks["state"] == "done", "status"].value_counts()
    if set(counts.index) <= {"ok"}:
        return []
    return ["    networks: " + ", ".join(f"{count} {status}" for status, count in counts.items())]


def _running(state: CellState) -> str:
    log = state.log
    if log is None or log.epoch is None:
        since = hours(log.silent) if log else "a while"
        return f"no epoch yet, last line of its log {since} ago"
    epoch, network = log.epoch, network_named(state.cell.architecture, state.cell.depth)
    of = f"/{epoch.of}" if epoch.of else f" ({epoch.share:.0%} of the budget)"
    start = network.units(state.cell.width)
    kept = parameters(network, dict(zip(start, epoch.units, strict=True)))
    return (
        f"epoch {epoch.number}{of}, kept {'-'.join(map(str, epoch.units))}, about {kept:,} of "
        f"{parameters(network, start):,} params, training loss {epoch.loss:.4f}, {hours(_left(state))} left"
    )


def _left(state: CellState) -> float:
    """Return the seconds until a running cell ends; 0 where its log does not say."""
    log = state.log
    return max(0.0, log.epoch.left - log.silent) if log and log.epoch else 0.0


def _ended(states: Sequence[CellState], networks: Networks) -> list[str]:
    """Return what failed, diverged, collapsed or was stopped, with the reasons."""
    found = found_outcomes(networks)
    lines = ["", f"not ok ({len(found)})"] if found else []
    for outcome in found[:SHOWN]:
        lines += [f"  {outcome.status}: {outcome.key}", *indented(outcome.reason)]
    if len(found) > SHOWN:
        lines.append(f"  and {len(found) - SHOWN} more: robustprune collect lists them")
    stopped = stopped_lines(states)
    return [*lines, "", *stopped] if stopped else lines


def _time_left(plan: Plan, states: Sequence[CellState], running: Sequence[CellState]) -> list[str]:
    """Return the core time that is left, and when the study ends if as many cells go on running at a time."""
    if all(state.state in ("done", "failed") for state in states):
        return ["No cell is left to train." if states else "The study has no cells."]
    bench = timings_file()
    timings: Timings = read_timings(bench) if bench else {}
    pace = Pace(timings, [state for state in states if state.state == "done"])
    left = {state.key: pace.seconds(state.cell) for state in states if state.state not in ("done", "failed")}
    known = {state.key: _of_running(state, left[state.key]) for state in running}
    slowed = SIDE_BY_SIDE if len(running) > 1 and not pace.known else 1.0
    filled = {key: slowed * seconds for key, seconds in with_mean(left).items()}
    filled |= {key: seconds for key, seconds in known.items() if seconds is not None}
    if all(seconds is None for seconds in (*left.values(), *known.values())):
        return ["How long it takes is not known: no times of these methods (make bench)."]
    unknown = sum(value is None for value in left.values())
    by = "at the pace of the cells that are done" if pace.known else f"by {bench}"
    lines = [f"about {hours(sum(filled.values()))} of core time left, {by}"]
    if unknown:
        lines.append(f"({unknown} cells of unknown time count as the mean of the others)")
    if not running:
        return [*lines, "No cell is running now."]
    jobs = _jobs_left(plan, filled, set(known), Priorities(plan.all_cells().values(), timings))
    end = max(end_times(jobs, len(running)).values())
    at = time.strftime("%a %d %b %H:%M", time.localtime(time.time() + end))
    return [*lines, f"expected end: {at}, in {hours(end)}, with {len(running)} at a time as now"]


def _of_running(state: CellState, estimate: float | None) -> float | None:
    """Return the seconds that are left of a running cell: those of its log, or the estimate without the time so far."""
    return _left(state) if state.log and state.log.epoch else estimate


def _jobs_left(
    plan: Plan, seconds: Mapping[str, float], running: Collection[str], priorities: Priorities
) -> dict[str, Job]:
    """Return the jobs of a plan that have seconds left, with those first that are running."""
    jobs = jobs_of(plan, lambda key, cell: seconds.get(key, 0.0), priorities)
    left = {name: job for name, job in jobs.items() if name in seconds or not _is_cell(name, plan)}
    return {name: _first(job) if name in running else job for name, job in left.items()}


def _is_cell(name: str, plan: Plan) -> bool:
    return name in plan.cells or name.startswith(SEARCH)


def _first(job: Job) -> Job:
    return Job(job.seconds, float("inf"))
