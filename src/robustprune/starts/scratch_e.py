"""Scratch-E: the found network with new random weights, trained for the common epochs (Liu et al., ICLR 2019;
baselines.md section 14)."""

from robustprune.starts.parts.control import Control, Units


class ScratchE(Control):
    """Same units (on track full also the same inputs), weights drawn anew for the network's own fans."""

    fresh_weights = True

    def units(self, replicate: int) -> Units:
        return dict(self.context.found[replicate])
