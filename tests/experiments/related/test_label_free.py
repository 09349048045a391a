"""Variances of untrained activations equal those of numpy's covariance."""

import numpy as np
import pandas as pd
import pytest
import torch

from robustprune.experiments.related import label_free
from robustprune.experiments.related.label_free import COLUMNS, variances, write_label_free
from robustprune.networks.folding import Kept
from robustprune.networks.plain import plain_network


def plain(network, replicate):
    weights = {name: tensor.detach()[replicate] for name, tensor in network.parameters.items()}
    kept: Kept = {slot: places[replicate] for slot, places in network.kept.items()}
    return plain_network(network.architecture, weights, kept)


def activations(module, images, name):
    """What the layer of that name reads, and what it gives, of a plain network."""
    seen = {}
    hook = getattr(module, name).register_forward_hook(lambda _, given, out: seen.update(read=given[0], out=out))
    with torch.no_grad():
        module(images)
    hook.remove()
    return {key: value.double().numpy() for key, value in seen.items()}


@pytest.mark.parametrize(("name", "layer", "slot"), [("lenet_300_100", "fc2", "fc1"), ("lenet5", "conv2", "conv1")])
def test_variances_are_those_of_what_the_next_layer_reads(make_network, monkeypatch, name, layer, slot):
    monkeypatch.setattr(label_free, "CHUNK", 7)  # chunks of unequal length
    network = make_network(name, replicates=2, dtype=torch.float32, width=0.2)
    images = torch.randint(0, 256, (30, 784), dtype=torch.uint8)
    found = variances(network, images)
    assert list(found) == [own.name for own in network.architecture.slots]
    for replicate in range(2):
        read = activations(plain(network, replicate), images.float() / 255, layer)["read"]
        samples = read if read.ndim == 2 else np.moveaxis(read, 1, 3).reshape(-1, read.shape[1])
        expected = np.linalg.eigvalsh(np.cov(samples.T, bias=True))[::-1]
        assert found[slot][replicate].numpy() == pytest.approx(expected, abs=1e-5 * expected[0])


def test_pixels_are_the_same_for_every_network_and_flattened_features_have_a_row(make_network):
    images = torch.randint(0, 256, (20, 784), dtype=torch.uint8)
    pixels = variances(make_network("lenet_300_100", dtype=torch.float32, width=0.2), images)["input"]
    expected = np.linalg.eigvalsh(np.cov(images.numpy().T / 255.0, bias=True))[::-1]
    assert pixels[0].numpy() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(pixels[0], pixels[2])
    flat = variances(make_network("lenet5", dtype=torch.float32, width=0.2), images)["flat"]
    assert flat.shape == (3, 160)


def test_a_start_is_measured_once_and_found_again_by_its_seed(tmp_path, digits, make_cell):
    one = make_cell("bernoulli", width=0.2)
    cells = {
        tmp_path / "a": one,
        tmp_path / "b": one.model_copy(update={"strength": "other"}),
        tmp_path / "c": make_cell("magnitude", width=0.2),
        tmp_path / "d": make_cell("bernoulli", width=0.1),
    }
    count = write_label_free(cells, lambda name: digits, tmp_path / "label_free.parquet")
    table = pd.read_parquet(tmp_path / "label_free.parquet")
    assert list(table) == list(COLUMNS)
    assert len(table) == count == 2 * 2 * 3  # starts, networks, slots
    own = table[(table["seed"] == one.seed(1)) & (table["slot"] == "fc1")]
    assert len(own) == 1
    assert len(own["variances"].iloc[0]) == 60
