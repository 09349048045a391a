"""Pruning by local predictors: weights stay as drawn, scores are exact, the output layer is the last predictor."""

import pytest
import torch

from robustprune.data.datasets import load
from robustprune.engine.contract import check_contract
from robustprune.engine.training import Training
from robustprune.methods.parts.local_predictors import fitted, groups_of, one_network

ARCHITECTURES = ["lenet_300_100", "lenet5"]


def trained(cell, digits):
    """A finished training and the same cell before its first step, in float64."""
    start, training = (Training(cell, digits, dtype=torch.float64) for _ in range(2))
    while not training.finished:
        training.run_epoch()
    return start, training


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_step_changes_a_weight_that_stays(digits, make_cell, architecture):
    settings = {"target": 0.3, "images": 300, "events": 3}
    start, training = trained(make_cell("cafo", architecture, epochs=1, width=0.2, settings=settings), digits)
    first, last = start.network, training.network
    layer = last.architecture.layers[1]
    for replicate in range(2):
        rows, columns = (last.kept[slot][replicate] for slot in (layer.writes, layer.reads))
        rows, columns = rows[rows >= 0], columns[columns >= 0]
        assert sum(int(counts[replicate]) for counts in last.counts().values()) < sum(training.units.values())
        expected = first.parameters[f"{layer.name}.weight"][replicate][rows][:, columns]
        found = last.parameters[f"{layer.name}.weight"][replicate][: len(rows), : len(columns)]
        assert torch.equal(found, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_output_layer_is_the_last_predictor_of_the_pruned_network(digits, make_cell, architecture):
    settings = {"target": 0.3, "images": 300, "events": 3}
    _, training = trained(make_cell("cafo", architecture, epochs=1, width=0.2, settings=settings), digits)
    network, layer = training.network, training.network.architecture.layers[-1]
    for replicate in range(2):
        own = one_network(network, replicate)
        given = (digits.train_images[:300], digits.train_labels[:300])
        predictor, index = fitted(own, *given, (layer.reads,), 1e-3)[layer.reads]
        found = network.parameters[f"{layer.name}.weight"][replicate][:, index[:-1]]
        assert torch.allclose(found, predictor.weights[:-1].T, atol=1e-9)
        assert torch.allclose(network.parameters[f"{layer.name}.bias"][replicate], predictor.weights[-1], atol=1e-9)


def test_scores_are_rises_of_each_networks_own_predictors(digits, make_cell):
    cell = make_cell("cafo", "lenet5", epochs=1, width=0.2, settings={"target": 0.5, "images": 200})
    training = Training(cell, digits, dtype=torch.float64)
    scores = training.method.scores(training.network)
    assert set(scores) == {"conv1", "conv2", "flat", "fc1"}
    own = one_network(training.network, 1)
    predictor, _ = fitted(own, digits.train_images[:200], digits.train_labels[:200], ("flat",), 1e-3)["flat"]
    _, groups = groups_of(own, "conv2")
    assert scores["conv2"][1].tolist() == pytest.approx(predictor.rises(groups).tolist())
    assert not torch.equal(scores["conv2"][0], scores["conv2"][1])


def test_pixels_that_are_always_black_go_first(digits, make_cell):
    settings = {"target": 0.9, "images": 300, "events": 1}
    _, training = trained(make_cell("cafo", epochs=1, width=0.2, settings=settings), digits)
    black = (digits.train_images[:300].amax(0) == 0).nonzero().flatten()
    kept = training.network.kept["input"][0]
    assert len(black)
    assert not set(black.tolist()) & set(kept.tolist())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_holds_to_the_contract(architecture):
    settings = {"target": 0.4, "images": 100, "events": 2}
    assert len(list(check_contract("cafo", settings, "full", [architecture], load("digits")))) == 5
