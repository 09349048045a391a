"""The command line, `robustprune --help`; every Snakemake rule runs one of its commands."""

import argparse
import io
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from robustprune import __version__
from robustprune.commands import checking, gathering, networks, showing, training, watching
from robustprune.commands.numbers import level, positive, seconds
from robustprune.errors import StudyError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: {message} (try {self.prog} --help)\n")


Command = Callable[..., argparse.ArgumentParser]
"""Adds a command: command(name, function, help, config=False, cell=False) returns its parser."""


def build_parser() -> Parser:
    """Return the parser of all commands."""
    parser = Parser(prog="robustprune", description="Reference study of robust structured pruning.")
    parser.add_argument("--version", action="version", version=f"robustprune {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command", parser_class=Parser)

    def command(
        name: str, function: Callable[..., None], help: str, config: bool = False, cell: bool = False
    ) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=help, description=help)
        added.set_defaults(function=function)
        if config:
            added.add_argument("--config", type=Path, required=True, help="study configuration, e.g. config/quick.yaml")
        if cell:
            added.add_argument("--cell", required=True, help="the cell's key, as `robustprune plan` prints it")
        return added

    for add in (_training, _watching, _gathering, _showing, _programs, _networks, _checking):
        add(command)
    return parser


def _training(command: Command) -> None:
    prepare = command("prepare", training.prepare, "fetch, verify and store a data set")
    prepare.add_argument("dataset", help="its name, or a wrong one to see the list")
    prepare.add_argument("--directory", help="where to keep it (default: data)")
    prepare.add_argument("--mirrors", nargs="+", help="folders, URLs or 'torchvision', tried in order")
    plan = command("plan", training.plan, "list a study's cells with their time and check every setting", config=True)
    plan.add_argument(
        "--bench", type=Path, help="times of `make bench` (default: this machine's; without them the shipped ones)"
    )
    plan.add_argument("--cores", type=positive, help="also say how long so many cores take, and what each part takes")
    train = command("train", training.train, "train and evaluate one cell (all its replicates)", config=True, cell=True)
    train.add_argument("--output", type=Path, help="folder of the record (default: <root>/runs/<cell>)")
    many = command(
        "train-many", training.train_many, "search and train a whole study side by side on one GPU", config=True
    )
    many.add_argument(
        "--output", type=Path, required=True, help="archive (.tar) that each cell is added to, once; points beside it"
    )
    many.add_argument("--device", help="torch device (default: the configuration's)")
    many.add_argument("--until", type=float, default=float("inf"), help="stop after so many seconds (default: never)")
    many.add_argument("--processes", type=positive, default=1, help="cells side by side (default: 1)")
    many.add_argument("--folder", type=Path, help="keep all cells here; a second call goes on (default: none is kept)")
    many.add_argument(
        "--light", action="store_true", help="gates of one network a cell, and no weights that no other cell needs"
    )
    many.add_argument(
        "--only-new", action="store_true", help="leave out cells of --folder that went to an archive before"
    )
    search = command(
        "search", training.search, "choose the values of a search's next round, or its points", config=True
    )
    search.add_argument("--network", required=True, help="e.g. mnist/lenet_300_100-full")
    search.add_argument("--method", required=True, help="as the search of the configuration names it")
    search.add_argument("--form", required=True, help="the form of the method, as knobs names it")
    search.add_argument("--earlier", type=Path, nargs="*", default=[], help="the values of the rounds before")
    search.add_argument("--round", type=int, help="0: the sweep; without: the operating points")
    search.add_argument("--output", type=Path, required=True, help="YAML file to write")


def _watching(command: Command) -> None:
    status = command("status", watching.status, "say what a study has done, what runs, what failed and when it ends")
    status.add_argument("--watch", nargs="?", type=seconds, const=10.0, help="again every so many seconds (10)")
    show = command("show", watching.show, "print settings, command, commit, versions, seeds and results of a cell")
    show.add_argument("key", help="the cell's key, its folder, or a part of these that no other cell has")
    show.add_argument("--source", type=Path, help="folder with runs.csv (default: results/reference, after the study)")
    for added in (status, show):
        added.add_argument("--config", type=Path, help="the study's (default: results/config.yaml, config/config.yaml)")


def _gathering(command: Command) -> None:
    collect = command("collect", gathering.collect, "gather records into runs.csv and histories", config=True)
    collect.add_argument("--output", type=Path, help="folder to write to (default: the study's root)")
    merge = command("merge", gathering.merge, "join the collected tables of several runs or machines")
    merge.add_argument(
        "folders", type=Path, nargs="+", help="folders with runs.csv and the other tables, or archives; later ones win"
    )
    merge.add_argument("--output", type=Path, required=True, help="folder to write to; may be one of them")
    merge.add_argument("--config", type=Path, help="put the cells in the order of this study; archives need it")


