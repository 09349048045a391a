"""What a study reads of a cell while it trains."""

from robustprune.engine.probe import Probe
from robustprune.experiments.probing import Probes
from robustprune.experiments.related.moved import Leaving
from robustprune.study.cells import Cell
from robustprune.study.config import StudyConfig
from robustprune.study.probed import PROBE_TABLES, is_probed
from robustprune.study.related import MOVED, is_watched


def probe_of(config: StudyConfig, cell: Cell) -> Probe | None:
    """Return the probe that the study asks for (`probes`, `related`), or None."""
    if config.probes and is_probed(cell):
        return Probes()
    if config.related and is_watched(cell):
        return Leaving()
    return None


def tables_of(config: StudyConfig, cell: Cell) -> tuple[str, ...]:
    """Return the names of the tables that this probe leaves beside the record."""
    if config.probes and is_probed(cell):
        return PROBE_TABLES
    return (MOVED,) if config.related and is_watched(cell) else ()
