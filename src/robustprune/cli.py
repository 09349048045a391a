"""The command line, `robustprune --help`; every Snakemake rule runs one of its commands."""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from robustprune import __version__
from robustprune.errors import StudyError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: {message} (try {self.prog} --help)\n")


def _prepare(arguments: argparse.Namespace) -> None:
    from robustprune.data.datasets import prepare
    from robustprune.study.config import DataSettings

    given = {"directory": arguments.directory, "mirrors": arguments.mirrors}
    print(prepare(arguments.dataset, DataSettings(**{key: value for key, value in given.items() if value})))


def _train(arguments: argparse.Namespace) -> None:
    from robustprune.data.datasets import load
    from robustprune.engine.running import run_cell
    from robustprune.starts.parts.registry import check_cell
    from robustprune.study.cells import find_cell
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    cell = find_cell(config, arguments.cell)
    check_cell(cell)
    folder = arguments.output or Path(config.root, "runs", cell.key)
    checkpoint = Path(config.root, "checkpoints", cell.key, "checkpoint.pt")
    source = Path(config.root, "runs", cell.source_key) if cell.source_key else None
    data = load(cell.dataset, config.data)
    record = run_cell(cell, data, folder, checkpoint, config.device, config.threads, source)
    print(*record.summary(), folder / "record.json", sep="\n")


def _order(arguments: argparse.Namespace) -> None:
    import json

    from robustprune.engine.jobs import order
    from robustprune.study.cells import find_cell
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    print(json.dumps(order(find_cell(config, arguments.cell), config), indent=1))