def _showing(command: Command) -> None:
    tables = command("tables", showing.tables, "make the tables")
    tables.add_argument("--source", type=Path, required=True, help="folder with runs.csv and details.csv")
    tables.add_argument("--output", type=Path, required=True, help="folder of the tables")
    tables.add_argument("--names", nargs="+", help="which tables (default: all)")
    figure = command("figure", showing.figure, "draw figures as PDF, SVG and PNG")
    figure.add_argument("names", nargs="+", help="the figures' names, or a wrong one to see the list")
    figure.add_argument("--source", type=Path, help="folder with runs.csv, history and gates tables (theory: none)")
    figure.add_argument("--output", type=Path, required=True, help="folder of the figures")
    figure.add_argument("--over", type=Path, help="folder of a reference that is drawn behind, e.g. results/reference")
    figure.add_argument("--methods", help="draw only these, e.g. bernoulli,dense,vib (default: all)")
    check = command("check", showing.check, "say whether runs are consistent with a reference (else status 3)")
    check.add_argument("--source", type=Path, required=True, help="folder with runs.csv, details.csv and histories")
    check.add_argument("--reference", type=Path, required=True, help="such a folder, e.g. results/reference")
    check.add_argument("--output", type=Path, required=True, help="folder of the table, the figure and the answer")
    page = command("page", showing.page, "write the results page: one HTML file of tables and figures that were made")
    folders = ("NAME", "SOURCE", "TABLES", "FIGURES")
    page.add_argument(
        "--part", nargs=4, action="append", required=True, metavar=folders, help="folders, - for none; the study first"
    )
    page.add_argument("--check", type=Path, help="folder that `robustprune check` wrote, if any")
    page.add_argument("--output", type=Path, required=True, help="file to write, e.g. results/page.html")
    for shown in (tables, figure, check, page):
        shown.add_argument("--confidence", type=level, default=0.95, help="level of the intervals (default 0.95)")


def _programs(command: Command) -> None:
    command("order", gathering.order, "print a cell as JSON, for programs of other methods", config=True, cell=True)
    record = command("record", gathering.record, "write a record from a program's CSV", config=True, cell=True)
    record.add_argument("--results", type=Path, required=True, help="the CSV (docs/how-to-foreign-program.md)")
    record.add_argument("--program", type=Path, nargs="+", default=[], help="the program's files, for the source hash")
    record.add_argument("--order", type=Path, help="the order that the program read, for start and duration")


def _networks(command: Command) -> None:
    values = command("unit-values", networks.unit_values, "measure what each kept unit is worth", config=True)
    values.add_argument("--output", type=Path, required=True, help="table to write (.parquet)")
    probed = command("probed", networks.probed, "gather what the probes of a study's cells read", config=True)
    probed.add_argument("--output", type=Path, help="folder to write to (default: the study's root)")
    related = command("related", networks.related, "measure what the tables of docs/related.md show", config=True)
    related.add_argument("--output", type=Path, help="folder to write to (default: the study's root)")
    fits = command("smallest-width", networks.smallest_width, "search for the width that fits N images", config=True)
    fits.add_argument("--search", help="which search, e.g. true-1000-1; without: join the tables of all")
    fits.add_argument("--output", type=Path, help="table to write (.parquet; default: below the study's root)")
    export = command("export", networks.export, "save one pruned network as state dict + JSON, and as ONNX")
    export.add_argument("cell", type=Path, help="a cell's folder, with record.json and networks.safetensors")
    export.add_argument("--replicate", type=int, default=0, help="which network (default 0)")
    export.add_argument("--output", type=Path, required=True, help="folder to write to")
    export.add_argument("--no-onnx", action="store_true", help="leave the ONNX file out")


def _checking(command: Command) -> None:
    command("methods", checking.methods, "print one method name per line, plug-ins included")
    record = command(
        "check-record", checking.check_record, "validate records, your own program's too, against the schema"
    )
    record.add_argument("records", type=Path, nargs="+", help="record.json files")
    contract = command(
        "check-method", checking.check_method, "train a method for a few steps and check it against the contract"
    )
    contract.add_argument("method", help="its name, your own plug-in's too")
    contract.add_argument("--settings", default="{}", help="its settings as JSON, where it has some without a default")
    contract.add_argument("--track", choices=("full", "hidden", "layers", "joint"), default="full")
    contract.add_argument(
        "--architectures", nargs="+", default=("lenet_300_100", "lenet5"), help="(default: both LeNets)"
    )
    schema = command("schema", checking.schema, "write the JSON schemas of configuration and record")
    schema.add_argument("--output", type=Path, required=True, help="folder, e.g. workflow/schemas")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done. 3: done, and what was checked did not pass. 2: wrong input, with one line on standard error. 1: the reader
    of standard output (head, a pager) has gone; the system refused a file or memory, with one line that names it; or
    the command failed for another reason, which the last line on standard error names, after a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Windows and some locales lack letters that a folder's name may hold
            stream.reconfigure(errors="backslashreplace")
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.function(parsed) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return 1
    except StudyError as error:
        print(f"robustprune {parsed.command}: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        refused = _refused_by_the_system(error)
        if refused is None:
            traceback.print_exc()
        cell = f"{parsed.cell}: " if isinstance(getattr(parsed, "cell", None), str) else ""
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}" if refused is None else refused
        print(f"robustprune {parsed.command}: {cell}{reason}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        return 1
    return status


def _refused_by_the_system(error: Exception) -> str | None:
    """Return file and reason of an error that the system raised; None for any other."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if not isinstance(error, OSError) or (error.errno is None and error.filename is None):
        return None
    reason = " ".join((error.strerror or str(error)).split())[:500]
    return f"{error.filename}: {reason}" if error.filename else reason


def _drop_output() -> None:
    """Drop what is left to print; otherwise the flush at exit fails again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
