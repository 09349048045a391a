"""A ball around the initial weights, as a constraint on training (docs/method.md section 9)."""

from collections.abc import Mapping

import torch
from torch import Tensor

INITIAL = "initial/"


def initial_weights(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of a network's parameters as buffers that the engine compacts: "initial/<layer>.weight"."""
    return {INITIAL + name: tensor.detach().clone() for name, tensor in parameters.items()}


def project_onto_ball(parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], radius: float) -> None:
    """Move each network's parameters to the nearest point of its ball, in place.

    The ball of a replicate has this radius in the Euclidean norm over all weights and biases together; its centre are
    the buffers of `initial_weights`. Parameters inside the ball do not change.
    """
    differences = {name: tensor.detach() - buffers[INITIAL + name] for name, tensor in parameters.items()}
    squares = torch.stack([difference.flatten(1).square().sum(1) for difference in differences.values()])
    excess = 1 - radius / squares.sum(0).sqrt().clamp_min(radius)
    for name, tensor in parameters.items():
        difference = differences[name]
        tensor.sub_(difference * excess.view(-1, *[1] * (difference.dim() - 1)))
