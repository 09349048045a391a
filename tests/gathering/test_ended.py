"""Which cells of an earlier call of train-many are trained again."""

import json
import shutil

import pytest

from robustprune.data.datasets import prepare
from robustprune.engine.running import run_cell
from robustprune.engine.worker import Job
from robustprune.gathering.ended import has_results
from robustprune.records.digests import content_digest
from robustprune.records.record import RECORD_NAME
from robustprune.study.cells import Cell
from robustprune.study.config import validate_study
from robustprune.study.probed import PROBE_TABLES
from robustprune.study.training_settings import TrainingSettings


def study(tmp_path, **values):
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"dense": ["key"]}}
    given = {"data": {"directory": str(tmp_path / "data")}, "strengths": {"dense": {"key": {}}}, "study": [grid]}
    return validate_study(given | values, "test")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    """Folders of runs: a probed cell with its weights, light, and a control of it."""
    own = {"dataset": "digits", "architecture": "lenet_300_100", "replicates": 2, "width": 0.5}
    own |= {"training": TrainingSettings(epochs=1, batch_size=64)}
    settings = {"price": 1e-4, "removal_at": "never", "noise_free_last": 0}
    source = Cell(method="bernoulli", strength="c", settings=settings, **own)
    control = Cell(method="ticket", strength="of_c", settings={"of": "bernoulli/c"}, **own)
    folder = tmp_path_factory.mktemp("runs")
    for runs, light in (("whole", False), ("light", True)):
        run_cell(source, digits, folder / runs / source.key, light=light)
    run_cell(control, digits, folder / "whole" / control.key, source=folder / "whole" / source.key)
    return folder, source, control


@pytest.fixture
def runs(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "runs")
    return tmp_path / "runs"


def change(path, **provenance):
    values = json.loads(path.read_text())
    values["provenance"] |= provenance
    path.write_text(json.dumps(values | {"digest": content_digest(values)}))


def test_whole_results_are_kept(runs, trained, tmp_path):
    _, source, control = trained
    for cell in (source, control):
        assert has_results(Job((0,), runs / "whole", cell), study(tmp_path))
    prepare("digits", study(tmp_path).data)
    assert has_results(Job((0,), runs / "whole", source), study(tmp_path)), "of these data"


@pytest.mark.parametrize("name", [RECORD_NAME, "gates.npz", "networks.safetensors", "history.parquet"])
def test_damaged_and_missing_files_are_made_again(runs, trained, tmp_path, name):
    job = Job((0,), runs / "whole", trained[1], light=True)
    content = (job.folder / name).read_bytes()
    (job.folder / name).write_bytes(content[:-20] + bytes(20))
    assert not has_results(job, study(tmp_path))
    (job.folder / name).unlink()
    assert not has_results(job, study(tmp_path))


def test_a_folder_in_place_of_a_record_counts_as_none(runs, trained, tmp_path):
    job = Job((0,), runs / "whole", trained[1])
    (job.folder / RECORD_NAME).unlink()
    (job.folder / RECORD_NAME).mkdir()
    assert not has_results(job, study(tmp_path))


@pytest.mark.parametrize("changed", [{"source_hash": "0"}, {"data_digest": "0"}])
def test_other_code_and_other_data_train_again(runs, trained, tmp_path, changed):
    prepare("digits", study(tmp_path).data)
    job = Job((0,), runs / "whole", trained[1])
    change(job.folder / RECORD_NAME, **changed)
    assert not has_results(job, study(tmp_path))


def test_other_settings_train_again(runs, trained, tmp_path):
    other = trained[1].model_copy(update={"settings": trained[1].settings | {"price": 1e-3}})
    assert not has_results(Job((0,), runs / "whole", other), study(tmp_path))


def test_weights_that_a_control_needs_now_are_trained_again(runs, trained, tmp_path):
    job = Job((0,), runs / "light", trained[1], light=True)
    assert has_results(job, study(tmp_path))
    assert not has_results(job._replace(light=False), study(tmp_path))


def test_tables_that_the_study_asks_for_now_are_made(runs, trained, tmp_path):
    job = Job((0,), runs / "whole", trained[1])
    assert not has_results(job, study(tmp_path, probes=True))
    for name in PROBE_TABLES:
        (job.folder / f"{name}.parquet").touch()
    assert has_results(job, study(tmp_path, probes=True))


def test_a_control_of_networks_that_were_trained_again_is_trained_again(runs, trained, tmp_path):
    _, source, control = trained
    change(runs / "whole" / source.key / RECORD_NAME, started="2999-01-01T00:00:00+00:00")
    assert not has_results(Job((0,), runs / "whole", control), study(tmp_path))
