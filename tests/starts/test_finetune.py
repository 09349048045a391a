"""Fine-tuning: it begins with the networks of its source, trained weights included, and stays in its ball."""

from dataclasses import replace

import pytest
import torch

from robustprune.engine.evaluation import finish
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.parts.relative_ball import row_lengths
from robustprune.networks.archive import ArchivedNetwork, read_archive, read_networks
from robustprune.networks.plain import plain_network
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import study_cells
from robustprune.study.config import StudyConfig

ARCHITECTURES = {"lenet_300_100": 0.2, "lenet5": 0.2}


def source_networks(digits, make_cell, folder, architecture):
    cell = make_cell("magnitude", architecture, epochs=2, width=ARCHITECTURES[architecture])
    run_cell(
        cell, replace(digits, train_images=digits.train_images[:320], train_labels=digits.train_labels[:320]), folder
    )
    return read_networks(folder)


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
def test_it_begins_with_the_networks_of_its_source(tmp_path, digits, make_cell, architecture):
    networks = source_networks(digits, make_cell, tmp_path, architecture)
    cell = make_cell("finetune", architecture, width=ARCHITECTURES[architecture], settings={"of": "magnitude/key"})
    training = Training(cell, digits, source=networks)
    images = digits.test_images[:8].float() / 255
    for replicate, found in enumerate(networks):
        expected = plain_network(training.architecture, found.weights, found.kept)
        own = finish(training, replicate).plain
        assert torch.allclose(own(images), expected(images), atol=1e-5)
        assert {slot: units.tolist() for slot, units in finish(training, replicate).kept.items()} == {
            slot: units.tolist() for slot, units in found.kept.items()
        }


def test_it_trains_within_its_ball(tmp_path, digits, make_cell):
    networks = source_networks(digits, make_cell, tmp_path / "source", "lenet_300_100")
    moved = {}
    for norm, radius in (("free", None), ("mars", 0.01)):
        settings = {"of": "magnitude/key", "ball": {"norm": norm, "radius": radius}}
        cell = make_cell("finetune", epochs=2, width=0.2, settings=settings)
        run_cell(cell, digits, tmp_path / norm, source=tmp_path / "source")
        for replicate, found in read_archive(tmp_path / norm).items():
            start = networks[replicate].weights["fc3.weight"]
            share = row_lengths((found.weights["fc3.weight"] - start)[None]) / row_lengths(start[None])
            moved[norm, replicate] = float(share.max())
    assert all(moved["mars", r] <= 0.01 * (1 + 1e-5) for r in range(2))
    assert all(moved["mars", r] > 0.0099 for r in range(2))
    assert all(moved["free", r] > 0.02 for r in range(2))


def test_a_source_without_weights_or_networks_is_an_error(tmp_path, digits, make_cell):
    networks = source_networks(digits, make_cell, tmp_path, "lenet_300_100")
    cell = make_cell("finetune", width=0.2, settings={"of": "magnitude/key"})
    with pytest.raises(StudyError, match=r"magnitude/key: its networks\.safetensors holds no weights"):
        Training(cell, digits, source=[ArchivedNetwork({}, one.kept) for one in networks])
    with pytest.raises(StudyError, match=r"of: magnitude/key left 0 networks"):
        Training(cell, digits)


def test_the_source_may_be_of_another_data_set(make_cell):
    settings = {"of": "magnitude/key", "of_dataset": "mnist"}
    cell = make_cell("finetune", settings=settings)
    assert cell.source_key == make_cell("magnitude", dataset="mnist").key
    assert make_cell("finetune", settings={"of": "magnitude/key"}).source_key == make_cell("magnitude").key
    with pytest.raises(StudyError, match=r"strengths\.finetune\.key: of_dataset: .*mnost"):
        check_cell(make_cell("finetune", settings={**settings, "of_dataset": "mnost"}))


def test_a_study_names_the_source_that_is_missing():
    values = {
        "strengths": {
            "magnitude": {"key": {"target": 0.2}},
            "finetune": {"a": {"of": "magnitude/key", "of_dataset": "mnist"}},
        },
        "study": [
            {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"finetune": ["a"]}},
            {"dataset": "mnist", "architecture": "lenet_300_100", "methods": {"magnitude": ["key"]}},
        ],
    }
    assert len(study_cells(StudyConfig.model_validate(values))) == 2
    values["study"][1]["dataset"] = "kmnist"
    with pytest.raises(StudyError, match="no cell mnist/lenet_300_100-full/magnitude/key/"):
        study_cells(StudyConfig.model_validate(values))
