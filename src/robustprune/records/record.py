"""The record of a cell: the models of record.json, reading and writing, and the columns of runs.csv."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from robustprune.errors import StudyError
from robustprune.files import read_text, write_text
from robustprune.records.digests import content_digest, file_digests
from robustprune.study.cells import Cell
from robustprune.study.config import describe
from robustprune.study.strict import Strict

RECORD_NAME = "record.json"
Status = Literal["ok", "collapsed", "diverged", "failed"]
Count = int | None

COLUMNS = (
    *("dataset", "architecture", "track", "method", "strength", "initialization", "width", "replicate", "seed"),
    *("status", "units_start", "units_kept", "params_dense", "params_kept", "macs_dense", "macs_kept"),
    *("error_test_percent", "error_valid_percent", "undetermined_fraction", "rounding_error_change_percent"),
    *("epochs", "train_seconds", "train_macs", "train_macs_dense", "inference_ms_dense", "inference_ms_kept"),
    *("device", "threads", "torch_version", "source_hash", "config_hash", "budget"),
    *("depth_start", "depth_kept"),
    *("operating_point", "error_train_percent", "git_commit", "key"),
)
DEPTHS = ("depth_start", "depth_kept")
ADDED = ("budget", *DEPTHS, "operating_point", "error_train_percent", "git_commit", "key")
"""Columns that tables of older versions lack; there all networks were trained with the budget `epochs` and had no
depth. Tables may lack all of them, or DEPTHS only."""


def join_units(units: dict[str, int]) -> str:
    """Return unit counts in slot order, hyphen-joined: {"input": 784, "fc1": 300} -> "784-300"."""
    return "-".join(str(count) for count in units.values())


def split_units(text: str) -> tuple[int, ...]:
    """Return hyphen-joined unit counts as numbers, "784-300" -> (784, 300); raises ValueError for other text."""
    return tuple(int(part) for part in text.split("-"))


class Finite(Strict):
    """Base of what was found: NaN and infinities are refused."""

    model_config = ConfigDict(allow_inf_nan=False)


class Replicate(Finite):
    """One trained network. Fields without a value, as in failed runs, are null; `reason` then says why."""

    replicate: int = Field(ge=0)
    seed: int
    status: Status
    reason: str | None = Field(None, description="why the status is not ok")
    units_start: str = Field(description="units per slot before training, hyphen-joined in slot order")
    units_kept: str | None = Field(None, description="units per slot after compaction")
    units_raw: str | None = Field(None, description="open gates per slot, before dead units were removed")
    depth_kept: Count = Field(
        None, ge=0, description="sections that are left, of all streams, where the architecture is made at any depth"
    )
    params_dense: int = Field(ge=1)
    params_kept: Count = Field(None, ge=0)
    macs_dense: int = Field(ge=1, description="multiply-accumulates for one image, starting network")
    macs_kept: Count = Field(None, ge=0)
    error_test_percent: float | None = Field(None, ge=0, le=100, description="last-epoch test error")
    error_valid_percent: float | None = Field(
        None, ge=0, le=100, description="only where a validation set was held out"
    )
    error_train_percent: float | None = Field(
        None, ge=0, le=100, description="error of the kept network on the images it was trained on"
    )
    undetermined_fraction: float | None = Field(None, ge=0, le=1, description="surviving gates inside (0.05, 0.95)")
    rounding_error_change_percent: float | None = Field(
        None, ge=-100, le=100, description="test error after rounding the gates minus before, in percentage points"
    )
    gates_above_090_fraction: float | None = Field(None, ge=0, le=1, description="surviving gates above 0.9")
    train_seconds: float | None = Field(
        None, ge=0, description="the cell's training time (CPU: of its thread) / replicates"
    )
    train_macs: float | None = Field(None, ge=0, description="multiply-accumulates of training, forward + backward")
    train_macs_dense: float | None = Field(None, ge=0, description="train_macs of an unpruned network")
    inference_ms_dense: float | None = Field(None, ge=0, description="median time of a batch of 256, starting network")
    inference_ms_kept: float | None = Field(None, ge=0, description="median time of a batch of 256, kept network")
    inference_ms_dense_batch1: float | None = Field(
        None, ge=0, description="median time of one image, starting network"
    )
    inference_ms_kept_batch1: float | None = Field(None, ge=0, description="median time of one image, kept network")

    @model_validator(mode="after")
    def _possible(self) -> "Replicate":
        if self.status == "ok" and (self.units_kept is None or self.error_test_percent is None):
            raise ValueError("status ok needs units_kept and error_test_percent")
        if self.status != "ok" and not self.reason:
            raise ValueError(f"status {self.status} needs a reason")
        start = _units("units_start", self.units_start)
        if self.units_kept is not None:
            kept = _units("units_kept", self.units_kept)
            if len(kept) != len(start) or any(k > s for k, s in zip(kept, start, strict=True)):
                raise ValueError(f"units_kept {self.units_kept} does not fit within units_start {self.units_start}")
        for kept_name, dense_name in (("params_kept", "params_dense"), ("macs_kept", "macs_dense")):
            kept_count, dense_count = getattr(self, kept_name), getattr(self, dense_name)
            if kept_count is not None and kept_count > dense_count:
                raise ValueError(f"{kept_name} {kept_count} exceeds {dense_name} {dense_count}")
        return self


def _units(name: str, text: str) -> tuple[int, ...]:
    try:
        return split_units(text)
    except ValueError:
        raise ValueError(f"{name} {text!r} is not hyphen-joined unit counts such as 784-300-100") from None


class Provenance(Finite):
    """Versions, code, machine and times of a record; other times are the *_seconds and *_ms of replicates."""

    package_version: str
    git_commit: str | None = None
    git_dirty: bool | None = None
    source_hash: str
    torch_version: str
    numpy_version: str
    python_version: str
    device: str
    threads: int = Field(ge=1)
    hostname_hash: str
    data_digest: str | None = Field(None, description="digest of the content of the data set")
    started: str = Field(description="ISO 8601, UTC")
    seconds: float = Field(
        ge=0, description="wall time of the last (resumed) run; train_seconds is summed over all of them"
    )
    peak_memory_mib: float | None = Field(None, ge=0)


class Record(Strict):
    """The content of record.json: the cell, provenance, and one entry per replicate."""

    schema_version: Literal[1] = 1
    cell: Cell
    config_hash: str
    provenance: Provenance
    epochs: int | None = Field(None, ge=1, description="epochs trained, where not those of cell.training")
    replicates: tuple[Replicate, ...]
    files: dict[str, str] = Field({}, description="SHA-256 of the files beside record.json, by name")
    digest: str | None = Field(
        None, description="SHA-256 of all other keys, as JSON with sorted keys; a record that has one is checked by it"
    )

    @model_validator(mode="after")
    def _complete(self) -> "Record":
        numbers = [entry.replicate for entry in self.replicates]
        if numbers != list(range(self.cell.replicates)):
            raise ValueError(f"replicates are {numbers}, expected 0 to {self.cell.replicates - 1}, each once, in order")
        return self

    def comparable(self) -> dict[str, Any]:
        """Return the record without provenance, digest and times; it is identical when a cell runs twice."""
        values = self.model_dump(mode="json", exclude={"provenance", "digest"})
        for entry in values["replicates"]:
            for name in [name for name in entry if name == "train_seconds" or name.startswith("inference_ms_")]:
                del entry[name]
        return values

    def summary(self) -> list[str]:
        """Return one readable line per replicate: status, units and test error."""
        lines = []
        for entry in self.replicates:
            error = "unknown" if entry.error_test_percent is None else f"{entry.error_test_percent:.2f} %"
            lines.append(f"replicate {entry.replicate}: {entry.status}, kept {entry.units_kept}, test error {error}")
        return lines


def finite(value: float) -> float | None:
    """Return a number for JSON: NaN and infinities (diverged runs) become None."""
    return float(value) if math.isfinite(value) else None


def write_record(record: Record, folder: Path, files: Iterable[str] = ()) -> Record:
    """Write record.json into the cell's folder, atomically, with the digests of itself and of these files beside it.

    Returns the record as written.
    """
    values = record.model_dump(mode="json") | {"files": file_digests(folder, files)}
    values["digest"] = content_digest(values)
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(folder / RECORD_NAME, text)
    return Record.model_validate(values)


def read_record(path: Path) -> Record:
    """Read and check one record.json; raises StudyError naming the file, the key and the reason."""
    try:
        values = json.loads(read_text(path))
    except FileNotFoundError:
        raise StudyError(f"{path}: no such record; run the cell first (snakemake, or robustprune train)") from None
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}; expected a record.json; remove it, run the cell again") from None
    except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8, and integers of too many digits
        raise StudyError(f"{path}: not valid JSON ({error}); delete the file and run the cell again") from None
    if isinstance(values, dict) and values.get("digest") not in (None, content_digest(values)):
        raise StudyError(f"{path}: damaged (its content differs from its digest); run the cell again")
    try:
        return Record.model_validate(values)
    except ValidationError as error:
        raise describe(error, str(path)) from None
