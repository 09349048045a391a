"""Layers against torch's own, architectures at every width, the stacked network against the plain one."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from robustprune.engine.compaction import extract
from robustprune.errors import StudyError
from robustprune.networks import convolution
from robustprune.networks.architecture import Architecture, Layer, Slot, architecture
from robustprune.networks.convolution import convolve, convolve_image, windows
from robustprune.networks.gpu_convolution import MANY, convolve_together
from robustprune.networks.layers import cross_entropy, linear
from robustprune.networks.plain import error_percent, plain_network
from robustprune.networks.structure import problem


def double(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_linear_and_its_gradients():
    h, weight, bias = double(2, 5, 4), double(2, 3, 4, seed=1), double(2, 3, seed=2)
    expected = torch.stack([F.linear(h[r], weight[r], bias[r]) for r in range(2)])
    torch.testing.assert_close(linear(h, weight, bias), expected)
    assert torch.autograd.gradcheck(linear, (h, weight, bias))


def test_cross_entropy_and_its_gradient():
    scores, labels = double(2, 7, 5), torch.randint(0, 5, (2, 7), generator=torch.Generator().manual_seed(0))
    expected = F.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none").view(2, 7)
    torch.testing.assert_close(cross_entropy(scores, labels), expected)
    assert torch.autograd.gradcheck(lambda s: cross_entropy(s, labels), (scores,))


def reference(h, weight, bias):
    return torch.stack([F.relu(F.max_pool2d(F.conv2d(x, w, b), 2)) for x, w, b in zip(h, weight, bias, strict=True)])


def test_first_layer_and_its_gradients():
    """Batches larger than one cached piece; images whole, and cut into windows beforehand."""
    images = torch.rand(2, 19, 784, dtype=torch.float64)
    weight, bias = double(2, 3, 1, 5, 5, seed=1), double(2, 3, seed=2)
    expected = reference(images.unflatten(2, (1, 28, 28)), weight, bias)
    cut = windows(images.flatten(0, 1)).unflatten(0, (2, 19))
    for given_ in (images, cut):
        torch.testing.assert_close(convolve_image(given_, weight, bias), expected)
    pixels = (255 * images).round().to(torch.uint8)
    cut = windows(pixels.flatten(0, 1)).unflatten(0, (2, 19))
    results = [convolve_image(x, weight, bias) for x in (cut, pixels.double() / 255)]
    torch.testing.assert_close(*results)
    grads = [torch.autograd.grad(result.square().sum(), weight)[0] for result in results]
    torch.testing.assert_close(*grads)
    assert torch.autograd.gradcheck(lambda w, b: convolve_image(images[:, :1], w, b), (weight, bias))
    probe = torch.randn_like(expected)
    ours = torch.autograd.grad((convolve_image(images, weight, bias) * probe).sum(), [weight, bias])
    theirs = torch.autograd.grad((expected * probe).sum(), [weight, bias])
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("few", [0, convolution.FEW])
def test_later_layer_and_its_gradients(monkeypatch, few):
    """By the library's convolution, and by products over strips of columns."""
    monkeypatch.setattr(convolution, "FEW", few)
    h, weight, bias = double(2, 2, 2, 8, 12), double(2, 3, 2, 5, 5, seed=1), double(2, 3, seed=2)
    torch.testing.assert_close(convolve(h, weight, bias), reference(h, weight, bias))
    assert torch.autograd.gradcheck(convolve, (h, weight, bias))
    assert torch.autograd.gradcheck(lambda w, b: convolve(h.detach(), w, b), (weight, bias))


