"""Checks of a record against its cell, and against what follows from the architecture."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from robustprune.errors import StudyError
from robustprune.gathering.shared import network_named
from robustprune.networks.architecture import Architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.digests import check_files
from robustprune.records.record import Record, Replicate, join_units, read_record, split_units
from robustprune.study.cells import Cell


class StaleRecord(StudyError):
    """A sound record of other settings than those of the study."""


def checked_record(path: Path, cell: Cell | None = None, files: Iterable[str] | None = None) -> Record:
    """Read a record and check it with the files beside it.

    cell: what the study asks, if there is a study. files: which files are checked; None: all that have a digest.
    Raises StudyError naming file, key and reason: for a record of another cell, a damaged record or file, wrong seeds,
    and counts that do not follow from the units. Raises StaleRecord for a record of other settings.
    """
    record = read_record(path)
    if cell and record.cell.key != cell.key:
        raise StudyError(f"{path}: cell is {record.cell.key}, expected {cell.key} from its folder")
    if record.config_hash != record.cell.config_hash:
        expected = record.cell.config_hash
        raise StudyError(f"{path}: config_hash: {record.config_hash}, expected {expected} from the settings in `cell`")
    if cell and record.config_hash != cell.config_hash:
        raise StaleRecord(
            f"{path}: stale, of other settings: config_hash is {record.config_hash}, that of the study "
            f"{cell.config_hash}; run the cell again"
        )
    network = network_named(record.cell.architecture, record.cell.depth)
    start = network.units(record.cell.width)
    sizes = {"params_dense": parameters(network, start), "macs_dense": macs(network, start)}
    for entry in record.replicates:
        given = {"seed": record.cell.seed(entry.replicate), "units_start": join_units(start), **sizes}
        if wrong := _other(entry, given) or _wrong(network, start, entry):
            raise StudyError(f"{path}: replicates.{entry.replicate}.{wrong}")
    wanted = record.files if files is None else {name: record.files[name] for name in files if name in record.files}
    check_files(path.parent, wanted, "run the cell again")
    return record


def _wrong(network: Architecture, start: Mapping[str, int], entry: Replicate) -> str | None:
    """Return key and reason of the first value that does not follow from the units kept."""
    if entry.units_kept is None:
        return None
    kept = dict(zip(start, split_units(entry.units_kept), strict=True))
    if wrong := impossible(network, start, kept):
        return f"units_kept: {entry.units_kept}: {wrong}"
    return _other(entry, {"params_kept": parameters(network, kept), "macs_kept": macs(network, kept)})


def _other(entry: Replicate, expected: Mapping[str, Any]) -> str | None:
    """Return key and values of the first field of an entry that is not the expected one."""
    wrong = (key for key, value in expected.items() if getattr(entry, key) != value)
    return next((f"{key}: {getattr(entry, key)}, expected {expected[key]}" for key in wrong), None)


def impossible(network: Architecture, start: Mapping[str, int], kept: Mapping[str, int]) -> str | None:
    """Return why no network of that start can keep these units; None where one can."""
    for slot in network.slots:
        most = kept[slot.parent] * slot.positions if slot.parent else start[slot.name]
        least = 0 if slot.optional else 1
        if not least <= kept[slot.name] <= most:
            return f"slot {slot.name} has {least} to {most} units"
    for gate, inside in network.sections.items():
        if (kept[gate] == 0) != (kept[inside] == 0):
            return f"the section of {gate} is closed in one of {gate} and {inside} only"
    return None
