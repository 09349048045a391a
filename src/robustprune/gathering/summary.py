"""What a run of Snakemake says when it begins and when it ends (workflow/rules/messages.smk)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd

from robustprune.gathering.collapse import judged
from robustprune.gathering.joblog import CELL_LOG, FAILED
from robustprune.gathering.outcomes import SHOWN, Outcome, indented, outcome_lines, outcomes
from robustprune.gathering.states import STATES, CellState, cell_states, study_plan
from robustprune.study.cells import asked_of_cells
from robustprune.study.config import StudyConfig
from robustprune.study.roles import METHOD_UNDER_STUDY

NUMBERS = ("error_train_percent", "params_kept", "params_dense", "error_test_percent")
LINES = 6
"""Cells whose numbers are shown."""
Networks = pd.DataFrame
"""A row per network of the records and of the failed jobs: key, dataset, method, state of the cell, status, reason and
NUMBERS."""


def beginning(config_file: Path) -> str:
    """Return what a run says first."""
    return f"Progress, in another terminal:\n    robustprune status --config {config_file}"


def ending(config: StudyConfig, since: float) -> list[str]:
    """Return what a run says last: cells by state, what failed and why, the method's numbers, and where to look.

    since: when the run began, in seconds since 1970; other jobs (tables, figures) that failed after that are named. Of
    a study that has trained nothing, as where only shipped results are shown, nothing else is said.
    """
    failed = other_failures(Path(config.root), since)
    states = list(cell_states(config, study_plan(config)))
    if all(state.state == "waiting" for state in states):
        return failed
    lines = ["", f"{config.root}: {len(states)} cells: {count_line(states)}"]
    for root in dict.fromkeys(state.root for state in states):
        own = [state for state in states if state.root == root]
        networks = networks_of(own)
        if root == Path(config.root):
            lines += headline(config, own, networks)
        lines += outcome_lines(found_outcomes(networks), root / "config.yaml")
        lines += stopped_lines(own)
    return lines + failed + where_to_look(Path(config.root))


def other_failures(root: Path, since: float) -> list[str]:
    """Return the last lines of the logs of jobs that train no cell and that failed since then."""
    lines = []
    for path in sorted((root / "logs").rglob("*.log")):
        if path.name == CELL_LOG or path.stat().st_mtime < since:
            continue
        last = path.read_text(errors="replace").splitlines()[-1:]
        if last and last[0].startswith(FAILED):
            lines += [f"failed: {path}", *indented(last[0])]
    return lines


def count_line(states: Iterable[CellState]) -> str:
    """Return the number of cells in each state, e.g. "5 done, 1 failed"."""
    counts = Counter(state.state for state in states)
    return ", ".join(f"{counts[name]} {name}" for name in STATES if counts[name])


def networks_of(states: Sequence[CellState]) -> Networks:
    """Return the networks of cells that are done or whose job failed, with collapse judged as in collected tables."""
    rows: list[dict[str, Any]] = []
    for state in states:
        cell: dict[str, Any] = {"key": state.cell.key, "dataset": state.cell.dataset, "method": state.cell.method}
        cell |= {"state": state.state, "depth_start": state.cell.depth}
        for entry in state.entries:
            known = {name: entry.get(name) for name in ("status", "reason", *NUMBERS)}
            rows.append(cell | known)
        if state.state == "failed":
            rows += [cell | {"status": "failed", "reason": state.reason}] * state.cell.replicates
    table = pd.DataFrame(
        rows, columns=["key", "dataset", "depth_start", "method", "state", "status", "reason", *NUMBERS]
    )
    return judged(table, table)[1] if len(table) else table


def found_outcomes(networks: Networks) -> list[Outcome]:
    """Return the cells whose networks are not all ok."""
    return outcomes(networks["key"], networks)


def stopped_lines(states: Iterable[CellState]) -> list[str]:
    """Return the cells whose job ended without a reason, and how far each is."""
    stopped = [state for state in states if state.state == "stopped"]
    lines = [f"stopped ({len(stopped)}): the same snakemake command goes on from their checkpoints"] if stopped else []
    for state in stopped[:SHOWN]:
        epoch = state.log.epoch if state.log else None
        reached = f"killed after epoch {epoch.number}" if epoch else "killed in its first epoch"
        lines += [f"  {state.key}", *indented(state.reason or reached)]
    return lines + ([f"  and {len(stopped) - SHOWN} more"] if len(stopped) > SHOWN else [])


def headline(config: StudyConfig, states: Iterable[CellState], networks: Networks) -> list[str]:
    """Return size and error of the method from width 1, He normal; at operating points, where the study has some."""
    points = {key for key, asked in asked_of_cells(config).items() if asked.point}
    own = [state.cell for state in states if state.cell.method == METHOD_UNDER_STUDY and state.state == "done"]
    own = [cell for cell in own if cell.width == 1 and cell.initialization == "he_normal"]
    named = [cell for cell in own if cell.key in points]
    lines = []
    for cell in (named or own)[:LINES]:
        ok = networks[(networks["key"] == cell.key) & (networks["status"] == "ok")]
        if not len(ok):
            continue
        sizes, errors = list(ok["params_kept"]), list(ok["error_test_percent"])
        equal = "" if cell.budget == "epochs" else f", budget {cell.budget}"
        lines.append(
            f"{cell.method}, {cell.dataset}/{cell.architecture}-{cell.track}, {cell.strength}, width 1{equal}:"
        )
        size = f"{mean(sizes):,.0f} of {ok['params_dense'].iloc[0]:,.0f} params kept"
        lines += indented(
            f"{size}{_span(sizes, ',.0f')}, test error {mean(errors):.2f} %{_span(errors, '.2f')}, n = {len(ok)}"
        )
    return lines


def _span(values: Sequence[float], form: str) -> str:
    return f" ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else ""


def where_to_look(root: Path) -> list[str]:
    """Return the files of a study that exist and that people open, and how the report is made."""
    report = root / "report.html"
    places = [root / "page.html", root / "tables", root / "figures", root / "runs.csv", report]
    there = [str(place) for place in places if place.exists()]
    lines = ["Look at:", *(f"    {place}" for place in there)] if there else []
    if there and not report.exists():
        lines += ["Run times of all jobs:", f"    snakemake --report {report} --configfile {root / 'config.yaml'}"]
    return lines