@pytest.mark.parametrize("replicates", [3, MANY])
def test_convolutions_of_all_networks_at_once_are_those_one_by_one(replicates):
    """What a GPU computes, few networks and many, in float64 on a CPU: values and gradients."""
    h = torch.rand(replicates, 2, 2, 8, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(replicates, 3, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(replicates, 3, dtype=torch.float64, requires_grad=True)
    found, expected = convolve_together(h, weight, bias), reference(h, weight, bias)
    torch.testing.assert_close(found, expected)
    probe = torch.randn_like(expected)
    for ours, right in zip(
        *(torch.autograd.grad((z * probe).sum(), (h, weight, bias)) for z in (found, expected)), strict=True
    ):
        torch.testing.assert_close(ours, right)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_one_winner_per_pooling_window_gets_the_gradient(seed):
    """With ties, as on a blank background: the bias gradient counts every window once, the weights' is finite."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(1, 3, 784, dtype=torch.float64)
    images[:, :, 300:400] = torch.randint(0, 3, (1, 3, 100), generator=generator).double()
    weight = torch.randint(-1, 2, (1, 2, 1, 5, 5), generator=generator).double().requires_grad_()
    bias = torch.ones(1, 2, dtype=torch.float64, requires_grad=True)
    h = convolve_image(images, weight, bias)
    later = torch.randint(-1, 2, (1, 2, 2, 5, 5), generator=generator).double()
    out = convolve(h, later, bias)
    upstream = torch.rand(h.shape, generator=generator, dtype=torch.float64)
    (grad,) = torch.autograd.grad(h, bias, upstream, retain_graph=True)
    torch.testing.assert_close(grad, (upstream * (h > 0)).sum((1, 3, 4)))
    (grad,) = torch.autograd.grad(out, h, torch.ones_like(out))
    windows_alive = (out > 0).sum((0, 1, 3, 4)).double()
    torch.testing.assert_close(grad.sum((1, 3, 4))[0], torch.einsum("o,oc->c", windows_alive, later[0].sum((2, 3))))


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


def test_decimal_widths():
    """Every width with two decimals is accepted where it gives whole numbers, and only there: 100 * 1.1 is
    110.00000000000001 in floats."""
    network = architecture("lenet_300_100")
    for hundredths in range(1, 801):
        counts = network.units(hundredths / 100)
        assert (counts["fc1"], counts["fc2"]) == (3 * hundredths, hundredths)
    for width in (1.001, 0.0001, 1 + 1e-6):
        with pytest.raises(StudyError, match="would get"):
            network.units(width)


WRONG = {
    "name": ({"name": "other"}, "the architecture is called 'other'; call it 'own', as its file is"),
    "classes": ({"classes": 12}, "it has 12 classes; only 10"),
    "no input": ({"slots": (Slot("fc1", 30),)}, "layer fc1: there is no slot 'input' (slots: fc1)"),
    "pixels": ({"slots": (Slot("input", 100, hidden=False), Slot("fc1", 30))}, "100 units; the images have 784 pixels"),
    "scaled pixels": ({"slots": (Slot("input", 784), Slot("fc1", 30))}, "slot input: write hidden=False"),
    "twice": ({"slots": (Slot("input", 784, hidden=False),) + 2 * (Slot("fc1", 30),)}, "each name may be used once"),
    "no units": ({"slots": (Slot("input", 784, hidden=False), Slot("fc1", 0))}, "slot fc1: 0 units; at least 1"),
    "no end": ({"layers": (Layer("fc1", "input", "fc1"),)}, "the last layer writes a slot"),
    "gap": (
        {"layers": (Layer("fc1", "input", "fc1"), Layer("fc2", "input", None))},
        "layer fc2: reads input; expected fc1, which the layer before it writes",
    ),
    "first": ({"layers": (Layer("fc1", "fc1", None),)}, "layer fc1: a first layer that is linear reads the slot input"),
}
SLOTS = (Slot("conv1", 8), Slot("flat", 8 * 144, hidden=False, parent="conv1", positions=144))
LAYERS = (Layer("conv1", None, "conv1", kernel=5, positions=576), Layer("fc", "flat", None))
WRONG_CONVOLUTIONS = {
    "kernel": (SLOTS, (Layer("conv1", None, "conv1", kernel=3, positions=676), LAYERS[1]), "kernel 3; only 5"),
    "positions": (SLOTS, (Layer("conv1", None, "conv1", kernel=5), LAYERS[1]), "expected positions=24**2, found 1"),
    "flat": ((SLOTS[0], Slot("flat", 99, hidden=False, parent="conv1", positions=144)), LAYERS, "expected 1152 units"),
    "too deep": (
        (*SLOTS, Slot("conv2", 5), Slot("conv3", 5)),
        (
            LAYERS[0],
            Layer("conv2", "conv1", "conv2", kernel=5, positions=64),
            Layer("conv3", "conv2", "conv3", kernel=5, positions=1),
            Layer("fc", "conv3", None),
        ),
        "maps of 0 x 0 cannot be pooled",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_architecture_that_cannot_be_computed_is_refused(kind):
    given = {
        "name": "own",
        "slots": (Slot("input", 784, hidden=False), Slot("fc1", 30)),
        "layers": (Layer("fc1", "input", "fc1"), Layer("fc2", "fc1", None)),
    }
    assert problem(Architecture(**given), "own") is None
    change, message = WRONG[kind]
    assert message in problem(Architecture(**(given | change)), "own")


@pytest.mark.parametrize("kind", WRONG_CONVOLUTIONS)
def test_convolutions_that_cannot_be_computed_are_refused(kind):
    assert problem(Architecture("own", SLOTS, LAYERS), "own") is None
    slots, layers, message = WRONG_CONVOLUTIONS[kind]
    assert message in problem(Architecture("own", slots, layers), "own")


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
