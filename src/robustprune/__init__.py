"""Reference study of robust structured pruning (README.md).

The names below are what programs of one's own and plug-ins use (docs/how-to-plugins.md). Each is imported from its home
when it is first used, so that `import robustprune` loads neither torch nor pandas.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

HOMES = {
    "Architecture": "robustprune.networks.architecture",
    "Cell": "robustprune.study.cells",
    "Collected": "robustprune.analysis.read",
    "Context": "robustprune.methods.parts.base",
    "Control": "robustprune.starts.parts.control",
    "Criterion": "robustprune.methods.parts.criterion",
    "DataSettings": "robustprune.study.data_settings",
    "Dataset": "robustprune.data.datasets",
    "DatasetReader": "robustprune.data.reader",
    "Layer": "robustprune.networks.architecture",
    "Method": "robustprune.methods.parts.base",
    "Moment": "robustprune.methods.parts.moment",
    "NpyFolder": "robustprune.data.npy_folder",
    "OfAnyDepth": "robustprune.networks.architecture",
    "PhaseSettings": "robustprune.methods.parts.phased",
    "PhasedGates": "robustprune.methods.parts.phased",
    "ScheduleSettings": "robustprune.methods.parts.schedule",
    "Settings": "robustprune.study.strict",
    "Slot": "robustprune.networks.architecture",
    "Start": "robustprune.starts.parts.base",
    "StartContext": "robustprune.starts.parts.base",
    "StudyConfig": "robustprune.study.config",
    "StudyError": "robustprune.errors",
    "TrainingSettings": "robustprune.study.training_settings",
    "bottlenecks": "robustprune.networks.sections",
    "check_cell": "robustprune.starts.parts.registry",
    "incoming_norm": "robustprune.methods.parts.base",
    "load_dataset": "robustprune.data.datasets",
    "load_network": "robustprune.gathering.export",
    "load_study": "robustprune.study.config",
    "over_slot_mean": "robustprune.methods.parts.criterion",
    "read_exported": "robustprune.gathering.export",
    "read_order": "robustprune.engine.programs",
    "read_results": "robustprune.analysis.read",
    "run_cell": "robustprune.engine.running",
    "spread": "robustprune.methods.parts.estimators",
    "study_cells": "robustprune.study.cells",
}
"""Public name -> the module that it comes from. Type checkers read the same from __init__.pyi."""
# pairs, not a dictionary: records/code_hash.py reads dictionaries of this file as names and their homes
NAMES_AT_HOME = (("Settings", "Strict"), ("load_dataset", "load"), ("read_results", "read_collected"))

__all__ = ["__version__", *HOMES]

try:
    __version__ = version("robustprune")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(HOMES[name]), dict(NAMES_AT_HOME).get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
