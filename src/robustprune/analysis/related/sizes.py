"""Kept and predicted units of every network and slot, and the one number that is fitted (docs/protocol.md, B25)."""

import numpy as np
import pandas as pd

from robustprune.analysis.read import CELL, slots
from robustprune.analysis.related.spectra import effective_rank, predicted_units
from robustprune.analysis.select import standard, studied
from robustprune.analysis.statistics import mean_interval
from robustprune.analysis.verdicts.over_starts import logarithms
from robustprune.networks.architecture import architecture as find_architecture
from robustprune.records.record import split_units
from robustprune.study.roles import METHOD_UNDER_STUDY

FAMILY = ["architecture", "track"]
"""Networks that share one fitted number."""
DELTAS = np.geomspace(1e-4, 0.9, 400)
COLUMNS = [*CELL, "replicate", "seed", "status", "slot", "kept", "variances"]


def kept_beside_variances(runs: pd.DataFrame, measured: pd.DataFrame | None) -> pd.DataFrame:
    """Return a row per network and slot of the method under study: kept units and the variances of its start.

    measured: the table of experiments/related/label_free.py. `kept` is NaN in networks without numbers; those without
    measured starts are left out, and slots that the track does not gate, which are always wholly kept.
    """
    if measured is None or not len(runs):
        return pd.DataFrame(columns=COLUMNS)
    known = studied(runs)
    known = known[known["method"] == METHOD_UNDER_STUDY]
    rows = [
        {"row": row, "slot": slot, "kept": units}
        for row, architecture, track, text in known[["architecture", "track", "units_kept"]].itertuples()
        for slot, units in _by_slot(architecture, track, text)
    ]
    kept = known.join(pd.DataFrame(rows, columns=["row", "slot", "kept"]).set_index("row"), how="inner")
    starts = measured.drop_duplicates(["seed", "slot"])[["seed", "slot", "variances"]]
    return kept.merge(starts, on=["seed", "slot"])[COLUMNS]


def _by_slot(architecture: str, track: str, units: str | float) -> list[tuple[str, float]]:
    """Return the kept units of every slot that the track gates, NaN in a network without numbers."""
    names = slots(architecture)
    counts = split_units(units) if isinstance(units, str) else [np.nan] * len(names)
    gated = find_architecture(architecture).gated(track)
    return [(name, count) for name, count in zip(names, counts, strict=True) if name in gated]


def fitted_cells(networks: pd.DataFrame) -> dict[tuple, tuple]:
    """Return architecture and track -> the cell that delta is fitted on: the first at the standard start.

    Cells with a number for every slot come before the others, whose networks diverged, failed or keep nothing there.
    """
    start = standard(networks)
    start = start.assign(known=~np.isnan(logarithms(start["kept"])))
    by_slot = start.groupby([*CELL, "slot"], sort=False)["known"].any()
    cells = by_slot.groupby(level=CELL, sort=False).all().reset_index()
    first = cells.sort_values("known", ascending=False, kind="stable").drop_duplicates(FAMILY)
    return {tuple(row[name] for name in FAMILY): tuple(row[name] for name in CELL) for _, row in first.iterrows()}


def fitted_delta(own: pd.DataFrame) -> float:
    """Return the delta of DELTAS whose predictions are nearest to the units that one cell keeps.

    Nearest: least sum over slots of squared differences of mean log units; of several the smallest. NaN where no
    network has a number for some slot.
    """
    by_slot = [part for _, part in own.groupby("slot", sort=False)]
    kept = np.array([mean_interval(logarithms(part["kept"])).mean for part in by_slot])
    errors = []
    for delta in DELTAS:
        found = [logarithms([predicted_units(v, delta) for v in part["variances"]]).mean() for part in by_slot]
        errors.append(((np.array(found) - kept) ** 2).sum())
    return float(DELTAS[int(np.nanargmin(errors))]) if not np.isnan(errors).all() else np.nan


def predictions(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of families with a cell at the standard start, with delta, fitted, predicted, effective_rank.

    fitted: whether the row is of the cell that delta is fitted on. delta and predicted are NaN where no such cell has
    numbers.
    """
    parts = []
    cells = networks[CELL].apply(tuple, axis=1) if len(networks) else pd.Series(dtype=object)
    for family, cell in fitted_cells(networks).items():
        own = networks[(networks[FAMILY].apply(tuple, axis=1) == family)]
        fitted = cells[own.index] == cell
        delta = fitted_delta(own[fitted])
        units = [np.nan if np.isnan(delta) else predicted_units(values, delta) for values in own["variances"]]
        ranks = [effective_rank(values) for values in own["variances"]]
        parts.append(own.assign(delta=delta, fitted=fitted, predicted=units, effective_rank=ranks))
    extra = ["delta", "fitted", "predicted", "effective_rank"]
    return pd.concat(parts) if parts else pd.DataFrame(columns=[*COLUMNS, *extra])
