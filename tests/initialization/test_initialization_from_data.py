"""Initializations that look at training images: fusing layers, and maximum mean discrepancy."""

import math

import pytest
import torch

from robustprune.errors import StudyError
from robustprune.initialization import initial_parameters
from robustprune.initialization.examples import Examples
from robustprune.initialization.fuse import deeper, fused
from robustprune.initialization.mmd import discrepancy, perturbation_spreads, squared_mmd
from robustprune.networks.architecture import architecture
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import StackedNetwork, every_unit


@pytest.fixture(scope="module")
def examples(digits):
    return Examples(digits.train_images, digits.train_labels)


def drawn(name, scheme, examples, seeds=(0,), width=0.5):
    arch = architecture(name)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return initial_parameters(arch, arch.units(width), scheme, generators, torch.float32, examples)


def error_percent(name, parameters, examples, width=0.5):
    arch = architecture(name)
    network = StackedNetwork(arch, parameters, every_unit(arch.units(width), 1))
    index = torch.arange(500)
    with torch.no_grad():
        scores = network.forward(examples.scaled(index, torch.float32))
    loss = cross_entropy(scores, examples.labels[index].unsqueeze(0)).mean()
    return 100 * (scores[0].argmax(1) != examples.labels[index]).float().mean().item(), loss.item()


def test_fusing_linear_layers_is_exact():
    """docs/baselines.md 17.2: without a nonlinearity between them, two layers are one."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 12, generator=generator, dtype=torch.float64)
    first, second = (torch.randn(8, n, generator=generator, dtype=torch.float64) for n in (12, 8))
    b1, b2 = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    weight, bias = fused(second, b2, x, x @ first.T + b1, ridge=0.0)
    torch.testing.assert_close(weight, second @ first)
    torch.testing.assert_close(bias, second @ b1 + b2)


def test_fusing_is_the_least_squares_fit():
    """With a ReLU between: what numpy's least squares finds on the same examples."""
    import numpy as np

    generator = torch.Generator().manual_seed(1)
    x = torch.randn(400, 6, generator=generator, dtype=torch.float64)
    h = (x @ torch.randn(9, 6, generator=generator, dtype=torch.float64).T).relu()
    second, bias = torch.randn(4, 9, generator=generator, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    weight, offset = fused(second, bias, x, h, ridge=0.0)
    design = np.column_stack([x.numpy(), np.ones(400)])
    solution = np.linalg.lstsq(design, (h @ second.T + bias).numpy(), rcond=None)[0]
    np.testing.assert_allclose(np.column_stack([weight.numpy(), offset.numpy()]), solution.T, atol=1e-10)


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_a_fused_network_already_knows_something(name, examples):
    """The deeper network was trained for an epoch, and fusing keeps most of what it learnt."""
    wrong, loss = error_percent(name, drawn(name, "fuse", examples), examples)
    _, untrained = error_percent(name, drawn(name, "he_normal", examples), examples)
    assert wrong < 60
    assert loss < untrained


def test_the_deeper_network_has_one_layer_more():
    arch = architecture("lenet5")
    deep = deeper(arch, next(layer for layer in arch.layers if layer.kernel == 1))
    assert [layer.name for layer in deep.layers] == ["conv1", "conv2", "extra", "fc1", "fc2"]
    shapes = deep.shapes({**arch.units(), "extra": 500})
    assert shapes["extra.weight"] == (500, 800)
    assert shapes["fc1.weight"] == (500, 500)


def test_squared_mmd_by_hand():
    """Samples 0, 1 against 0, 2 with scale 1: e^-1 + e^-4 - (1 + e^-4 + e^-1 + e^-1) / 2."""
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    expected = math.exp(-1) + math.exp(-4) - (1 + math.exp(-4) + 2 * math.exp(-1)) / 2
    assert squared_mmd(a, b, 1.0).item() == pytest.approx(expected, rel=1e-6)


def test_squared_mmd_is_unbiased():
    """Two samples of one distribution: zero in the mean of many draws."""
    generator = torch.Generator().manual_seed(0)
    draws = [squared_mmd(*torch.randn(2, 5, 3, generator=generator), 2.0).item() for _ in range(2000)]
    mean, error = sum(draws) / len(draws), torch.tensor(draws).std().item() / math.sqrt(len(draws))
    assert abs(mean) < 4 * error


def test_mmd_ends_nearer_to_uniform_labelings(examples):
    """On images, perturbations and labelings that the optimisation did not draw."""
    arch, name = architecture("lenet_300_100"), "lenet_300_100"
    units, found = arch.units(0.5), []
    for scheme in ("he_normal", "mmd"):
        theta = {key: tensor[0] for key, tensor in drawn(name, scheme, examples).items()}
        spreads = perturbation_spreads({key: t[0] for key, t in drawn(name, "he_normal", examples).items()})
        generator = torch.Generator().manual_seed(9)
        values = [discrepancy(arch, units, theta, spreads, examples, generator).item() for _ in range(30)]
        found.append(sum(values) / len(values))
    assert found[1] < 0.9 * found[0]


@pytest.mark.parametrize("scheme", ["fuse", "mmd"])
def test_a_replicate_is_the_same_alone_and_beside_another(scheme, examples):
    alone, beside = (drawn("lenet_300_100", scheme, examples, seeds, width=0.1) for seeds in ((1,), (0, 1)))
    for key, tensor in alone.items():
        assert torch.equal(tensor[0], beside[key][1])
        assert not torch.equal(beside[key][0], beside[key][1])


@pytest.mark.parametrize("scheme", ["fuse", "mmd"])
def test_what_they_cannot_do_without(scheme, examples):
    arch = architecture("lenet_300_100")
    generator = [torch.Generator()]
    with pytest.raises(StudyError, match="needs training images"):
        initial_parameters(arch, arch.units(), scheme, generator)
    with pytest.raises(StudyError, match="slot input has 100 of 784"):
        initial_parameters(arch, {**arch.units(), "input": 100}, scheme, generator, examples=examples)
