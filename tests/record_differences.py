"""How the files of one cell differ between two folders: records without provenance and times, arrays bit for bit."""

import json
import math
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

RECORD, HISTORY = "record.json", "history.parquet"
FILES = (RECORD, HISTORY, "gates.npz", "networks.safetensors")


def differences(a: Path, b: Path, left_out: Container[str] = ()) -> Iterator[str]:
    """One line per file of a cell that differs, with the first field that does.

    left_out: fields of a network's entry and arrays that are not compared.
    """
    for file in FILES:
        missing = [letter for letter, folder in zip("AB", (a, b), strict=True) if not (folder / file).exists()]
        if missing:
            yield f"{file}: missing in {' and in '.join(missing)}"
            continue
        one, other = (_read(folder / file, left_out) for folder in (a, b))
        found = (_unequal_values if file == RECORD else _unequal_arrays)(one, other)
        yield from (f"{file}: {line}" for line in list(found)[:1])


def _read(path: Path, left_out: Container[str]) -> dict[str, Any]:
    """The content of a file: what is comparable of a record, arrays of the others."""
    if path.name == RECORD:
        return comparable(path, left_out)
    return {name: array for name, array in _arrays(path).items() if name not in left_out}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".parquet":
        return {str(name): column.to_numpy() for name, column in pd.read_parquet(path).items()}
    if path.suffix == ".safetensors":
        return load_file(path)
    with np.load(path) as arrays:
        return dict(arrays)


def comparable(path: Path, left_out: Container[str] = ()) -> dict[str, Any]:
    """A record without provenance, digests and times, and without the fields left out of its networks' entries."""
    record = json.loads(path.read_text())
    for name in ("provenance", "digest", "files"):
        record.pop(name, None)
    for entry in record["replicates"]:
        for key in list(entry):
            if key == "train_seconds" or key.startswith("inference_ms_") or key in left_out:
                del entry[key]
    return record


def only_one_has(a: Any, b: Any, place: str = "") -> Iterator[str]:
    """Keys of a record that one checkout writes and the other does not: the schema may grow."""
    if isinstance(a, dict) and isinstance(b, dict):
        yield from (f"{place}{key} only in {'A' if key in a else 'B'}" for key in sorted(a.keys() ^ b.keys()))
        for key in a.keys() & b.keys():
            yield from only_one_has(a[key], b[key], f"{place}{key}.")
    elif isinstance(a, list) and isinstance(b, list):
        for one, other in zip(a, b, strict=False):
            yield from only_one_has(one, other, place)


def _unequal_values(a: Any, b: Any, place: str = "") -> Iterator[str]:
    """Values of JSON that differ, in the keys that both have."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a:
            if key in b:
                yield from _unequal_values(a[key], b[key], f"{place}.{key}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, pair in enumerate(zip(a, b, strict=True)):
            yield from _unequal_values(*pair, f"{place}[{index}]")
    elif type(a) is not type(b) or (a != b and not (_nan(a) and _nan(b))):
        yield f"{place}: {a!r} in A, {b!r} in B"


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _unequal_arrays(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Arrays that are not the same bit for bit; any NaN equals any other."""
    yield from (f"{name}: only in {'A' if name in a else 'B'}" for name in sorted(a.keys() ^ b.keys()))
    for name in (name for name in a if name in b):
        one, other = a[name], b[name]
        if one.dtype != other.dtype or one.shape != other.shape:
            yield f"{name}: {one.dtype} {one.shape} in A, {other.dtype} {other.shape} in B"
            continue
        unequal = np.argwhere(_unequal(one, other))
        if len(unequal):
            place = tuple(int(index) for index in unequal[0])
            values = " in A, ".join(repr(np.asarray(array[place]).item()) for array in (one, other)) + " in B"
            yield f"{name}{list(place)}: {values} ({len(unequal)} of {one.size} differ)"


def _unequal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    different = np.asarray(a != b)
    if a.dtype.kind == "f":
        different &= ~(np.isnan(a) & np.isnan(b))
        different |= np.signbit(a) != np.signbit(b)
    if a.dtype.kind == "O":  # a column without a value anywhere
        different &= ~(pd.isna(a) & pd.isna(b))
    return different
