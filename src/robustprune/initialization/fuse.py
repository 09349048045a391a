"""FuseInit: a deeper network is trained shortly, then two adjacent layers are fused into one.

R. Ghods, A. S. Lan, T. Goldstein, C. Studer, "MSE-optimal neural network initialization via layer fusion", CISS 2020
(arXiv 2001.10509). Two layers y = W2 relu(W1 x + b1) + b2 become the affine map of least mean-square error,

    W = W2 C_hx C_xx^-1,    b = W2 E[h] + b2 - W E[x],    h = relu(W1 x + b1)

(linear MMSE estimation; docs/baselines.md 17.2). The paper gives closed forms of the moments for Gaussian inputs. Our
choices: the moments are those of training images, with a ridge; the extra layer stands before the first fully connected
layer and has its width; the deeper network trains for one epoch, in addition to the epochs of the cell.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.initialization.examples import Examples
from robustprune.initialization.schemes import filled
from robustprune.networks.architecture import Architecture, Layer, Slot
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import ForwardHooks, StackedNetwork, every_unit

EXTRA = "extra"
BATCH = 128
LEARNING_RATE = 1e-3
IMAGES = 10_000  # number of images for the moments
RIDGE = 1e-4  # as a share of the mean variance of the features


def fuse(
    architecture: Architecture,
    units: Mapping[str, int],
    generator: torch.Generator,
    dtype: torch.dtype,
    examples: Examples,
) -> dict[str, Tensor]:
    """Return the parameters of one network, as schemes.filled does; raises StudyError without a hidden linear layer."""
    doubled = next(layer for layer in architecture.layers if layer.kernel == 1)
    if doubled.writes is None:
        raise StudyError(f"initialization fuse: {architecture.name} has no hidden linear layer; choose another one")
    deep = deeper(architecture, doubled)
    wider = {**units, EXTRA: units[doubled.writes]}
    network = _stacked(deep, wider, filled(deep, wider, "he_normal", generator, dtype))
    _train(network, examples, generator, dtype)
    trained = {name: tensor.detach()[0] for name, tensor in network.parameters.items()}
    x, h = _features(network, doubled, examples, generator, dtype)
    weight, bias = fused(trained[f"{doubled.name}.weight"], trained[f"{doubled.name}.bias"], x, h)
    others = {name: tensor for name, tensor in trained.items() if not name.startswith(f"{EXTRA}.")}
    return {**others, f"{doubled.name}.weight": weight, f"{doubled.name}.bias": bias}


def deeper(architecture: Architecture, doubled: Layer) -> Architecture:
    """Return the architecture with an additional fully connected layer "extra" before `doubled`."""
    layers = []
    for layer in architecture.layers:
        if layer.name == doubled.name:
            layers += [replace(layer, name=EXTRA, writes=EXTRA), replace(layer, reads=EXTRA)]
        else:
            layers.append(layer)
    return replace(architecture, slots=(*architecture.slots, Slot(EXTRA, 1)), layers=tuple(layers))


def fused(weight: Tensor, bias: Tensor, x: Tensor, h: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
    """Return the weight [out, n] and bias [out] of the affine map of x that is nearest to weight h + bias.

    x [N, n]: inputs; h [N, m]: hidden activations of the same examples; weight [out, m], bias [out]. Nearest in mean
    square; the moments are computed in float64.
    """
    wide, hidden = x.double(), h.double()
    mean_x, mean_h = wide.mean(0), hidden.mean(0)
    centred = wide - mean_x
    covariance = centred.T @ centred / len(x)
    covariance.diagonal().add_(ridge * covariance.diagonal().mean())
    crossed = (hidden - mean_h).T @ centred / len(x)
    outer = weight.double()
    slope = torch.linalg.solve(covariance, (outer @ crossed).T).T
    offset = outer @ mean_h + bias.double() - slope @ mean_x
    return slope.to(weight.dtype), offset.to(bias.dtype)


def _stacked(architecture: Architecture, units: Mapping[str, int], parameters: Mapping[str, Tensor]) -> StackedNetwork:
    stacked = {name: tensor.unsqueeze(0) for name, tensor in parameters.items()}
    return StackedNetwork(architecture, stacked, every_unit(units, 1))


def _train(network: StackedNetwork, examples: Examples, generator: torch.Generator, dtype: torch.dtype) -> None:
    """Train for one epoch with Adam."""
    optimizer = torch.optim.Adam(network.parameters.values(), LEARNING_RATE)
    order = torch.randperm(len(examples.labels), generator=generator)
    for index in order[: len(order) // BATCH * BATCH].split(BATCH) if len(order) >= BATCH else [order]:
        optimizer.zero_grad()
        scores = network.forward(examples.scaled(index, dtype))
        cross_entropy(scores, examples.labels[index].unsqueeze(0)).mean().backward()
        optimizer.step()


class _Recorder(ForwardHooks):
    """Hooks that record the inputs of two layers."""

    def __init__(self, names: tuple[str, str]):
        self.read: dict[str, list[Tensor]] = {name: [] for name in names}

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if layer.name in self.read:
            self.read[layer.name].append(h[0].clone())
        return super().linear(layer, h, weight, bias)


def _features(
    network: StackedNetwork, doubled: Layer, examples: Examples, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return inputs [N, n] and outputs [N, m] of the extra layer, for IMAGES training images drawn at random."""
    recorder = _Recorder((EXTRA, doubled.name))
    chosen = torch.randperm(len(examples.labels), generator=generator)[:IMAGES]
    with torch.no_grad():
        for index in chosen.split(1000):
            network.forward(examples.scaled(index, dtype), recorder)
    return torch.cat(recorder.read[EXTRA]), torch.cat(recorder.read[doubled.name])
