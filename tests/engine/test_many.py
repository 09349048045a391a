"""Many cells in one process: the same networks as alone, in an archive that becomes tables elsewhere."""

import math
import time

import pandas as pd

from robustprune.cli import main
from robustprune.engine.many import by_evidence, train_many
from robustprune.engine.running import run_cell
from robustprune.records.packing import unpack_cells
from robustprune.records.record import read_record


def results(record):
    times = {"train_seconds"} | {f"inference_ms_{name}" for name in ("dense", "kept", "dense_batch1", "kept_batch1")}
    return [entry.model_dump(exclude=times) for entry in record.replicates]


def test_cells_are_those_that_train_alone(tmp_path, digits, make_cell):
    cells = [make_cell(method, replicates=2) for method in ("bernoulli", "dense")]
    left = train_many(cells, lambda name: digits, tmp_path / "work", tmp_path / "cells.tar", "cpu", math.inf)
    assert left == []
    assert unpack_cells(tmp_path / "cells.tar", tmp_path) == [cell.key for cell in cells]
    for cell in cells:
        alone = run_cell(cell, digits, tmp_path / "alone" / cell.key)
        assert results(read_record(tmp_path / cell.key / "record.json")) == results(alone)
        expected = pd.read_parquet(tmp_path / "alone" / cell.key / "history.parquet")
        found = pd.read_csv(tmp_path / cell.key / "history.csv", float_precision="round_trip")
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_exact=True)


def test_the_limit_stops_a_cell_in_the_middle_and_leaves_nothing_of_it(tmp_path, digits, make_cell):
    first, long = make_cell(epochs=1), make_cell("dense", epochs=10_000)
    started = time.monotonic()
    archive = tmp_path / "cells.tar"
    left = train_many([first, long], lambda name: digits, tmp_path / "work", archive, "cpu", started + 3)
    assert time.monotonic() - started < 30
    assert left == [long]
    assert unpack_cells(archive, tmp_path / "back") == [first.key]


def test_cheap_networks_come_first_and_controls_after_their_source(make_cell):
    wide, few, many = make_cell(width=8.0, replicates=1), make_cell(replicates=1), make_cell(replicates=50)
    control = make_cell("scratch_e", replicates=50, settings={"of": "bernoulli/key"})
    assert by_evidence([control, wide, few, many]) == [many, few, wide, control]


def test_an_archive_of_a_study_becomes_its_tables(tmp_path, monkeypatch):
    """The commands as on a machine with a GPU and, for the tables, elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(
        "root: results/mine\n"
        "training: {epochs: 1, batch_size: 64}\n"
        "strengths: {dense: {plain: {}}, bernoulli: {c: {price: 1.0e-3}}}\n"
        "study:\n"
        "  - {dataset: digits, architecture: lenet_300_100, methods: {dense: [plain], bernoulli: [c]}, replicates: 2}\n"
    )
    train = ["train-many", "--config", "study.yaml", "--device", "cpu", "--output", "cells.tar", "--light"]
    assert main(train) == 0
    assert main(["merge", "cells.tar", "--output", "tables"]) == 2, "which study?"
    assert main(["merge", "cells.tar", "--config", "study.yaml", "--output", "tables"]) == 0
    runs = pd.read_csv("tables/runs.csv")
    assert runs.groupby("method").size().to_dict() == {"bernoulli": 2, "dense": 2}
    assert len(pd.read_parquet("tables/history.parquet")) > 0
    assert pd.read_csv("tables/missing.csv").empty
