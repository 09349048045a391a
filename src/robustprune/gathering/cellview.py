"""Everything that is known of one cell, from its record or from collected tables, as text for a terminal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import pandas as pd

from robustprune.gathering.outcomes import indented
from robustprune.gathering.settings import complete_settings
from robustprune.records.record import Record, split_units
from robustprune.study.cells import cell_key

INDENT = 10
UNKNOWN = "-"


class View(NamedTuple):
    """A cell with its networks.

    source: the file that says so. settings, training: what was asked. config_file: the configuration that asks for the
    cell, none where no file does. facts: label -> text. networks: the entries of a record or the rows of a table.
    note: what the reader has to know first, "" for nothing.
    """

    key: str
    source: Path
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    config_file: Path | None
    facts: Mapping[str, str]
    networks: Sequence[Mapping[str, Any]]
    note: str = ""


def view_of_record(record: Record, path: Path, config_file: Path | None, note: str) -> View:
    """Return what a record says."""
    origin, cell = record.provenance, record.cell
    changes = {None: "", True: ", with uncommitted changes", False: ""}[origin.git_dirty]
    memory = f", {origin.peak_memory_mib:,.0f} MiB at most" if origin.peak_memory_mib else ""
    of = {"torch": origin.torch_version, "numpy": origin.numpy_version, "Python": origin.python_version}
    versions = "".join(f", {name} {version}" for name, version in of.items())
    facts = {
        "code": f"commit {origin.git_commit or 'not recorded'}{changes}; source hash {origin.source_hash}",
        "versions": f"robustprune {origin.package_version}{versions}",
        "machine": f"{origin.device}, threads: {origin.threads}, host {origin.hostname_hash}",
        "run": f"began {origin.started}, took {origin.seconds:.0f} s{memory}",
        "hash": f"{record.config_hash} of the settings",
    }
    networks = [entry.model_dump() for entry in record.replicates]
    training = cell.training.model_dump(mode="json")
    return View(cell.key, path, complete_settings(cell), training, config_file, facts, networks, note)


def view_of_rows(rows: pd.DataFrame, path: Path, config_file: Path | None, note: str) -> View:
    """Return what collected tables say; rows: those of one cell, with its details."""
    known = rows.astype(object).where(rows.notna(), None)
    networks: list[dict[str, Any]] = [dict(zip(known.columns, row, strict=True)) for row in known.to_numpy(object)]
    first = networks[0]
    facts = {
        "code": f"commit {first.get('git_commit') or 'not recorded'}; source hash {first['source_hash']}",
        "versions": f"torch {first['torch_version'] or UNKNOWN}",
        "machine": f"{first['device'] or UNKNOWN}, threads: {first['threads'] or UNKNOWN}",
        "hash": f"{first['config_hash']} of the settings",
    }
    settings, training = (json.loads(first[name]) if first.get(name) else {} for name in ("settings", "training"))
    return View(str(rows["cell"].iloc[0]), path, settings, training, config_file, facts, networks, note)


def view_lines(view: View) -> list[str]:
    """Return a view as lines of at most 80 characters, as far as keys and paths allow."""
    lines = [view.key, *_fact("from", str(view.source))]
    lines += _fact("note", view.note) if view.note else []
    lines += _fact("settings", _pairs(view.settings) or "none")
    lines += _fact("training", _pairs(view.training))
    if view.config_file:
        command = f"robustprune train --config {quote(str(view.config_file))}"
        lines += [f"{'command':<{INDENT}}{command} \\", f"{'':<{INDENT}}    --cell {view.key}"]
    for label, text in view.facts.items():
        lines += _fact(label, text)
    if not view.networks:
        return lines
    lines += ["", _row("no.", "seed", "status", "units kept", "params", "test %", "valid %", "seconds")]
    lines += [_network(entry) for entry in view.networks]
    start = view.networks[0]
    lines.append(f"started from {start['units_start']}, {start['params_dense']:,.0f} params")
    for entry in view.networks:
        if entry.get("reason"):
            lines += [f"network {entry['replicate']}: {entry['status']}", *indented(str(entry["reason"]))]
    return lines


def _fact(label: str, text: str) -> list[str]:
    lines = indented(text, INDENT) or [""]
    return [f"{label:<{INDENT}}{lines[0].strip()}", *lines[1:]]


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {json.dumps(value)}" for name, value in values.items())


def _network(entry: Mapping[str, Any]) -> str:
    numbers = [("params_kept", ",.0f"), ("error_test_percent", ".2f"), ("error_valid_percent", ".2f")]
    numbers += [("train_seconds", ".1f")]
    shown = [UNKNOWN if entry.get(name) is None else format(entry[name], form) for name, form in numbers]
    units = "-".join(map(str, split_units(entry["units_kept"]))) if entry["units_kept"] else UNKNOWN
    return _row(str(entry["replicate"]), str(entry["seed"]), str(entry["status"]), units, *shown)


def _row(number: str, seed: str, status: str, units: str, *numbers: str) -> str:
    params, *rest = numbers
    return f"{number:>3} {seed:>10} {status:<9} {units:<17} {params:>11}" + "".join(f" {text:>7}" for text in rest)


def keys_of(rows: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """Return the key of the cell of every row of a table."""
    return [cell_key(values) for values in rows[list(axes)].itertuples(index=False, name=None)]
