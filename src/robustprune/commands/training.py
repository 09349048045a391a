"""Preparation of data, plans, training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustprune.engine.worker import Job
    from robustprune.gathering.jobs import StudyJobs
    from robustprune.study.config import StudyConfig


def prepare(arguments: argparse.Namespace) -> None:
    from robustprune.data.datasets import prepare
    from robustprune.study.data_settings import DataSettings

    given = {"directory": arguments.directory, "mirrors": arguments.mirrors}
    print(prepare(arguments.dataset, DataSettings(**{key: value for key, value in given.items() if value})))


def plan(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.forecast import waiting_lines
    from robustprune.gathering.planned import planned_cells
    from robustprune.gathering.priority import Priorities
    from robustprune.gathering.programs import check_cells, check_names, check_rules, written_rules
    from robustprune.gathering.timings import SIDE_BY_SIDE, cell_seconds, read_timings, timings_file
    from robustprune.study.config import load_study
    from robustprune.study.probed import probed_cells
    from robustprune.study.related import watched_cells

    config = load_study(arguments.config)
    check_names(config)
    cells = planned_cells(config)
    check_cells(config, cells.values())
    if config.probes:
        probed_cells(cells)
    if config.related:
        watched_cells(cells)
    if Path("workflow").is_dir():  # rules are files of a copy of the repository; an installed package has none
        check_rules(config, written_rules())
    bench = arguments.bench or timings_file()
    timings = read_timings(bench) if bench else {}  # an installed package has no benchmark beside it
    seconds = {key: cell_seconds(cell, timings) for key, cell in cells.items()}
    for key, cell in cells.items():
        time = seconds[key]
        minutes = "time unknown" if time is None else f"about {time / 60:.0f} min"
        print(f"{key}: {cell.replicates} replicates, {cell.training.epochs} epochs, {minutes}")
    networks = sum(cell.replicates for cell in cells.values())
    known = [value for value in seconds.values() if value is not None]
    print(f"{len(cells)} cells, {networks} networks; results go to {config.root}")
    if not known:
        print(f"time unknown: {f'no times of these methods in {bench}' if bench else 'no measured times'} (make bench)")
        return
    unknown = len(cells) - len(known)
    print(
        f"about {sum(known) / 3600:.1f} core-hours for {len(known)} cells (one thread, one cell at a time, by "
        f"{bench}), {SIDE_BY_SIDE:g} times that with a cell on every core"
        + (f"; unknown for the other {unknown}" if unknown else "")
    )
    if arguments.cores is not None:
        for line in waiting_lines(config, seconds, Priorities(cells.values(), timings), arguments.cores):
            print(line)


def train(arguments: argparse.Namespace) -> None:
    import os

    from robustprune.records.process import announce
    from robustprune.study.config import load_study
    from robustprune.study.find import find_cell

    config = load_study(arguments.config)
    cell = find_cell(config, arguments.cell)
    announce(cell.key, os.getpid())  # before torch is loaded, which takes seconds
    from robustprune.data.datasets import load
    from robustprune.engine.running import run_cell
    from robustprune.experiments.reading import probe_of
    from robustprune.gathering.record_checks import checked_record
    from robustprune.networks.archive import FILE
    from robustprune.records.record import RECORD_NAME
    from robustprune.starts.parts.registry import check_cell

    check_cell(cell)
    folder = arguments.output or Path(config.root, "runs", cell.key)
    checkpoint = Path(config.root, "checkpoints", cell.key, "checkpoint.pt")
    source = None
    if cell.source_key:
        source = Path(config.root, "runs", cell.source_key)
        # a control of networks of other settings, or of a damaged file, would be one of nothing that the study asks for
        checked_record(source / RECORD_NAME, find_cell(config, cell.source_key), files=[FILE])
    data = load(cell.dataset, config.data)
    probe = probe_of(config, cell)
    # with a probe no checkpoint: what it read before a stop would be lost
    saved = None if probe else checkpoint
    record = run_cell(cell, data, folder, saved, config.device, config.threads, source, probe=probe)
    if probe:
        probe.write(folder)
    print(*record.summary(), folder / "record.json", sep="\n")


def train_many(arguments: argparse.Namespace) -> int:
    import tempfile
    import time
    from contextlib import nullcontext
    from functools import partial

    from robustprune.engine.devices import check_device
    from robustprune.engine.many import train_many
    from robustprune.engine.worker import Machine
    from robustprune.experiments.reading import probe_of
    from robustprune.gathering.jobs import StudyJobs
    from robustprune.gathering.search import write_points
    from robustprune.records.packing import check_archive, pack_once
    from robustprune.records.process import alone
    from robustprune.study.config import load_study

    deadline = time.monotonic() + arguments.until
    config = load_study(arguments.config)
    device = arguments.device or config.device
    check_device(device, config.training.precision)
    config = config.model_copy(update={"device": device})
    output: Path = arguments.output
    searched = output.with_stem(f"{output.stem}_search") if config.study else output
    points = _points_beside(output, arguments.config)
    held = {archive: check_archive(archive) for archive in (output, searched)}
    trained = 0

    def done(job: Job, seconds: float) -> None:
        nonlocal trained
        trained += 1
        archive = searched if job.runs == jobs.search_runs else output
        pack_once(archive, job.cell.key, job.folder, held[archive], arguments.only_new)
        if seconds:
            print(f"{job.cell.key}: {job.cell.replicates} networks in {seconds:.1f} s", flush=True)

    with (
        nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory() as folder,
        alone(Path(folder), arguments.command),
    ):
        jobs = StudyJobs(config, Path(folder), arguments.light, done)
        machine = Machine(config.data, device, deadline, arguments.processes, partial(probe_of, config), config.threads)
        left = train_many(jobs.first(), machine, jobs.after)
    if jobs.found:
        write_points(jobs.found, points)
    print(f"{output}: {trained} of {trained + len(left)} cells trained")
    return _report_untrained(config, jobs, left)


def _points_beside(output: Path, config: Path) -> Path:
    """Return the file of the operating points beside `output`; StudyError where it would replace the configuration."""
    from robustprune.errors import StudyError

    points = output.with_suffix(".yaml")
    if points.resolve() == Path(config).resolve():
        raise StudyError(f"{output}: the operating points would go to {points}, the configuration; name another file")
    return points


def _report_untrained(config: StudyConfig, jobs: StudyJobs, left: list[tuple[Job, str]]) -> int:
    """Print what was not trained or not searched, and why; return 1 where something failed, else 0."""
    import sys

    from robustprune.engine.worker import OUT_OF_TIME

    if config.search and config.operating_points:
        print("operating points are given: no search")
    for line in [f"{job.cell.key}: {reason}" for job, reason in left] + jobs.not_begun():
        print(f"not trained: {line}")
    for reason in jobs.stopped:
        print(f"search stopped: {reason}")
    if config.smallest_width:
        print("not searched: smallest_width, which Snakemake searches")
    failed = sum(reason != OUT_OF_TIME for _, reason in left) + len(jobs.stopped)
    if failed:
        print(f"robustprune train-many: {failed} cells or searches failed; they are named above", file=sys.stderr)
    return 1 if failed else 0


def search(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.search import (
        points_of,
        read_values,
        results_in,
        searched_form,
        values_of_round,
        write_points,
        write_values,
    )
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    form = searched_form(config, arguments.network, arguments.method, arguments.form)
    tried = [value for path in arguments.earlier for value in read_values(path)]
    results = results_in(Path(config.root, "runs"))
    if arguments.round is None:
        write_points(points_of(config, *form, tried, results), arguments.output)
    else:
        write_values(values_of_round(config, *form, arguments.round, tried, results), arguments.output)
    print(arguments.output)
