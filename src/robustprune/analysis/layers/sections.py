"""Sections of the networks of a table: which are left, which died, and how wide the others are."""

from collections import Counter
from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd

from robustprune.analysis.read import settings_of
from robustprune.analysis.verdicts.over_starts import sized_by_itself
from robustprune.networks.architecture import Architecture
from robustprune.networks.architecture import architecture as find_architecture
from robustprune.networks.sections import GATE
from robustprune.records.record import split_units

CO_ADAPTATION = (
    "Sections adapt to each other: closing the only section of a trained network cost 0.3 to 1.4 nats, training "
    "without it 0.002 (the shipped study, docs/layers.md 2). So an open section can seem a hundred times as valuable "
    "as it is, and a start may keep sections that a new training would not need."
)
"""What every caption on the depth kept must say."""


@cache
def network_of(architecture: str, depth: int) -> Architecture:
    """Return the architecture at a depth."""
    return find_architecture(architecture, depth)


def with_sections(runs: pd.DataFrame) -> pd.DataFrame:
    """Return these rows, each of a network with a depth, with columns on their sections.

    sections_start: sections of all streams before training. open: the names of those that are left, in order. kept:
    their number, NaN for networks without numbers. dead: sections that the method left open and that were removed
    because no unit inside was left. inner_width: mean units inside a section that is left, NaN without any.
    """
    found = [
        _sections(*row) for row in runs[["architecture", "depth", "units_kept", "units_raw"]].itertuples(index=False)
    ]
    names = ["sections_start", "open", "kept", "dead", "inner_width"]
    return runs.assign(**{name: _column(found, place) for place, name in enumerate(names)})


def _column(rows: list[tuple], place: int) -> list:
    return [row[place] for row in rows]


def _sections(architecture: str, depth: int, kept: object, raw: object) -> tuple:
    network = network_of(architecture, depth)
    if not isinstance(kept, str):
        return len(network.sections), (), np.nan, np.nan, np.nan
    names = [slot.name for slot in network.slots]
    units = dict(zip(names, split_units(kept), strict=True))
    left = [gate for gate in network.sections if units[gate]]
    asked = dict(zip(names, split_units(raw), strict=True)) if isinstance(raw, str) else units
    dead = sum(bool(asked[gate]) and not units[gate] for gate in network.sections)
    width = float(np.mean([units[network.sections[gate]] for gate in left])) if left else np.nan
    return len(network.sections), tuple(gate.removesuffix(GATE) for gate in left), float(len(left)), dead, width


def positions(own: pd.DataFrame) -> list[str]:
    """Return the names of the sections of the networks of one start, in order."""
    network = network_of(own["architecture"].iloc[0], int(own["depth"].iloc[0]))
    return [gate.removesuffix(GATE) for gate in network.sections]


def counted(depths: Iterable[float]) -> str:
    """Return how many networks keep each number of sections, "1 (2), 3 (1)": depth 1 twice, depth 3 once."""
    counts = Counter(int(depth) for depth in depths if not np.isnan(depth))
    return ", ".join(f"{depth} ({counts[depth]})" for depth in sorted(counts)) or "-"


def uniform_price(own: pd.DataFrame) -> float:
    """Return the price of every gate of the networks of one strength, NaN where it is not one number."""
    settings = settings_of(own.head(1)).iloc[0]
    price = settings.get("price")
    alone = (
        settings.get("cost", "uniform") == "uniform" and isinstance(price, int | float) and not settings.get("ratios")
    )
    return float(price) if alone else np.nan


def finds_its_depth(own: pd.DataFrame) -> bool:
    """Return whether the networks of one strength could keep another depth from another start."""
    return own["start_of"].isna().all() and own["track"].iloc[0] in ("layers", "joint") and sized_by_itself(own)
