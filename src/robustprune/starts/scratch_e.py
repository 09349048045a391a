"""Scratch-E: the network that a method kept with new random weights, trained for the common epochs (Liu et al., ICLR
2019; docs/baselines.md section 14)."""

from robustprune.starts.parts.control import ControlSettings, FreshControl


class ScratchE(FreshControl[ControlSettings]):
    """New weights for the source's units; on track full the inputs are those of the source too."""

    layer_gates = True
