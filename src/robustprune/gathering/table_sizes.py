"""A check of collected tables: parameters and MACs of every network follow from its units."""

from pathlib import Path

import pandas as pd

from robustprune.errors import StudyError
from robustprune.gathering.shared import network_named
from robustprune.methods.parts.schedule import SIZES
from robustprune.networks.architecture import Architecture, architecture_names
from robustprune.records.tables import AGAIN
from robustprune.study.cells import NO_DEPTH


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
                if (known_units := own[units].notna()).any():
                    _check(network, own[known_units], units, end, path)


def _check(network: Architecture, runs: pd.DataFrame, units: str, end: str, path: Path) -> None:
    """Check the sizes <size>_<end> of networks with the units of a column."""
    slots, text = [slot.name for slot in network.slots], runs[units].astype(str)
    counts = text.str.split("-", expand=True).iloc[:, : len(slots)].apply(pd.to_numeric, errors="coerce")
    right = (text.str.count("-") == len(slots) - 1) & counts.notna().all(axis=1)
    if not right.all():
        raise _error(path, runs, right.idxmin(), units, f"{len(slots)} counts, of {', '.join(slots)}")
    by_slot = {slot: counts[place] for place, slot in enumerate(slots)}
    for size, count in SIZES.items():
        column, follows = f"{size}_{end}", count(network, by_slot)
        other = (runs[column] != follows) & runs[column].notna()
        if other.any():
            wrong = other.idxmax()
            raise _error(path, runs, wrong, column, f"{follows[wrong]:.0f} of units {runs[units][wrong]}")


def _error(path: Path, runs: pd.DataFrame, row: int, column: str, expected: str) -> StudyError:
    found = f"line {row + 2}, column {column}: expected {expected}, found {runs[column][row]}"
    return StudyError(f"{path}: {found}; {AGAIN}")
