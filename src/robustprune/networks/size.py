"""Parameters and multiply-accumulates of a compact network (docs/baselines.md section 16).

Both are multilinear in the unit counts and take integers, or tensors of expected counts. The layers of a section count
as often as its gate is open.
"""

from collections.abc import Mapping
from typing import Any

from robustprune.networks.architecture import Architecture, Layer


def _fans(layer: Layer, units: Mapping[str, Any], classes: int) -> tuple[Any, Any]:
    return (units[layer.reads] if layer.reads else 1), (units[layer.writes] if layer.writes else classes)


def parameters(architecture: Architecture, units: Mapping[str, Any]) -> Any:
    """Return the number of weights and biases of a network with these units per slot."""
    total = 0
    for layer in architecture.layers:
        fan_in, fan_out = _fans(layer, units, architecture.classes)
        total = total + _shared(layer, (layer.kernel**2 * fan_in + int(layer.bias)) * fan_out, units)
    return total


def macs(architecture: Architecture, units: Mapping[str, Any]) -> Any:
    """Return the multiply-accumulates for one image (FLOPs = 2 MACs), without biases and pooling."""
    total = 0
    for layer in architecture.layers:
        total = total + _layer_macs(architecture, layer, units)
    return total


def first_layer_macs(architecture: Architecture, units: Mapping[str, Any]) -> Any:
    """Return the multiply-accumulates of the first layer for one image."""
    return _layer_macs(architecture, architecture.layers[0], units)


def _layer_macs(architecture: Architecture, layer: Layer, units: Mapping[str, Any]) -> Any:
    fan_in, fan_out = _fans(layer, units, architecture.classes)
    return _shared(layer, layer.positions * layer.kernel**2 * fan_in * fan_out, units)


def _shared(layer: Layer, count: Any, units: Mapping[str, Any]) -> Any:
    return count * units[layer.within] if layer.within else count
