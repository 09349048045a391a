"""Initial weights of a stacked network: each replicate from its own generator, standard schemes times a gain."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from robustprune.config import split_initialization
from robustprune.networks.architecture import Architecture

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
    """What nn.Linear and nn.Conv2d do: uniform in +-1/sqrt(fan_in), biases too."""
    bound = 1 / math.sqrt(weight[0].numel())
    nn.init.uniform_(weight, -bound, bound, generator=generator)
    nn.init.uniform_(bias, -bound, bound, generator=generator)


SCHEMES: dict[str, Fill] = {
    "he_normal": _he_normal,
    "xavier_uniform": _xavier_uniform,
    "lecun_normal": _lecun_normal,
    "orthogonal": _orthogonal,
    "pytorch_default": _pytorch_default,
}


def initial_parameters(
    architecture: Architecture,
    units: Mapping[str, int],
    initialization: str,
    generators: Sequence[torch.Generator],
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Draw weights "<layer>.weight" [R, out, in(, k, k)] and biases "<layer>.bias" [R, out], one generator each.

    Biases start at zero except under pytorch_default; the gain multiplies the weights only.
    """
    scheme, gain = split_initialization(initialization)
    parameters: dict[str, Tensor] = {}
    for layer in architecture.layers:
        fan_in = units[layer.source] if layer.source else 1
        fan_out = units[layer.target] if layer.target else architecture.classes
        kernel = (layer.kernel, layer.kernel) if layer.kernel > 1 else ()
        weight = torch.empty(len(generators), fan_out, fan_in, *kernel, dtype=dtype)
        bias = torch.zeros(len(generators), fan_out, dtype=dtype)
        for replicate, generator in enumerate(generators):
            SCHEMES[scheme](weight[replicate], bias[replicate], generator)
        parameters[f"{layer.name}.weight"] = weight.mul_(gain)
        parameters[f"{layer.name}.bias"] = bias
    return parameters
