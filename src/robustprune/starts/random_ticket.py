"""Random ticket: as many units per slot as a method kept, chosen at random, with their initial weights (Frankle and
Carbin, ICLR 2019; docs/baselines.md section 14)."""

from collections.abc import Mapping

import torch

from robustprune.starts.parts.base import Units
from robustprune.starts.parts.control import Control, ControlSettings


class RandomTicket(Control[ControlSettings]):
    """Numbers of units as in the source, random units of the same initial network.

    Where sections were gated, those of a stream change places at random, each with the number of its units.
    """

    layer_gates = True

    def units(self, replicate: int) -> Units:
        counts = self.kept_counts(replicate)
        return self.random_units(replicate, counts | self._shuffled(replicate, counts))

    def _shuffled(self, replicate: int, counts: Mapping[str, int]) -> dict[str, int]:
        """Return the counts of gates and inner slots of sections, in a random order of the sections of each stream."""
        architecture = self.context.architecture
        by_stream: dict[str | None, list[str]] = {}
        for gate in architecture.sections:
            if gate in self.context.gated:
                by_stream.setdefault(architecture.output(gate).writes, []).append(gate)
        shuffled: dict[str, int] = {}
        for gates in by_stream.values():
            order = torch.stack([self.ranks[gate][replicate, 0] for gate in gates]).argsort().tolist()
            for gate, place in zip(gates, order, strict=True):
                inside, source = architecture.sections[gate], architecture.sections[gates[place]]
                shuffled |= {gate: counts[gates[place]], inside: counts[source]}
        return shuffled
