"""The pages of docs/reference from the command line's parser, the typed record and the public names (`make reference`).

A test compares them with the source, so they cannot drift.
"""

import argparse
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from markdown_tables import markdown

import robustprune
from robustprune.cli import build_parser
from robustprune.records.record import COLUMNS, Record

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
WRITTEN = "This page is made from the source by `make reference`."

FIELDS = {
    "schema_version": "the version of this format: 1",
    "cell": "what was asked: the table Cell",
    "config_hash": "hash of the fields of the cell that differ from their defaults",
    "provenance": "where it came from: the table Provenance",
    "replicates": "one entry per network: the table Replicate",
    "Cell.replicates": "number of networks that train together",
    "dataset": "name of the data set",
    "architecture": "name of the network",
    "track": "what has gates: `full` all units, `hidden` those in hidden layers, `layers` sections, `joint` both",
    "method": "name of the method or start",
    "strength": "key of the strength in the configuration",
    "initialization": "name of the scheme of the initial weights",
    "width": "factor on the hidden units of the standard network",
    "training": "the training protocol ([config/README.md](../../config/README.md#training))",
    "replicate": "number of the network in its cell, from 0",
    "seed": "seed of all its random streams; the same for every method",
    "status": "`ok`, `collapsed`, `diverged` or `failed`",
    "params_dense": "parameters of the starting network",
    "params_kept": "parameters of the kept network, biases included",
    "macs_kept": "multiply-accumulates for one image, kept network",
    "package_version": "version of robustprune",
    "git_commit": "commit of the checkout, if there was one",
    "git_dirty": "whether the checkout had uncommitted changes",
    "source_hash": "hash of the code that trained the cell, without comments and docstrings",
    "torch_version": "version of torch",
    "numpy_version": "version of numpy",
    "python_version": "version of Python",
    "device": "name of the processor or GPU",
    "threads": "threads of the job",
    "hostname_hash": "hash of the machine's name",
    "peak_memory_mib": "largest memory of the process, in MiB",
    "budget": "what ends the training: `epochs` or `macs`",
    "operating_point": "name of the operating point, where the study asks for the cell as one",
    "key": "the cell's key: its folder below `runs/`",
    "depth_start": "sections of the starting network, per stream, where the architecture is made at any depth",
}
"""What a field is, where the typed record says no more than its name and type."""
FOLDERS = {
    "engine": "Train, and what programs of other methods read",
    "gathering": "Trained networks",
    "analysis": "Collected results",
    "study": "Configuration and cells",
    "data": "Data sets",
    "networks": "Networks",
    "methods": "Methods",
    "starts": "Starts",
    "errors": "Errors",
}
"""Folder of the package -> its heading on the page of names."""
ESCAPED = re.compile(r"[*<]")
OTHER_TABLES = markdown(
    ["file", "one row per", "columns beside the axes"],
    ["`details.csv`", "network", "settings and training as JSON, reason, raw units, latency of one image, memory"],
    ["`history.parquet`", "network and epoch", "`train_loss`, `units_SLOT`, `undetermined_SLOT`, `macs_step`"],
    ["`gates.parquet`", "gate and epoch", "`slot`, `unit`, `theta`: of the first network, up to 60 units a slot"],
    ["`kept.parquet`", "network and slot", "`units` at the start, `kept`: a bit per unit, as `numpy.packbits` has it"],
    ["`missing.csv`", "cell without a result", "`cell`, `reason`"],
)


def cli() -> str:
    """The page of the commands, in the order of `robustprune --help`."""
    parser = build_parser()
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    helps = {action.dest: action.help for action in subparsers._choices_actions}
    parts = [
        "# Commands",
        f"{WRITTEN} `robustprune COMMAND --help` prints the same.\n"
        "Status 0: done. 3: done, and what was checked did not pass. 2: wrong input, with one line that names file or\n"
        "key. 1: any other failure, named in the last line.",
        markdown(["command", "what it does"], *([f"[{name}](#{name})", text] for name, text in helps.items())),
    ]
    for name, command in subparsers.choices.items():
        rows = [
            [f"`{_shown(action)}`", _needed(action), ESCAPED.sub(r"\\\g<0>", action.help or "")]
            for action in _options(command)
        ]
        table = markdown(["argument", "needed", "what it is"], *rows) if rows else "It takes no arguments."
        parts += [f"## {name}", f"{helps[name][0].upper()}{helps[name][1:]}.", table]
    return "\n\n".join(parts) + "\n"


