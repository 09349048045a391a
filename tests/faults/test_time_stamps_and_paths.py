"""One study that is not trained again without a reason, in a folder whose name a shell would run (B2, B3, B5, B7)."""

import json
import os
import shlex
import time

import pytest
import yaml
from safetensors.torch import load_file, save_file
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)

from robustprune.study.config import validate_study

pytestmark = pytest.mark.workflow
ROOT = "results/my study's $(touch PWNED); `touch PWNED`"
STUDY = {
    "root": ROOT,
    "data": {"directory": "some data $(touch PWNED)", "mirrors": ["torchvision"]},
    "training": {"epochs": 1, "batch_size": 512},
    "strengths": {"dense": {"d": {}}},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"dense": ["d"]},
            "widths": [0.5],
            "replicates": 2,
        }
    ],
}
TARGETS = [f"{ROOT}/{name}" for name in ("tables/main_comparison.html", "tables/claims.csv")]
FIGURE = f"{ROOT}/figures/error_by_params.png"


@pytest.fixture(scope="module")
def trained(checkout):  # noqa: F811
    """The copy after a run: every rule that reads or writes the study, and its data set."""
    snakemake(checkout, *TARGETS, FIGURE, config=STUDY)
    return checkout


def jobs(trained, **changes):
    """The jobs that a dry run plans."""
    return planned(snakemake(trained, *TARGETS, "--dry-run", config=STUDY | changes))


def test_a_folder_is_no_command_and_may_hold_spaces(trained):
    assert (trained / FIGURE).stat().st_size > 500
    assert (trained / ROOT / "runs.csv").read_text().count("\n") == 3
    assert not list(trained.rglob("PWNED"))


def data_file(trained):
    return trained / STUDY["data"]["directory"] / "digits.safetensors"


def test_a_time_stamp_is_no_reason_to_train(trained):
    """The data file is touched, prepared again, read from another mirror, and deleted."""
    path, tomorrow = data_file(trained), time.time() + 86_400
    assert jobs(trained) == {}
    os.utime(path, (tomorrow, tomorrow))
    assert jobs(trained) == {}
    assert jobs(trained, data=STUDY["data"] | {"mirrors": ["elsewhere"]}) == {}
    whole = path.read_bytes()
    path.unlink()
    assert jobs(trained) == {}
    path.write_bytes(whole)
    assert jobs(trained) == {}


def test_other_data_are(trained):
    path = data_file(trained)
    whole, tensors = path.read_bytes(), load_file(path)
    save_file(tensors, path, metadata={"digest": "another"})
    try:
        assert jobs(trained)["train"] == 1
    finally:
        path.write_bytes(whole)


def test_partial_results_never_train(trained):
    """A changed setting makes records stale; with results=partial the tables say so and nothing trains."""
    changed = {"training": {"epochs": 2, "batch_size": 512}}
    assert jobs(trained, **changed)["train"] == 1
    partial = jobs(trained, results="partial", **changed)
    assert "tables_of_runs" in partial
    assert "train" not in partial
    wider = STUDY["study"][0] | {"widths": [0.5, 1]}
    assert "train" not in jobs(trained, results="partial", study=[wider])
    search = {
        "search": [{"dataset": "digits", "architecture": "lenet_300_100", "methods": {"magnitude": ["keep"]}}],
        "knobs": {"magnitude": {"keep": {"knob": "target", "range": [0.02, 0.6]}}},
    }
    search["search"][0]["targets"] = {"at_size": {"params": 60000}}
    wider = STUDY["study"][0] | {"methods": {"dense": ["d"], "magnitude": ["at_size"]}}
    assert not {"train", "train_searched"} & set(jobs(trained, results="partial", study=[wider], **search))


def test_the_data_stand_in_the_record(trained):
    (path,) = (trained / ROOT / "runs").rglob("record.json")
    assert json.loads(path.read_text())["provenance"]["data_digest"]


REFUSED = ["", "-rf", "a{b}", "a\nb", "a\x00b"]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("key", ["root", "compare_with", "data"])
def test_a_folder_that_cannot_be_one_is_refused(name, key):
    value = {"directory": name} if key == "data" else name
    with pytest.raises(Exception, match=f"{key}.*: folder .*expected a name that is not empty"):
        validate_study(STUDY | {key: value}, "x")


def test_a_folder_is_written_in_one_way():
    """Snakemake compares paths as text."""
    assert validate_study(STUDY | {"root": "./results//mine/"}, "x").root == "results/mine"
    assert validate_study(STUDY | {"root": "~/mine"}, "x").root == os.path.expanduser("~/mine")


def test_a_printed_command_can_be_run_by_hand(trained):
    output = snakemake(trained, *TARGETS, "--dry-run", "--forceall", config=STUDY)
    line = next(line for line in output.splitlines() if "robustprune train" in line)
    words = shlex.split(line)
    assert f"{ROOT}/config.yaml" in words
    assert yaml.safe_load((trained / ROOT / "config.yaml").read_text())["root"] == ROOT
