"""Balls around starting weights, layer by layer, with radii relative to the weights' own length (docs/related.md 5).

Norm mars: the largest absolute row sum of the distance D = W - W0, each row (a unit or filter, all its weights) for
itself. Norm frobenius: the Euclidean norm of a layer's D. Weights outside are scaled back along D; for rows this is not
the nearest point of the ball (Gouk, Hospedales and Pontil, arXiv 2002.08253, by their published code). Biases are free.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.ball import INITIAL
from robustprune.study.strict import Strict


class RelativeBall(Strict):
    """A ball around the starting weights of every layer."""

    norm: Literal["mars", "frobenius", "free"] = Field(
        description="mars: each row of weights has a ball; frobenius: each layer; free: none, the reference"
    )
    radius: float | None = Field(
        None, gt=0, description="of the ball, as a share of the length of its starting weights"
    )

    @model_validator(mode="after")
    def _bounded(self) -> "RelativeBall":
        if (self.norm == "free") != (self.radius is None):
            raise ValueError("radius: norms mars and frobenius need one, norm free takes none")
        return self


def row_lengths(tensor: Tensor) -> Tensor:
    """Return the absolute row sums [R, out] of weights [R, out, in(, k, k)]."""
    return tensor.abs().flatten(2).sum(2)


def layer_length(tensor: Tensor) -> Tensor:
    """Return the Euclidean norm [R, 1] of weights [R, out, in(, k, k)]."""
    return tensor.flatten(1).square().sum(1).sqrt().unsqueeze(1)


LENGTHS: dict[str, Callable[[Tensor], Tensor]] = {"mars": row_lengths, "frobenius": layer_length}


def scale_back(weight: Tensor, start: Tensor, norm: str, radius: Tensor) -> None:
    """Scale the distance of weights [R, out, in(, k, k)] from `start` down to the radius [R, out] or [R, 1], in place.

    Weights inside their ball do not change by a bit.
    """
    difference = weight - start
    length = LENGTHS[norm](difference)
    excess = torch.where(length > radius, 1 - radius / length, 0)
    weight.sub_(difference * excess.view(*excess.shape, *[1] * (weight.dim() - 2)))


def keep_inside(parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], ball: RelativeBall) -> None:
    """Scale all weights of a network back into their balls around the buffers of `initial_weights`, in place.

    Distances and radii are over the columns that the network has: where inputs of a layer leave, both shrink, and the
    next step scales back what lies outside then.
    """
    if ball.radius is None:
        return
    for name, tensor in parameters.items():
        if name.endswith(".weight"):
            start = buffers[INITIAL + name]
            scale_back(tensor.detach(), start, ball.norm, ball.radius * LENGTHS[ball.norm](start))