def _options(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (action for action in command._actions if not isinstance(action, argparse._HelpAction))


def _needed(action: argparse.Action) -> str:
    return "yes" if action.required or (not action.option_strings and action.nargs not in ("?", "*")) else "no"


def _shown(action: argparse.Action) -> str:
    """An argument as it is typed: --names NAMES ..., without quotes or brackets."""
    if action.nargs == 0:
        return action.option_strings[0]
    choices = ",".join(map(str, action.choices)) if action.choices else None
    names = action.metavar or choices or (action.dest.upper() if action.option_strings else action.dest)
    words = " ".join(names) if isinstance(names, tuple) else names
    words = f"[{words}]" if action.nargs == "?" else words
    more = " ..." if action.nargs in ("+", "*") else ""
    return " ".join([*action.option_strings[:1], words]) + more


def records() -> str:
    """The page of what a cell's folder and the collected tables hold."""
    schema = Record.model_json_schema()
    models = {"Record": schema, **{name: schema["$defs"][name] for name in ("Cell", "Replicate", "Provenance")}}
    known = dict(FIELDS)
    for model in models.values():
        known |= {name: field["description"] for name, field in model["properties"].items() if "description" in field}
    parts = [
        "# Records and tables",
        f"{WRITTEN} A program of your own writes the same\n"
        "([how](../how-to-foreign-program.md)). The JSON schema is\n"
        "`workflow/schemas/record.schema.json`; `robustprune check-record` checks files against it.",
        "## record.json",
        "One per cell, beside `history.parquet`, `gates.npz` and `networks.safetensors`. Units are in the names.\n"
        "A field without a value is null.",
    ]
    for title, model in models.items():
        rows = [
            [f"`{name}`", _type(field), known.get(f"{title}.{name}") or known[name]]
            for name, field in model["properties"].items()
        ]
        parts += [f"### {title}", model["description"], markdown(["field", "type", "what it is"], *rows)]
    parts += [
        "## runs.csv",
        "One row per network, a column for each of these, in this order:",
        markdown(["column", "what it is"], *([f"`{name}`", known[name]] for name in COLUMNS)),
        "## Other tables",
        OTHER_TABLES,
        "`robustprune.read_results(FOLDER)` reads them. By `digests.json` it finds tables that do not belong together.",
    ]
    return "\n\n".join(parts) + "\n"


def _type(field: dict) -> str:
    """The type of a field of a JSON schema in words: `integer or null`."""
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "$ref" in field:
        return field["$ref"].rsplit("/", 1)[-1]
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return " or ".join(f"`{value}`" for value in field.get("enum", [])) or field.get("type", f"`{field.get('const')}`")


def api() -> str:
    """The page of the names that `from robustprune import NAME` gives, by the folder that they come from."""
    parts = [
        "# Python",
        f"{WRITTEN} `from robustprune import NAME` gives\neach of these names; each is loaded when it is used.",
    ]
    for folder, title in FOLDERS.items():
        names = [name for name, home in robustprune.HOMES.items() if home.split(".")[1] == folder]
        parts += [f"## {title}", *(part for name in names for part in _documented(name))]
    return "\n\n".join(parts) + "\n"


def _documented(name: str) -> Iterator[str]:
    """Heading, docstring and, of a class, a table of its public methods and properties."""
    found = getattr(robustprune, name)
    yield f"### {name}"
    if inspect.isfunction(found):
        yield textwrap.fill(f"`{name}{_signature(found)}`", 120)
    yield ESCAPED.sub(r"\\\g<0>", inspect.getdoc(found) or "")
    if inspect.isclass(found) and (rows := list(_members(found))):
        yield markdown(["member", "what it does"], *rows)


def _members(found: type) -> Iterator[list[str]]:
    for name, member in vars(found).items():
        called = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        text = (inspect.getdoc(called) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        if name.startswith(("_", "model_")) or not text:
            continue
        if inspect.isfunction(called):
            yield [f"`{name}{_signature(called)}`", ESCAPED.sub(r"\\\g<0>", text)]
        elif isinstance(called, property | cached_property):
            yield [f"`{name}`", ESCAPED.sub(r"\\\g<0>", text)]


def _signature(function: Callable) -> str:
    """The parameters of a function with their defaults, without types: `(folder, *, deep=False)`."""
    signature = inspect.signature(function)
    plain = [
        parameter.replace(annotation=parameter.empty)
        for name, parameter in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


PAGES = {"cli.md": cli, "records.md": records, "api.md": api}

if __name__ == "__main__":
    for page, made in PAGES.items():
        (FOLDER / page).write_text(made())
