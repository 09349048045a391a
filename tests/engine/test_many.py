"""Many cells side by side: the same networks as alone, in an archive that becomes tables elsewhere."""

import math
import multiprocessing
import os
import time

import pandas as pd
import pytest

from robustprune.cli import main
from robustprune.engine.many import effort_per_network, train_many
from robustprune.engine.running import run_cell
from robustprune.engine.worker import OUT_OF_TIME, UNFINISHED, Job, Machine
from robustprune.records.packing import pack_cell, unpack_cells
from robustprune.records.record import RECORD_NAME, read_record
from robustprune.study.data_settings import DataSettings


def none(job, seconds):
    return []


def machine(folder, **values):
    return Machine(DataSettings(directory=str(folder / "data")), **values)


def jobs(cells, runs):
    return [Job((number,), runs, cell) for number, cell in enumerate(cells)]


def results(record):
    times = {"train_seconds"} | {f"inference_ms_{name}" for name in ("dense", "kept", "dense_batch1", "kept_batch1")}
    return [entry.model_dump(exclude=times) for entry in record.replicates]


def test_cells_are_those_that_train_alone(tmp_path, digits, make_cell):
    cells = [make_cell(method, replicates=2) for method in ("bernoulli", "dense")]
    assert train_many(jobs(cells, tmp_path / "runs"), machine(tmp_path, processes=2), none) == []
    for cell in cells:
        pack_cell(tmp_path / "cells.tar", cell.key, tmp_path / "runs" / cell.key)
    assert unpack_cells(tmp_path / "cells.tar", tmp_path) == [cell.key for cell in cells]
    for cell in cells:
        alone = run_cell(cell, digits, tmp_path / "alone" / cell.key)
        found = read_record(tmp_path / cell.key / RECORD_NAME)
        assert results(found) == results(alone)
        assert {entry.train_seconds for entry in found.replicates} == {None}, "they shared the machine"
        expected = pd.read_parquet(tmp_path / "alone" / cell.key / "history.parquet")
        history = pd.read_csv(tmp_path / cell.key / "history.csv")
        pd.testing.assert_frame_equal(history, expected, check_dtype=False, check_exact=True)


def test_one_process_notes_its_seconds(tmp_path, make_cell):
    (job,) = jobs([make_cell(epochs=1)], tmp_path)
    train_many([job], machine(tmp_path), none)
    assert all(entry.train_seconds > 0 for entry in read_record(job.folder / RECORD_NAME).replicates)


def test_the_limit_stops_a_cell_in_the_middle_and_leaves_nothing_of_it(tmp_path, make_cell):
    first, long, never = jobs([make_cell(epochs=1), make_cell("dense", epochs=10_000), make_cell("vib")], tmp_path)
    started = time.monotonic()
    done = []
    left = train_many(
        [never, long, first], machine(tmp_path, deadline=started + 20), lambda job, _: done.append(job) or []
    )
    assert time.monotonic() - started < 60
    assert (done, left) == ([first], [(long, OUT_OF_TIME), (never, OUT_OF_TIME)])
    assert not long.folder.exists()


def test_a_failed_cell_is_named_and_the_others_go_on(tmp_path, make_cell):
    wrong = make_cell("ticket", settings={"of": "bernoulli/nothing"})
    bad, good = jobs([wrong, make_cell(epochs=1)], tmp_path)
    ((left, reason),) = train_many([bad, good], machine(tmp_path), none)
    assert left == bad
    assert "networks.safetensors: missing or damaged" in reason
    assert read_record(good.folder / RECORD_NAME)


def death_of_dense(cell):
    """End the process, as the system does where memory is short."""
    if cell.method == "dense":
        os._exit(9)


def test_a_process_that_dies_costs_its_own_cell_only(tmp_path, make_cell):
    dies, good = jobs([make_cell("dense"), make_cell("magnitude", epochs=1)], tmp_path)
    left = train_many([dies, good], machine(tmp_path, probe=death_of_dense), none)
    assert left == [(dies, "its process ended with exit code 9")]
    assert read_record(good.folder / RECORD_NAME)


def test_a_process_that_dies_without_a_job_costs_nothing(tmp_path, make_cell):
    first, second = jobs([make_cell(epochs=1), make_cell("dense", epochs=1)], tmp_path)

    def after(job, seconds):
        (process,) = multiprocessing.active_children()
        process.kill()
        process.join()
        return [second] if job == first else []

    assert train_many([first], machine(tmp_path), after) == []
    assert read_record(second.folder / RECORD_NAME)


def test_an_error_in_between_ends_every_process(tmp_path, make_cell):
    first, long = jobs([make_cell(epochs=1), make_cell("dense", epochs=10_000)], tmp_path)

    def full(job, seconds):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        train_many([first, long], machine(tmp_path, processes=2), full)
    assert multiprocessing.active_children() == []


def test_files_of_an_earlier_training_leave_the_folder(tmp_path, make_cell):
    """Not a history of another format, nor a table of a probe, that a reader would take for one of this training."""
    (job,) = jobs([make_cell(epochs=1)], tmp_path)
    (job.folder / "depth-2").mkdir(parents=True)
    for name in ("history.parquet", "removals.parquet", ".packed", ".gates.npz.x.npz"):
        (job.folder / name).touch()
    assert train_many([job], machine(tmp_path), none) == []
    names = {"depth-2", "gates.npz", "history.csv", "networks.safetensors", "record.json"}
    assert {path.name for path in job.folder.iterdir()} == names
    assert list((tmp_path / UNFINISHED).iterdir()) == []


def test_threads_are_those_of_the_machine(tmp_path, make_cell):
    (job,) = jobs([make_cell(epochs=1)], tmp_path)
    train_many([job], machine(tmp_path, threads=2), none)
    assert read_record(job.folder / RECORD_NAME).provenance.threads == 2


def test_jobs_that_follow_take_their_rank(tmp_path, make_cell):
    first, last, follows = jobs(
        [make_cell("dense", epochs=1), make_cell(epochs=1), make_cell("magnitude", epochs=1)], tmp_path
    )
    order = []

    def after(job, seconds):
        order.append(job)
        return [follows._replace(rank=(0.5,))] if job == first else []

    assert train_many([last, first], machine(tmp_path), after) == []
    assert [job.cell.method for job in order] == ["dense", "magnitude", "bernoulli"]


def test_cheap_networks_come_first(make_cell):
    wide, few, many = make_cell(width=8.0, replicates=1), make_cell(replicates=1), make_cell(replicates=50)
    assert sorted([wide, few, many], key=effort_per_network) == [many, few, wide]
    assert math.isclose(effort_per_network(few) / few.training.epochs, 1.03, abs_tol=0.01)


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
    assert set(pd.read_parquet("tables/gates.parquet")["method"]) == {"bernoulli"}
    assert len(pd.read_parquet("tables/history.parquet")) > 0
    assert pd.read_csv("tables/missing.csv").empty
