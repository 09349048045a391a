"""The weights that a gate controls (docs/baselines.md section 1), and settings with one value per slot."""

from collections.abc import Mapping

from robustprune.networks.architecture import Architecture, Layer


def controlled_layer(architecture: Architecture, slot: str) -> Layer:
    """Return the layer whose weights the units of a slot control: a filter its own, any other unit its outgoing."""
    return architecture.convolution(slot) or architecture.reader(slot)


def weights_per_gate(architecture: Architecture, units: Mapping[str, int], slot: str, bias: bool) -> int:
    """Return the number of weights that one unit of a slot controls in a network with these units.

    A unit of a convolutional slot controls its filter, with `bias` also the filter's bias. Any other unit or feature
    controls its outgoing weights.
    """
    convolution = architecture.convolution(slot)
    if convolution:
        return (units[convolution.reads] if convolution.reads else 1) * convolution.kernel**2 + int(bias)
    reader = architecture.reader(slot)
    return units[reader.writes] if reader.writes else architecture.classes


def per_slot(value: float | Mapping[str, float], slot: str) -> float:
    """Return the value of a setting that holds one number for all slots, or one number per slot."""
    return value[slot] if isinstance(value, Mapping) else value
