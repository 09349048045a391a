"""Initialization by maximum mean discrepancy: small perturbations of the weights become diverse classifiers.

C. Lee, K. Cho, "Unsupervised learning of initialization in deep neural networks via maximum mean discrepancy"
(arXiv 2302.04369): starting from He normal weights theta, minimise over theta the squared MMD between

    a_s = softmax f(x_1..x_D; theta + delta_s),  delta_s ~ N(0, s^2)    and    b_s: D labels drawn uniformly,

on unlabelled training images (docs/baselines.md 17.3). The kernel is exp(-|a - b|^2 / 2 h^2) on vectors of D x 10
probabilities, the estimator the unbiased one. Read: the idea. Ours: s (a share of each layer's spread of weights),
h (2 h^2 is the mean squared distance of two labelings), the number of steps, Adam.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.initialization.examples import Examples
from robustprune.initialization.schemes import filled
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork, every_unit

STEPS = 200
LEARNING_RATE = 1e-3
PERTURBED = 8  # networks per step
IMAGES = 16  # per step
SPREAD = 0.3  # standard deviation of a perturbation, as a share of that of the layer's initial weights


def mmd(
    architecture: Architecture,
    units: Mapping[str, int],
    generator: torch.Generator,
    dtype: torch.dtype,
    examples: Examples,
) -> dict[str, Tensor]:
    """Parameters of one network, as schemes.filled gives them."""
    theta = {
        name: tensor.requires_grad_()
        for name, tensor in filled(architecture, units, "he_normal", generator, dtype).items()
    }
    spreads = perturbation_spreads(theta)
    optimizer = torch.optim.Adam(theta.values(), LEARNING_RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        discrepancy(architecture, units, theta, spreads, examples, generator).backward()
        optimizer.step()
    return {name: tensor.detach() for name, tensor in theta.items()}


def perturbation_spreads(theta: Mapping[str, Tensor]) -> dict[str, float]:
    """Standard deviation of the perturbation of each parameter; a bias has that of its layer's weights."""
    weights = {
        name.split(".")[0]: SPREAD * float(t.detach().std()) for name, t in theta.items() if name.endswith(".weight")
    }
    return {name: weights[name.split(".")[0]] for name in theta}


def discrepancy(
    architecture: Architecture,
    units: Mapping[str, int],
    theta: Mapping[str, Tensor],
    spreads: Mapping[str, float],
    examples: Examples,
    generator: torch.Generator,
) -> Tensor:
    """Squared MMD of one draw: images, perturbations and labelings; differentiable in theta."""
    dtype = next(iter(theta.values())).dtype
    index = torch.randint(len(examples.images), (IMAGES,), generator=generator)
    perturbed = {
        name: tensor + spreads[name] * torch.randn(PERTURBED, *tensor.shape, generator=generator, dtype=dtype)
        for name, tensor in theta.items()
    }
    network = StackedNetwork(architecture, perturbed, every_unit(units, PERTURBED))
    scores = network.forward(examples.scaled(index, dtype).expand(PERTURBED, -1, -1))
    labels = torch.randint(architecture.classes, (PERTURBED, IMAGES), generator=generator)
    targets = torch.nn.functional.one_hot(labels, architecture.classes).to(dtype)
    distance = 2 * IMAGES * (1 - 1 / architecture.classes)  # two random labelings: 2 where they differ
    return squared_mmd(scores.softmax(2).flatten(1), targets.flatten(1), distance)


def squared_mmd(a: Tensor, b: Tensor, scale: float) -> Tensor:
    """Unbiased estimate of MMD^2 between samples a, b [S, n] (Gretton et al., JMLR 2012, eq. 3), kernel
    exp(-|x - y|^2 / scale); it may be negative."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-((x.unsqueeze(1) - y.unsqueeze(0)) ** 2).sum(2) / scale)

    def among(x: Tensor) -> Tensor:
        count = len(x)
        return (kernel(x, x).sum() - count) / (count * (count - 1))

    return among(a) + among(b) - 2 * kernel(a, b).mean()
