"""Linear predictors in closed form, and the exact rise of their error without a unit."""

import itertools

import pytest
import torch

from robustprune.methods.parts import local_predictors
from robustprune.methods.parts.local_predictors import Predictor, fit, fitted, groups_of, one_network

H = torch.tensor([[1, 0, 1], [0, 2, 1], [1, 1, 0], [2, 0, 1]], dtype=torch.float64)
Y = torch.nn.functional.one_hot(torch.tensor([0, 1, 1, 0]), 2).double()


def by_hand(ridge: float) -> Predictor:
    return fit(H.T @ H / 4, H.T @ Y / 4, ridge)


def penalised(columns: list[int], ridge: float) -> float:
    """The smallest penalised squared error of these features, by a solver that knows no formula."""
    size = ridge * float((H**2).mean())
    rows = torch.cat([H[:, columns] / 2, size**0.5 * torch.eye(len(columns), dtype=torch.float64)])
    wanted = torch.cat([Y / 2, torch.zeros(len(columns), 2, dtype=torch.float64)])
    found = torch.linalg.lstsq(rows, wanted).solution
    return float((rows @ found - wanted).square().sum())


def test_predictors_by_hand():
    expected = [[0.233333, 0.233333], [-0.3, 0.7], [0.633333, -0.366667]]
    assert by_hand(0).weights.flatten().tolist() == pytest.approx(list(itertools.chain(*expected)), abs=1e-6)
    expected = [[0.286579, 0.145511], [-0.218980, 0.586487], [0.455257, -0.175819]]
    assert by_hand(0.1).weights.flatten().tolist() == pytest.approx(list(itertools.chain(*expected)), abs=1e-6)
    scores = (H @ by_hand(0.1).weights).softmax(1)
    assert scores[0].tolist() == pytest.approx([0.683985, 0.316015], abs=1e-6)


def test_the_rise_is_that_after_fitting_again():
    predictor = by_hand(0.1)
    rises = predictor.rises([torch.tensor([unit]) for unit in range(3)]).tolist()
    assert rises == pytest.approx([0.096759, 0.409051, 0.097098], abs=1e-6)
    group = predictor.rises([torch.tensor([0, 2])])
    assert float(group) == pytest.approx(0.463265, abs=1e-6)
    whole = penalised([0, 1, 2], 0.1)
    for unit, rise in enumerate(rises):
        assert penalised([other for other in range(3) if other != unit], 0.1) - whole == pytest.approx(rise)
    assert penalised([1], 0.1) - whole == pytest.approx(float(group))
    norms = predictor.weights.norm(dim=1).tolist()
    assert norms == pytest.approx([0.321404, 0.626034, 0.488028], abs=1e-6)
    assert sorted(range(3), key=norms.__getitem__) != sorted(range(3), key=rises.__getitem__)[::-1]


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (60, 784), generator=generator, dtype=torch.uint8), torch.arange(60) % 10


def test_another_second_block_leaves_the_first_predictor_as_it_is(make_network, data):
    """To the last bit: nothing of a later block enters an earlier predictor."""
    network = one_network(make_network("lenet_300_100", width=0.1), 1)
    before = fitted(network, *data, ("fc1", "fc2"), 1e-3)
    network.parameters["fc2.weight"].data.mul_(-3)
    after = fitted(network, *data, ("fc1", "fc2"), 1e-3)
    assert torch.equal(before["fc1"][0].weights, after["fc1"][0].weights)
    assert not torch.equal(before["fc2"][0].weights, after["fc2"][0].weights)


@pytest.mark.parametrize(
    ("slot", "source", "size"), [("conv1", "conv1", 144), ("conv2", "flat", 16), ("flat", "flat", 1)]
)
def test_a_channel_has_the_features_of_its_positions(make_network, data, slot, source, size):
    """Removing the group of a channel is as good as a network whose channel is always 0."""
    network = one_network(make_network("lenet5", width=0.2), 0)
    found, groups = groups_of(network, slot)
    assert found == source
    assert {len(group) for group in groups} == {size}
    predictor, index = fitted(network, *data, (source,), 0.1)[source]
    assert torch.equal(index, torch.arange(len(index)))
    without = torch.ones(len(groups), dtype=torch.bool).index_fill(0, torch.tensor([2]), False)
    masked, left = fitted(network, *data, (source,), 0.1, {slot: without})[source]
    if slot == "conv2":  # the mask of channels zeroes features that stay in the count: they weigh nothing
        assert masked.weights[groups[2]].abs().max() == 0
    else:
        assert len(left) == len(index) - size
    assert not set(groups[2].tolist()) & set(left.tolist()) or slot == "conv2"
    assert float(predictor.rises([groups[2]])) >= 0


def test_chunks_of_images_add_up(make_network, data, monkeypatch):
    network = one_network(make_network("lenet_300_100", width=0.1), 0)
    whole = fitted(network, *data, ("fc1",), 1e-3)["fc1"][0].weights
    monkeypatch.setattr(local_predictors, "CHUNK", 7)
    assert torch.allclose(fitted(network, *data, ("fc1",), 1e-3)["fc1"][0].weights, whole, atol=1e-9)
