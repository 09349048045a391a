"""How many weights a gate switches, as the L0 papers count them (baselines.md sections 1 and 2)."""

from collections.abc import Mapping

from robustprune.networks.architecture import Architecture


def weights_per_gate(architecture: Architecture, units: Mapping[str, int], slot: str, bias: bool) -> int:
    """Weights that go with one unit of a slot in the starting network: those of its filter (with `bias`: its bias too)
    for a convolution's output, else the outgoing ones of a unit or feature."""
    writer = architecture.writer(slot)
    if writer is not None and writer.kernel > 1 and not architecture.slot(slot).parent:
        return (units[writer.source] if writer.source else 1) * writer.kernel**2 + int(bias)
    reader = architecture.reader(slot)
    return units[reader.target] if reader.target else architecture.classes


def per_slot(value: float | Mapping[str, float], slot: str) -> float:
    """A strength given once for all slots, or by slot."""
    return value[slot] if isinstance(value, Mapping) else value
