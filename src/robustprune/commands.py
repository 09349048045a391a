"""What every command of the command line does. Each imports what it needs, so that `--help` loads neither torch nor
pandas."""

import argparse
from pathlib import Path

from robustprune.errors import StudyError


def prepare(arguments: argparse.Namespace) -> None:
    from robustprune.data.datasets import prepare
    from robustprune.study.config import DataSettings

    given = {"directory": arguments.directory, "mirrors": arguments.mirrors}
    print(prepare(arguments.dataset, DataSettings(**{key: value for key, value in given.items() if value})))


def train(arguments: argparse.Namespace) -> None:
    from robustprune.data.datasets import load
    from robustprune.engine.running import run_cell
    from robustprune.starts.parts.registry import check_cell
    from robustprune.study.config import load_study
    from robustprune.study.find import find_cell

    config = load_study(arguments.config)
    cell = find_cell(config, arguments.cell)
    check_cell(cell)
    folder = arguments.output or Path(config.root, "runs", cell.key)
    checkpoint = Path(config.root, "checkpoints", cell.key, "checkpoint.pt")
    source = Path(config.root, "runs", cell.source_key) if cell.source_key else None
    data = load(cell.dataset, config.data)
    record = run_cell(cell, data, folder, checkpoint, config.device, config.threads, source)
    print(*record.summary(), folder / "record.json", sep="\n")


def train_many(arguments: argparse.Namespace) -> None:
    import tempfile
    import time
    from functools import cache

    from robustprune.data.datasets import load
    from robustprune.engine.devices import check_device
    from robustprune.engine.many import by_evidence, train_many
    from robustprune.gathering.programs import checked_cells
    from robustprune.gathering.search import results_in, run_search, write_points
    from robustprune.study.cells import Cell
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    deadline = time.monotonic() + arguments.until
    device = arguments.device or config.device
    check_device(device, config.training.precision)
    datasets = cache(lambda name: load(name, config.data))
    left: list[Cell] = []

    def done(cell: Cell, seconds: float) -> None:
        print(f"{cell.key}: {cell.replicates} networks in {seconds:.1f} s", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def train(cells: list[Cell]) -> bool:
            order = by_evidence(cells)
            left.extend(train_many(order, datasets, folder, arguments.output, device, deadline, arguments.light, done))
            return not left

        if config.study:
            cells = list(checked_cells(config).values())
            train(cells)
        else:
            cells, points = run_search(config, train, results_in(folder))
            if points:
                write_points(points, arguments.output.with_suffix(".yaml"))
    print(f"{arguments.output}: {len(cells) - len(left)} of {len(cells)} cells trained")
    for cell in left:
        print(f"not trained: {cell.key}")


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


def order(arguments: argparse.Namespace) -> None:
    import json

    from robustprune.engine.jobs import order
    from robustprune.study.config import load_study
    from robustprune.study.find import find_cell

    config = load_study(arguments.config)
    print(json.dumps(order(find_cell(config, arguments.cell), config), indent=1))


def record(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.foreign import write_results
    from robustprune.study.config import load_study
    from robustprune.study.find import find_cell

    config = load_study(arguments.config)
    cell, folder = find_cell(config, arguments.cell), Path(config.root, "runs", arguments.cell)
    record = write_results(config, cell, arguments.results, folder, arguments.program, arguments.order)
    print(*record.summary(), folder / "record.json", sep="\n")


def collect(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.collection import collect
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    for line in collect(config, arguments.output or Path(config.root)):
        print(line)


def merge(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.merging import collected, merge
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study

    config = load_study(arguments.config) if arguments.config else None
    with collected(arguments.folders, config) as folders:
        for line in merge(folders, arguments.output, study_cells(config) if config else ()):
            print(line)


def choose(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.operating_points import write_operating_points

    for point in write_operating_points(arguments.source, arguments.output, arguments.margin, arguments.force):
        network = f"{point['dataset']}/{point['architecture']}-{point['track']}/{point['method']}"
        print(f"{network}: {point['strength'] or 'none fits'} (validation error at most {point['bound_percent']:g} %)")


def tables(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.tables import write_tables

    for path in write_tables(arguments.source, arguments.output, arguments.confidence, arguments.names):
        print(path)


def figure(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.figures import draw_figure

    methods = arguments.methods.split(",") if arguments.methods else None
    given = (arguments.confidence, methods, arguments.over)
    for path in draw_figure(arguments.name, arguments.source, arguments.output, *given):
        print(path)


def compare(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.consistency import write_consistency

    print(write_consistency(arguments.source, arguments.reference, arguments.output))


def claims(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.claims import write_claims
    from robustprune.study.config import load_study

    print(write_claims(load_study(arguments.config).claims, arguments.source, arguments.output).to_string(index=False))


def export(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.export import export

    for path in export(arguments.cell, arguments.replicate, arguments.output, onnx=not arguments.no_onnx):
        print(path)


def plan(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.plan import SIDE_BY_SIDE, cell_seconds, planned_cells, read_timings, timings_file
    from robustprune.gathering.programs import check_cells, check_names, check_rules, written_rules
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    check_names(config)
    cells = planned_cells(config)
    check_cells(config, cells.values())
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
        print(f"time unknown: no figures of these methods in {bench} (make bench)")
        return
    unknown = len(cells) - len(known)
    print(
        f"about {sum(known) / 3600:.1f} core-hours for {len(known)} cells (one thread, one cell at a time, by "
        f"{bench}), {SIDE_BY_SIDE:g} times that with a cell on every core"
        + (f"; unknown for the other {unknown}" if unknown else "")
    )


def methods(arguments: argparse.Namespace) -> None:
    from robustprune import registry

    print("\n".join(sorted(registry.names("method") + registry.names("start"))))


def check(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.checking import checked_record

    for path in arguments.records:
        record = checked_record(path)
        print(f"{path}: valid, {len(record.replicates)} replicates")


def check_method(arguments: argparse.Namespace) -> None:
    import json
    import tempfile

    from robustprune.data.datasets import load
    from robustprune.engine.contract import check_contract
    from robustprune.study.config import DataSettings

    try:
        settings = json.loads(arguments.settings)
    except json.JSONDecodeError as error:
        raise StudyError(f"--settings: expected JSON such as '{{\"price\": 0.001}}' ({error})") from None
    with tempfile.TemporaryDirectory() as folder:
        data = load("digits", DataSettings(directory=folder))
    for line in check_contract(arguments.method, settings, arguments.track, arguments.architectures, data):
        print(line, flush=True)
    print(f"{arguments.method} keeps the contract")


def schema(arguments: argparse.Namespace) -> None:
    from robustprune.records.schemas import write_schemas

    for path in write_schemas(arguments.output):
        print(path)
