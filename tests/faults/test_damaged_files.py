"""Every artefact cut short, zeroed, or with one bit flipped: an error or a warning names the file, or the result is the
same. Never silent, never a traceback. And records that claim the impossible."""

import copy
import json
import math
import random

import pandas as pd
import pytest
import yaml
from amounts import amount

from robustprune.analysis.kept import read_kept
from robustprune.analysis.read import read_collected
from robustprune.data.datasets import load
from robustprune.engine.checkpoint import Checkpoint
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.gathering.collection import collect
from robustprune.gathering.export import load_network
from robustprune.gathering.record_checks import checked_record
from robustprune.gathering.search import write_points
from robustprune.records.digests import content_digest
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study, validate_study
from robustprune.study.points import OperatingPoint

NETWORK = {"dataset": "digits", "architecture": "lenet_300_100"}
VALUES = {
    "strengths": {"dense": {"a": {}}},
    "training": {"epochs": 2, "batch_size": 256},
    "knobs": {"bernoulli": {"c": {"knob": "price", "range": [1e-4, 1e-2]}}},
    "search": [NETWORK | {"methods": {"bernoulli": ["c"]}, "targets": {"at_size": {"params": 60000}}}],
    "study": [NETWORK | {"methods": {"bernoulli": ["at_size"], "dense": ["a"]}, "widths": [0.5], "replicates": 2}],
}
POINT = OperatingPoint(
    **NETWORK,
    track="full",
    method="bernoulli",
    target="at_size",
    form="c",
    strength="c_2e_3",
    settings={"price": 2e-3},
    confirmed=True,
    strengths=({"strength": "c_2e_3", "n": 2, "all_ok": True, "params_kept": 60010.5, "error_valid_percent": 3.25},),
)


class Artefacts:
    """A trained and collected study, and what each of its files says to its reader."""

    def __init__(self, root):
        self.root, self.tables = root, root / "tables"
        values = VALUES | {"root": str(root), "data": {"directory": str(root / "data")}}
        write_points([POINT], root / "operating_points.yaml")
        self.config_file = root / "my.yaml"
        self.config_file.write_text(yaml.safe_dump(values))
        config = self.config()
        data = load("digits", config.data)
        self.cells = study_cells(config)
        for key, cell in self.cells.items():
            run_cell(cell, data, root / "runs" / key)
        self.cell = next(cell for cell in self.cells.values() if cell.method == "bernoulli")
        self.folder = root / "runs" / self.cell.key
        training = Training(self.cell, data)
        training.run_epoch()
        self.data, self.checkpoint = data, root / "checkpoint.pt"
        Checkpoint(self.checkpoint, self.cell).save(training, force=True)
        collect(config, self.tables)

    def config(self):
        return load_study(self.config_file)

    def read_cell(self):
        """What collection, a check and an export say about the cell."""
        collect(self.config(), self.root / "again")
        (self.root / "again" / "digests.json").unlink()
        missing = pd.read_csv(self.root / "again" / "missing.csv")
        if len(missing):
            raise StudyError(missing["reason"].item())
        network = load_network(self.folder, 0).state_dict()
        record = checked_record(self.folder / "record.json", self.cell)
        tables = [(path.name, path.read_bytes()) for path in sorted((self.root / "again").iterdir())]
        return record, tables, {name: tensor.tolist() for name, tensor in network.items()}

    def read_tables(self):
        collected = read_collected(self.tables)
        parts = (collected.runs, collected.history, collected.of_cells("gates", collected.runs))
        kept = {str(key): {s: u.tolist() for s, u in by.items()} for key, by in read_kept(self.tables).items()}
        return [part.to_csv() for part in parts], kept

    def read_checkpoint(self):
        training = Training(self.cell, self.data)
        Checkpoint(self.checkpoint, self.cell).load(training)
        return training.epoch, [tensor.tolist() for tensor in training.network.parameters.values()]

    def read_points(self):
        config = self.config()
        collect(config, self.root / "again")
        missing = pd.read_csv(self.root / "again" / "missing.csv")
        if len(missing):
            raise StudyError(missing["reason"].item())
        return config.model_dump()

    def read_data(self):
        data = load("digits", self.config().data)
        return [getattr(data, name).tolist() for name in ("train_images", "train_labels", "tuning", "validation")]


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    return Artefacts(tmp_path_factory.mktemp("artefacts"))


