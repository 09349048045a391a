"""Training images for the initializations that use data."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.networks.architecture import Architecture


@dataclass(frozen=True)
class Examples:
    """The images that a cell trains on, uint8 [N, n], and their labels [N]; no validation or test images."""

    images: Tensor
    labels: Tensor

    def scaled(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the images of an index [B] as [1, B, n] in [0, 1], for a stack of one network."""
        return (self.images[index].to(dtype) / 255).unsqueeze(0)


def require_whole(architecture: Architecture, units: Mapping[str, int], examples: Examples | None) -> Examples:
    """Return the examples; raises StudyError without any, or for a network that takes only a part of each image."""
    for slot in architecture.slots:
        whole = units[slot.parent] * slot.positions if slot.parent else slot.units
        if not slot.hidden and not slot.section and units[slot.name] != whole:
            raise StudyError(
                f"this initialization needs whole images, but slot {slot.name} has {units[slot.name]} of {whole} "
                "features; give controls another initialization"
            )
    if examples is None:
        raise StudyError("this initialization needs training images; pass examples")
    return examples
