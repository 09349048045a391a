"""What pairs a foreign program in Python with the package's methods: the same weights, the same batches."""

import json

import pytest
import torch

from robustprune.data.datasets import prepare
from robustprune.engine.batches import training_examples
from robustprune.engine.jobs import order
from robustprune.engine.programs import read_order
from robustprune.engine.training import Training
from robustprune.networks.plain import error_percent
from robustprune.study.config import validate_study
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import LONGEST, TrainingSettings


@pytest.fixture
def ordered(tmp_path):
    """An order as a program reads it."""

    def write(cell):
        prepare("digits", DataSettings(directory=str(tmp_path)))
        grid = {"dataset": "digits", "architecture": cell.architecture, "methods": {"dense": ["key"]}}
        values = {"strengths": {"dense": {"key": {}}}, "study": [grid], "data": {"directory": str(tmp_path)}}
        path = tmp_path / "order.json"
        path.write_text(json.dumps(order(cell, validate_study(values, "x"))))
        return read_order(path)

    return write


@pytest.mark.parametrize(
    ("arch", "initialization", "width"), [("lenet_300_100", "he_normal_x0.3", 0.5), ("lenet5", "pytorch_default", 1)]
)
def test_weights_and_batches_are_those_of_every_method(make_cell, digits, ordered, arch, initialization, width):
    cell = make_cell("dense", arch, initialization=initialization, width=width, epochs=2)
    asked, own = ordered(cell), Training(cell, digits)
    assert asked.cell == cell
    for replicate in range(2):
        for name, tensor in asked.weights(replicate).items():
            assert torch.equal(tensor, own.network.parameters[name][replicate]), name
    epochs = [list(asked.batches(replicate)) for replicate in range(2)]
    for epoch in range(2):
        own.batches.start_epoch()
        assert torch.equal(torch.stack([of_one[epoch] for of_one in epochs]), own.batches.permutation)


def test_images_and_errors_follow_the_split(make_cell, digits, ordered):
    cell = make_cell("dense", training=TrainingSettings(images="tuning", batch_size=64))
    asked = ordered(cell)
    assert torch.equal(asked.images, digits.train_images[digits.tuning])
    assert torch.equal(asked.labels, digits.train_labels[digits.tuning])
    network = torch.nn.Linear(784, 10)
    held_out = digits.train_images[digits.validation], digits.train_labels[digits.validation]
    assert asked.errors(network) == {
        "error_train_percent": error_percent(network, asked.images, asked.labels),
        "error_valid_percent": error_percent(network, *held_out),
        "error_test_percent": error_percent(network, digits.test_images, digits.test_labels),
    }
    whole = ordered(make_cell("dense"))
    assert len(whole.labels) == len(digits.train_labels)
    assert set(whole.errors(network)) == {"error_train_percent", "error_test_percent"}


def test_images_follow_a_choice_of_examples_and_batches_the_budget(make_cell, digits, ordered):
    """A program may train as long as any method does; the images are those that the methods train on."""
    cell = make_cell("dense", training=TrainingSettings(epochs=2, examples=100, batch_size=50, budget="macs"))
    asked, own = ordered(cell), training_examples(cell, digits)
    assert torch.equal(asked.images, own.images)
    assert torch.equal(asked.labels, own.labels)
    assert sum(1 for _ in asked.batches(0)) == 2 * LONGEST