FILES = {
    "record.json": ("folder", "read_cell"),
    "gates.npz": ("folder", "read_cell"),
    "history.parquet": ("folder", "read_cell"),
    "networks.safetensors": ("folder", "read_cell"),
    "checkpoint.pt": ("root", "read_checkpoint"),
    "runs.csv": ("tables", "read_tables"),
    "details.csv": ("tables", "read_tables"),
    "kept.parquet": ("tables", "read_tables"),
    "operating_points.yaml": ("root", "read_points"),
    "digits.safetensors": ("data", "read_data"),
}


def damaged(whole, rng):
    """The bytes with a part cut off, zeroed, or one bit flipped."""
    place, kind = rng.randrange(len(whole)), rng.randrange(4)
    if kind == 0:
        return whole[:place]
    if kind == 1:
        end = min(len(whole), place + rng.choice([1, 16, 4096, len(whole)]))
        return whole[:place] + bytes(end - place) + whole[end:]
    return whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :]


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_or_the_result_is_the_same(artefacts, capsys, name):
    place, reader = FILES[name]
    folder = artefacts.root / "data" if place == "data" else getattr(artefacts, place)
    path, read = folder / name, getattr(artefacts, reader)
    whole, rng, same, named = (folder / name).read_bytes(), random.Random(name), 0, 0
    expected = read()
    try:
        for number in range(amount(5, 100)):
            path.write_bytes(damaged(whole, rng))
            capsys.readouterr()
            try:
                found = read()
                said = capsys.readouterr().err
            except StudyError as error:
                found, said = None, str(error)
            same += found == expected
            named += path.name in said
            assert found == expected or path.name in said, f"{number}: {said}"
    finally:
        path.write_bytes(whole)
    print(f"{name} damaged: {named} times named, {same} times the same result")
    assert read() == expected


NAN, INF = math.nan, math.inf
IMPOSSIBLE = [-1, -0.5, 10**40, 1e300, NAN, INF, -INF, True, "", "x", "../x", [], {}, [1], {"a": 1}]


def places(values, prefix=()):
    """Every place of a JSON value."""
    entries = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in entries:
        yield (*prefix, key)
        yield from places(value, (*prefix, key))


FREE = {"reason", "device", "started", "git_commit", "hostname_hash", "source_hash", "data_digest", "files"}
FREE |= {"package_version", "torch_version", "numpy_version", "python_version", "git_dirty", "digest"}
FREE |= {"train_macs", "train_macs_dense", "train_seconds", "seconds", "peak_memory_mib", "epochs"}
FREE |= {"units_raw", "inference_ms_dense", "inference_ms_kept"}
FREE |= {"inference_ms_dense_batch1", "inference_ms_kept_batch1"}
"""Keys that no other key decides: texts, and sizes of measured numbers."""


def test_hostile_records_are_refused(artefacts, tmp_path):
    """One value is replaced by an impossible one, or left out; the digest of the record is made to fit."""
    whole, rng = json.loads((artefacts.folder / "record.json").read_text()), random.Random(0)
    targets = [place for place in places(whole) if not FREE & set(place)]
    path, accepted, count = tmp_path / "record.json", [], amount(10, 100)
    for _ in range(count):
        values, (*parents, last) = copy.deepcopy(whole), rng.choice(targets)
        inner = values
        for key in parents:
            inner = inner[key]
        before, inner[last] = inner[last], rng.choice(IMPOSSIBLE)
        if inner[last] == before or (last == "rounding_error_change_percent" and inner[last] in (-1, -0.5)):
            continue
        values |= {"files": {}}
        values["digest"] = content_digest(values)
        path.write_text(json.dumps(values))
        try:
            checked_record(path, artefacts.cell)
            accepted.append(f"{(*parents, last)}: {before!r} -> {inner[last]!r}")
        except StudyError as error:
            assert str(path) in str(error)  # noqa: PT017
    print(f"hostile records: {count}, {len(accepted)} accepted")
    assert not accepted, "\n".join(accepted)


def test_a_point_that_is_missing_is_told(artefacts, tmp_path):
    """A file of operating points that ends early, between two entries."""
    config = validate_study(VALUES | {"root": str(tmp_path)}, "x")
    collect(config, tmp_path)
    missing = pd.read_csv(tmp_path / "missing.csv").set_index("cell")["reason"]
    assert missing["digits/lenet_300_100-full/bernoulli/at_size"].startswith("no operating point")
