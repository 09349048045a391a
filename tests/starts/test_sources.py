"""The command `train` starts a control only from sound networks of the settings that the study asks for."""

import shutil

import pytest
import yaml

from robustprune.cli import main

CELLS = "digits/lenet_300_100-full/{}/he_normal/width-1"
SOURCE, CONTROL = CELLS.format("magnitude/keep"), CELLS.format("scratch_e/anew")


@pytest.fixture
def train(tmp_path, data_directory):
    """Write the study with a target, and train one of its cells; return the exit status."""
    file = tmp_path / "study.yaml"

    def run(cell: str, target: float = 0.3) -> int:
        study = {
            "root": str(tmp_path / "results"),
            "data": {"directory": str(data_directory)},
            "training": {"epochs": 1},
            "strengths": {"magnitude": {"keep": {"target": target}}, "scratch_e": {"anew": {"of": "magnitude/keep"}}},
            "study": [
                {
                    "dataset": "digits",
                    "architecture": "lenet_300_100",
                    "methods": {"magnitude": ["keep"], "scratch_e": ["anew"]},
                    "replicates": 1,
                }
            ],
        }
        file.write_text(yaml.safe_dump(study))
        return main(["train", "--config", str(file), "--cell", cell])

    return run


@pytest.fixture(scope="module")
def data_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def test_a_control_of_a_stale_missing_or_damaged_source_is_refused(train, tmp_path, capsys):
    runs = tmp_path / "results" / "runs"
    assert train(CONTROL) != 0
    assert "no such record" in capsys.readouterr().err
    assert train(SOURCE) == 0
    assert train(CONTROL) == 0
    shutil.rmtree(runs / CONTROL)
    assert train(CONTROL, target=0.9) != 0
    assert "stale, of other settings" in capsys.readouterr().err
    with (runs / SOURCE / "networks.safetensors").open("ab") as opened:
        opened.write(b"\0")
    assert train(CONTROL) != 0
    assert "differs from its digest" in capsys.readouterr().err
    assert not (runs / CONTROL).exists()
