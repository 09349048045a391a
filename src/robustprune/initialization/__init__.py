"""Initial weights of a stacked network: each replicate from its own generator, times a gain."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from robustprune.initialization.examples import Examples, require_whole
from robustprune.initialization.fuse import fuse
from robustprune.initialization.mmd import mmd
from robustprune.initialization.schemes import filled
from robustprune.networks.architecture import Architecture
from robustprune.study.names import split_initialization

FROM_DATA: dict[str, Callable[..., dict[str, Tensor]]] = {"fuse": fuse, "mmd": mmd}


def initial_parameters(
    architecture: Architecture,
    units: Mapping[str, int],
    initialization: str,
    generators: Sequence[torch.Generator],
    dtype: torch.dtype = torch.float32,
    examples: Examples | None = None,
) -> dict[str, Tensor]:
    """Draw weights "<layer>.weight" [R, out, in(, k, k)] and biases "<layer>.bias" [R, out], one generator each.

    The gain multiplies the weights only. Raises StudyError where a scheme needs training images that are not there.
    """
    scheme, gain = split_initialization(initialization)
    if scheme in FROM_DATA:
        whole = require_whole(architecture, units, examples)
        drawn = [FROM_DATA[scheme](architecture, units, generator, dtype, whole) for generator in generators]
    else:
        drawn = [filled(architecture, units, scheme, generator, dtype) for generator in generators]
    parameters = {name: torch.stack([one[name] for one in drawn]) for name in drawn[0]}
    for layer in architecture.layers:
        parameters[f"{layer.name}.weight"].mul_(gain)
    return parameters
