"""A check of collected tables: parameters and MACs of every network follow from its units."""

from pathlib import Path

import pandas as pd

from robustprune.errors import StudyError
from robustprune.gathering.shared import network_named
from robustprune.networks.architecture import Architecture, architecture_names
from robustprune.networks.size import macs, parameters
from robustprune.records.tables import AGAIN
from robustprune.study.cells import NO_DEPTH

SIZES = {"params": parameters, "macs": macs}


def check_sizes(runs: pd.DataFrame, path: Path) -> None:
    """Raise StudyError naming the file, line and column of units that are no counts and of sizes of other units.

    runs: the networks of a runs.csv, in its order. Those of an architecture that is not known here are not checked: its
    plug-in may be elsewhere.
    """
    runs, known = runs.reset_index(drop=True), architecture_names()
    for name, depth in runs[["architecture", "depth"]].drop_duplicates().itertuples(index=False):
        if name in known:
            own = runs[(runs["architecture"] == name) & (runs["depth"] == depth)]
            network = network_named(name, None if depth == NO_DEPTH else depth)
            for units, end in (("units_start", "dense"), ("units_kept", "kept")):
                _check(network, own[own[units].notna()], units, end, path)


def _check(network: Architecture, runs: pd.DataFrame, units: str, end: str, path: Path) -> None:
    """Check the sizes <size>_<end> of networks with the units of a column."""
    slots = [slot.name for slot in network.slots]
    counts = runs[units].astype(str).str.split("-", expand=True).apply(pd.to_numeric, errors="coerce")
    if len(runs) and (counts.shape[1] != len(slots) or counts.isna().any(axis=None)):
        wrong = counts.index[0] if counts.shape[1] != len(slots) else counts.index[counts.isna().any(axis=1)][0]
        raise _error(path, runs, wrong, units, f"{len(slots)} counts, of {', '.join(slots)}")
    by_slot = dict(zip(slots, (counts[column] for column in counts), strict=False))
    for size, count in SIZES.items():
        column = f"{size}_{end}"
        follows = count(network, by_slot) if len(runs) else runs[column]
        other = (runs[column] != follows) & runs[column].notna()
        if other.any():
            wrong = other.index[other][0]
            raise _error(path, runs, wrong, column, f"{follows[wrong]:.0f} of units {runs[units][wrong]}")


def _error(path: Path, runs: pd.DataFrame, row: int, column: str, expected: str) -> StudyError:
    found = f"line {row + 2}, column {column}: expected {expected}, found {runs[column][row]}"
    return StudyError(f"{path}: {found}; {AGAIN}")
