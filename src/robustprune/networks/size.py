"""Parameters and multiply-accumulates of a compact network (docs/baselines.md section 16): biases counted, MACs per
image.

Both are multilinear in the unit counts and accept integers, or tensors of expected counts.
"""

from collections.abc import Mapping
from typing import Any

from robustprune.networks.architecture import Architecture, Layer


def _fans(layer: Layer, units: Mapping[str, Any], classes: int) -> tuple[Any, Any]:
    return (units[layer.reads] if layer.reads else 1), (units[layer.writes] if layer.writes else classes)


def parameters(architecture: Architecture, units: Mapping[str, Any]) -> Any:
    """Weights and biases of the network with these units per slot."""
    total = 0
    for layer in architecture.layers:
        fan_in, fan_out = _fans(layer, units, architecture.classes)
        total = total + (layer.kernel**2 * fan_in + 1) * fan_out
    return total


def macs(architecture: Architecture, units: Mapping[str, Any]) -> Any:
    """Multiply-accumulates for one image (FLOPs = 2 MACs); biases and pooling are not counted."""
    total = 0
    for layer in architecture.layers:
        fan_in, fan_out = _fans(layer, units, architecture.classes)
        total = total + layer.positions * layer.kernel**2 * fan_in * fan_out
    return total