def _record(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.foreign import write_results
    from robustprune.study.cells import find_cell
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    cell, folder = find_cell(config, arguments.cell), Path(config.root, "runs", arguments.cell)
    record = write_results(config, cell, arguments.results, folder, arguments.program, arguments.order)
    print(*record.summary(), folder / "record.json", sep="\n")


def _collect(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.collection import collect
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    for line in collect(config, arguments.output or Path(config.root)):
        print(line)


def _merge(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.merging import merge
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study

    order = study_cells(load_study(arguments.config)) if arguments.config else ()
    for line in merge(arguments.folders, arguments.output, order):
        print(line)


def _choose(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.operating_points import write_operating_points

    for point in write_operating_points(arguments.source, arguments.output, arguments.margin, arguments.force):
        network = f"{point['dataset']}/{point['architecture']}-{point['track']}/{point['method']}"
        print(f"{network}: {point['strength'] or 'none fits'} (validation error at most {point['bound_percent']:g} %)")


def _tables(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.tables import write_tables

    for path in write_tables(arguments.source, arguments.output, arguments.confidence, arguments.names):
        print(path)


def _figure(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.figures import draw_figure

    methods = arguments.methods.split(",") if arguments.methods else None
    for path in draw_figure(arguments.name, arguments.source, arguments.output, arguments.confidence, methods):
        print(path)


def _claims(arguments: argparse.Namespace) -> None:
    from robustprune.analysis.claims import write_claims
    from robustprune.study.config import load_study

    print(write_claims(load_study(arguments.config).claims, arguments.source, arguments.output).to_string(index=False))


def _export(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.export import export

    for path in export(arguments.cell, arguments.replicate, arguments.output, onnx=not arguments.no_onnx):
        print(path)


def _plan(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.plan import SIDE_BY_SIDE, cell_seconds, read_timings, timings_file
    from robustprune.gathering.programs import checked_cells
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    cells = checked_cells(config)
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
    unknown = len(cells) - len(known)
    print(
        f"about {sum(known) / 3600:.1f} core-hours for {len(known)} cells (one thread, one cell at a time, by "
        f"{bench}), {SIDE_BY_SIDE:g} times that with a cell on every core"
        + (f"; unknown for the other {unknown}" if unknown else "")
    )


def _methods(arguments: argparse.Namespace) -> None:
    from robustprune import registry

    print("\n".join(sorted(registry.names("method") + registry.names("start"))))


def _check(arguments: argparse.Namespace) -> None:
    from robustprune.records.record import read_record

    for path in arguments.records:
        record = read_record(path)
        print(f"{path}: valid, {len(record.replicates)} replicates")


def _schema(arguments: argparse.Namespace) -> None:
    from robustprune.records.schemas import write_schemas

    for path in write_schemas(arguments.output):
        print(path)


def build_parser() -> Parser:
    """Return the parser of all commands."""
    parser = Parser(prog="robustprune", description="Reference study of robust structured pruning.")
    parser.add_argument("--version", action="version", version=f"robustprune {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command", parser_class=Parser)

    def command(name: str, function, help: str, config: bool = False, cell: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(function=function)
        if config:
            added.add_argument("--config", type=Path, required=True, help="study configuration, e.g. config/quick.yaml")
        if cell:
            added.add_argument("--cell", required=True, help="the cell's key, as `robustprune plan` prints it")
        return added

    prepare = command("prepare", _prepare, "fetch, verify and store a data set")
    prepare.add_argument("dataset", help="its name, or a wrong one to see the list")
    prepare.add_argument("--directory", help="where to keep it (default: data)")
    prepare.add_argument("--mirrors", nargs="+", help="folders, URLs or 'torchvision', tried in order")
    train = command("train", _train, "train and evaluate one cell (all its replicates)", config=True, cell=True)
    train.add_argument("--output", type=Path, help="folder of the record (default: <root>/runs/<cell>)")
    collect = command("collect", _collect, "gather records into runs.csv and histories", config=True)
    collect.add_argument("--output", type=Path, help="folder to write to (default: the study's root)")
    merge = command("merge", _merge, "join the collected tables of several runs or machines")
    merge.add_argument(
        "folders", type=Path, nargs="+", help="folders with runs.csv and the other tables; later ones win"
    )
    merge.add_argument("--output", type=Path, required=True, help="folder to write to; may be one of them")
    merge.add_argument("--config", type=Path, help="put the cells in the order of this study")
    choose = command("choose", _choose, "choose operating points by validation error")
    choose.add_argument("--source", type=Path, required=True, help="folder with the runs.csv of a sweep")
    choose.add_argument("--output", type=Path, required=True, help="operating_points.yaml to write")
    choose.add_argument("--margin", type=float, default=0.2, help="points above dense that are allowed (default 0.2)")
    choose.add_argument("--force", action="store_true", help="replace an existing file")
    tables = command("tables", _tables, "make the tables")
    tables.add_argument("--source", type=Path, required=True, help="folder with runs.csv and details.csv")
    tables.add_argument("--output", type=Path, required=True, help="folder of the tables")
    tables.add_argument("--names", nargs="+", help="which tables (default: all)")
    tables.add_argument("--confidence", type=float, default=0.95, help="level of the intervals (default 0.95)")
    figure = command("figure", _figure, "draw one figure as PDF, SVG and PNG")
    figure.add_argument("name", help="the figure's name, or a wrong one to see the list")
    figure.add_argument("--source", type=Path, required=True, help="folder with runs.csv, history and gates tables")
    figure.add_argument("--output", type=Path, required=True, help="folder of the figures")
    figure.add_argument("--methods", help="draw only these, e.g. bernoulli,dense,vib (default: all)")
    figure.add_argument("--confidence", type=float, default=0.95, help="level of the intervals (default 0.95)")
    command("order", _order, "print a cell as JSON, for programs of other methods", config=True, cell=True)
    record = command("record", _record, "write a cell's record from the CSV of a program", config=True, cell=True)
    record.add_argument("--results", type=Path, required=True, help="the CSV (docs/how-to-foreign-program.md)")
    record.add_argument("--program", type=Path, nargs="+", default=[], help="the program's files, for the source hash")
    record.add_argument("--order", type=Path, help="the order that the program read, for start and duration")
    claims = command("claims", _claims, "compare collected results with the configuration's claims", config=True)
    claims.add_argument("--source", type=Path, required=True, help="folder with runs.csv and details.csv")
    claims.add_argument("--output", type=Path, required=True, help="the table to write (.csv)")
    export = command("export", _export, "save one pruned network as state dict + JSON, and as ONNX")
    export.add_argument("cell", type=Path, help="a cell's folder, with record.json and networks.safetensors")
    export.add_argument("--replicate", type=int, default=0, help="which network (default 0)")
    export.add_argument("--output", type=Path, required=True, help="folder to write to")
    export.add_argument("--no-onnx", action="store_true", help="leave the ONNX file out")
    plan = command("plan", _plan, "list a study's cells with their time and check every setting", config=True)
    plan.add_argument(
        "--bench", type=Path, help="times of `make bench` (default: this machine's; without them the shipped ones)"
    )
    command("methods", _methods, "print one method name per line, plug-ins included")
    check = command("check", _check, "validate records, your own program's too, against the schema")
    check.add_argument("records", type=Path, nargs="+", help="record.json files")
    schema = command("schema", _schema, "write the JSON schemas of configuration and record")
    schema.add_argument("--output", type=Path, required=True, help="folder, e.g. workflow/schemas")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done. 2: wrong input, with one line on standard error. 1: the reader of standard output (head, a pager) has gone.
    """
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.function(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise the flush at exit fails again
        return 1
    except StudyError as error:
        print(f"robustprune {parsed.command}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
