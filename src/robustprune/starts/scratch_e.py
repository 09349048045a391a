"""Scratch-E: the network that a method kept with new random weights, trained for the common epochs (Liu et al., ICLR
2019; docs/baselines.md section 14)."""

from robustprune.starts.parts.control import FreshControl


class ScratchE(FreshControl):
    """Same units (on track full also the same inputs), weights drawn anew for the network's own fans."""
