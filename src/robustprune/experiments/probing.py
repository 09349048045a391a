"""All probes of one cell, and the tables that they leave beside its record."""

from pathlib import Path

from robustprune.engine.probe import Probe
from robustprune.engine.training import Training
from robustprune.experiments.probes.base import GateProbe
from robustprune.experiments.probes.bounds import Bounds
from robustprune.experiments.probes.estimates import Estimates
from robustprune.experiments.probes.gate_values import GateValues
from robustprune.experiments.probes.removals import Removals
from robustprune.files import write_table
from robustprune.study.probed import PROBE_TABLES


class Probes(Probe):
    """Every probe, one after the other."""

    def __init__(self) -> None:
        probes: tuple[GateProbe, ...] = (Removals(), Bounds(), GateValues(), Estimates())
        self.probes = dict(zip(PROBE_TABLES, probes, strict=True))

    def after_step(self, training: Training) -> None:
        """Call every probe after a step."""
        for probe in self.probes.values():
            probe.after_step(training)

    def after_epoch(self, training: Training) -> None:
        """Call every probe after an epoch."""
        for probe in self.probes.values():
            probe.after_epoch(training)

    def write(self, folder: Path) -> None:
        """Write the table of each to <name>.parquet."""
        for name, probe in self.probes.items():
            write_table(probe.table(), folder / f"{name}.parquet")
