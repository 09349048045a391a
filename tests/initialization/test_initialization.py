"""Initial weights: the schemes' moments, gains, and independence of the replicates beside."""

import math

import pytest
import torch

from robustprune.initialization import initial_parameters
from robustprune.networks.architecture import architecture


def weights(name, scheme, seeds=(0, 1), width=1.0, dtype=torch.float64):
    arch = architecture(name)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return initial_parameters(arch, arch.units(width), scheme, generators, dtype)


@pytest.mark.parametrize(
    ("scheme", "deviation"),
    [
        ("he_normal", lambda fan_in, fan_out: math.sqrt(2 / fan_in)),
        ("lecun_normal", lambda fan_in, fan_out: math.sqrt(1 / fan_in)),
        ("xavier_uniform", lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out))),
        ("pytorch_default", lambda fan_in, fan_out: 1 / math.sqrt(3 * fan_in)),
        ("he_normal_x0.3", lambda fan_in, fan_out: 0.3 * math.sqrt(2 / fan_in)),
        ("xavier_uniform_x3", lambda fan_in, fan_out: 3 * math.sqrt(2 / (fan_in + fan_out))),
    ],
)
@pytest.mark.parametrize(
    ("name", "layer", "fans"),
    [("lenet_300_100", "fc1", (784, 300)), ("lenet5", "conv2", (500, 1250)), ("lenet5", "fc1", (800, 500))],
)
def test_standard_deviations(scheme, deviation, name, layer, fans):
    weight = weights(name, scheme, seeds=range(8))[f"{layer}.weight"]
    assert weight.std().item() == pytest.approx(deviation(*fans), rel=0.02)
    assert abs(weight.mean().item()) < 0.01


def test_orthogonal_rows():
    """W W^T = gain^2 I where there are at most as many rows as columns (docs/baselines.md 17.1)."""
    weight = weights("lenet_300_100", "orthogonal")["fc1.weight"][0]
    assert (weight @ weight.T - 2 * torch.eye(300)).abs().max() < 1e-5
    kernel = weights("lenet5", "orthogonal_x0.5")["conv2.weight"][1].flatten(1)
    assert (kernel @ kernel.T - 0.5 * torch.eye(50)).abs().max() < 1e-5


def test_biases_are_zero_except_in_pytorch_default():
    assert not weights("lenet5", "he_normal")["fc1.bias"].any()
    bias = weights("lenet5", "pytorch_default")["fc1.bias"]
    assert 0.9 / math.sqrt(800) < bias.abs().max() <= 1 / math.sqrt(800)


def test_pytorch_default_is_what_the_module_does():
    torch.manual_seed(0)
    module = torch.nn.Linear(784, 300)
    weight = weights("lenet_300_100", "pytorch_default", dtype=torch.float32)["fc1.weight"][0]
    assert weight.abs().max() == pytest.approx(module.weight.abs().max().item(), rel=1e-3)


def test_a_replicate_is_the_same_alone_and_beside_others():
    alone, beside = weights("lenet5", "he_normal", seeds=(1,)), weights("lenet5", "he_normal", seeds=(0, 1, 2))
    for name, tensor in alone.items():
        assert torch.equal(tensor[0], beside[name][1])
