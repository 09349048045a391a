"""Layers against torch's own, architectures at every width, the stacked network against the plain one."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from robustprune.compaction import extract, plain_network
from robustprune.errors import StudyError
from robustprune.networks.architecture import architecture
from robustprune.networks.layers import convolve, convolve_image, linear, max_pool
from robustprune.networks.plain import error_percent


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_linear_and_its_gradients():
    h, weight, bias = double(2, 5, 4), double(2, 3, 4, seed=1), double(2, 3, seed=2)
    expected = torch.stack([F.linear(h[r], weight[r], bias[r]) for r in range(2)])
    torch.testing.assert_close(linear(h, weight, bias), expected)
    assert torch.autograd.gradcheck(linear, (h, weight, bias))


def test_convolutions_and_their_gradients():
    images, weight = double(2, 3, 9, 8).detach(), double(2, 4, 1, 3, 3, seed=1)
    expected = torch.stack([F.conv2d(images[r].unsqueeze(1), weight[r]) for r in range(2)])
    torch.testing.assert_close(convolve_image(images, weight), expected)
    assert torch.autograd.gradcheck(lambda w: convolve_image(images, w), (weight,))
    h, kernel = double(2, 3, 2, 6, 7), double(2, 4, 2, 3, 3, seed=1)
    expected = torch.stack([F.conv2d(h[r], kernel[r]) for r in range(2)])
    torch.testing.assert_close(convolve(h, kernel), expected)
    assert torch.autograd.gradcheck(convolve, (h, kernel))


@given(seed=st.integers(0, 1000), ties=st.booleans(), transposed=st.booleans())
@settings(max_examples=20, deadline=None)
def test_max_pool_and_its_gradient(seed, ties, transposed):
    """Also with ties (blank backgrounds) and in both memory layouts: one winner per window gets the gradient."""
    z = torch.randn(2, 3, 4, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    z = (z.round() if ties else z).requires_grad_()
    view = z.transpose(1, 2) if transposed else z
    pooled = max_pool(view)
    assert torch.equal(pooled, F.max_pool2d(view.flatten(0, 1), 2).view_as(pooled))
    upstream = torch.rand_like(pooled)
    pooled.backward(upstream)
    windows = z.grad.transpose(1, 2) if transposed else z.grad
    windows = windows.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).movedim(-3, -2).flatten(-2)
    torch.testing.assert_close(windows.sum(-1), upstream)
    assert ((windows != 0).sum(-1) == 1).all()


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
@pytest.mark.parametrize("width", [0.5, 1, 2])
def test_stacked_network_is_its_plain_networks(make_network, name, width):
    network = make_network(name, replicates=2, width=width)
    images = torch.rand(2, 20, 784, dtype=torch.float64)
    with torch.no_grad():
        scores = network.forward(images)
        for replicate in range(2):
            plain = plain_network(network.architecture, *extract(network, replicate))
            torch.testing.assert_close(plain(images[replicate]), scores[replicate], rtol=0, atol=1e-10)
            torch.testing.assert_close(plain(images[replicate].view(20, 1, 28, 28)), plain(images[replicate]))


def test_gradients_of_a_whole_network_match_the_plain_one(make_network):
    for name in ("lenet_300_100", "lenet5"):
        network = make_network(name, replicates=2)
        images, labels = torch.rand(2, 6, 784, dtype=torch.float64), torch.randint(0, 10, (2, 6))
        F.cross_entropy(network.forward(images).flatten(0, 1), labels.flatten(), reduction="sum").backward()
        for replicate in range(2):
            plain = plain_network(network.architecture, *extract(network, replicate))
            F.cross_entropy(plain(images[replicate]), labels[replicate], reduction="sum").backward()
            for key, parameter in plain.named_parameters():
                torch.testing.assert_close(network.parameters[key].grad[replicate], parameter.grad)


def test_units_at_every_width():
    assert architecture("lenet_300_100").units(4) == {"input": 784, "fc1": 1200, "fc2": 400}
    assert architecture("lenet5").units(0.5) == {"conv1": 10, "conv2": 25, "flat": 400, "fc1": 250}
    with pytest.raises(StudyError, match=r"slot fc1 of lenet_300_100 would get 90.3 units"):
        architecture("lenet_300_100").units(0.301)


def test_tracks():
    assert architecture("lenet_300_100").gated("full") == ("input", "fc1", "fc2")
    assert architecture("lenet_300_100").gated("hidden") == ("fc1", "fc2")
    assert architecture("lenet5").gated("full") == ("conv1", "conv2", "flat", "fc1")
    assert architecture("lenet5").gated("hidden") == ("conv1", "conv2", "fc1")


def test_unknown_architecture_names_the_nearest():
    with pytest.raises(StudyError, match="did you mean 'lenet5'"):
        architecture("lenet_5")


def test_scores_that_are_not_finite_count_as_wrong():
    network = torch.nn.Linear(784, 10)
    torch.nn.init.constant_(network.weight, torch.nan)
    images, labels = torch.zeros(7, 784, dtype=torch.uint8), torch.zeros(7, dtype=torch.int64)
    assert error_percent(network, images, labels) == 100
