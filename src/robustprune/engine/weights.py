"""Initial weights of a cell's networks: each replicate draws from a stream of its own, on the CPU."""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.initialization import initial_parameters
from robustprune.initialization.examples import Examples
from robustprune.networks.architecture import architecture
from robustprune.study.cells import Cell, stream_seed


class InitialWeights:
    """Draws of a cell's initialization; some initializations read the training images."""

    def __init__(self, cell: Cell, examples: Examples, dtype: torch.dtype, device: str):
        self.cell, self.examples, self.dtype, self.device = cell, examples, dtype, device

    def stacked(self, units: Mapping[str, int]) -> dict[str, Tensor]:
        """Return the weights of all replicates, "<layer>.weight" [R, out, in(, k, k)] and "<layer>.bias" [R, out]."""
        return self._drawn(units, "weights", range(self.cell.replicates))

    def again(self, replicate: int, units: Mapping[str, int]) -> dict[str, Tensor]:
        """Return one replicate's fresh weights, without the axis R, from a stream separate from its first one."""
        return {name: tensor[0] for name, tensor in self._drawn(units, "weights again", [replicate]).items()}

    def _drawn(self, units: Mapping[str, int], stream: str, replicates: range | list[int]) -> dict[str, Tensor]:
        seeds = [stream_seed(self.cell.seed(replicate), stream) for replicate in replicates]
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        network = architecture(self.cell.architecture, self.cell.depth)
        drawn = initial_parameters(network, units, self.cell.initialization, generators, self.dtype, self.examples)
        return {name: tensor.to(self.device) for name, tensor in drawn.items()}
