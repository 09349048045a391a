"""Standard schemes, which fill each layer by itself, without data."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from robustprune.networks.architecture import Architecture, Layer

Fill = Callable[[Tensor, Tensor, torch.Generator], None]


def _he_normal(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


def _xavier_uniform(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    nn.init.xavier_uniform_(weight, generator=generator)


def _lecun_normal(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="linear", generator=generator)


def _orthogonal(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    nn.init.orthogonal_(weight, gain=math.sqrt(2), generator=generator)


def _pytorch_default(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    """Fill as nn.Linear and nn.Conv2d do: weights and biases uniform in +-1/sqrt(fan_in)."""
    bound = 1 / math.sqrt(weight[0].numel())
    nn.init.uniform_(weight, -bound, bound, generator=generator)
    nn.init.uniform_(bias, -bound, bound, generator=generator)


FILLS: dict[str, Fill] = {
    "he_normal": _he_normal,
    "xavier_uniform": _xavier_uniform,
    "lecun_normal": _lecun_normal,
    "orthogonal": _orthogonal,
    "pytorch_default": _pytorch_default,
}


def filled(
    architecture: Architecture,
    units: Mapping[str, int],
    scheme: str,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Draw weights "<layer>.weight" [out, in(, k, k)] and biases "<layer>.bias" [out] of one network.

    Biases are zero, except under pytorch_default. Sections without units draw nothing.
    """
    parameters = {name: torch.zeros(shape, dtype=dtype) for name, shape in architecture.shapes(units).items()}
    for layer in architecture.layers:
        weight, bias = parameters[f"{layer.name}.weight"], parameters.get(f"{layer.name}.bias")
        if weight.numel():
            FILLS[scheme](weight, weight.new_empty(0) if bias is None else bias, generator)
        if layer.gain != 1:
            weight.mul_(layer.gain * _fewer(architecture, units, layer))
    return parameters


def _fewer(architecture: Architecture, units: Mapping[str, int], layer: Layer) -> float:
    """Return the factor on the gain where sections of the layer's stream are closed; the gain is 1/sqrt(sections)."""
    own = [other.within for other in architecture.layers if other.adds and other.writes == layer.writes]
    left = sum(units[gate] for gate in own if gate)
    return math.sqrt(len(own) / left) if left else 1.0
