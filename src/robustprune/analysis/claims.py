"""Claims: statistics of selected replicates against the bounds of a configuration."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from robustprune.analysis.read import read_detailed_runs, slots
from robustprune.errors import StudyError, nearest
from robustprune.files import write_table
from robustprune.gathering.details import DETAILS, OF_CELL
from robustprune.networks.architecture import architecture_names
from robustprune.records.record import COLUMNS, split_units
from robustprune.records.tables import BOUNDS
from robustprune.study.config import Claim


def largest_deviation_percent(values: pd.Series, groups: pd.Series) -> float:
    """Return the largest distance of a group mean from the mean of the group means, in percent of the latter."""
    means = values.groupby(groups).mean()
    return float(100 * (means - means.mean()).abs().max() / means.mean())


def ratio_last_to_first(values: pd.Series, groups: pd.Series) -> float:
    """Return the mean of the last group, in sorted order, over that of the first."""
    means = values.groupby(groups).mean().sort_index()
    return float(means.iloc[-1] / means.iloc[0])


STATISTICS: dict[str, Callable[[pd.Series, pd.Series], float]] = {
    "mean": lambda values, groups: float(values.mean()),
    "mean_absolute": lambda values, groups: float(values.abs().mean()),
    "maximum": lambda values, groups: float(values.max()),
    "sum": lambda values, groups: float(values.sum()),
    "not_ok_fraction": lambda values, groups: float((values != "ok").mean()),
    "largest_deviation_percent": largest_deviation_percent,
    "ratio_last_to_first": ratio_last_to_first,
}


OVER_GROUPS = ("largest_deviation_percent", "ratio_last_to_first")
"""Statistics that need `by`."""
OF_STATUS = "not_ok_fraction"
"""The statistic of the column `status`; all others are of numbers."""
FURTHER = (
    *("gates_above_090_fraction", "peak_memory_mib", "target_params", "train_macs_percent"),
    *("inference_ms_dense_batch1", "inference_ms_kept_batch1"),
)
"""Columns of numbers beside those of records.tables.BOUNDS and the units of each slot."""


def check_claims(claims: Iterable[Claim]) -> None:
    """Raise StudyError for a claim with an unknown statistic or column, or whose statistic does not fit its column."""
    claims = list(claims)
    if not claims:
        return  # an architecture that the study does not use may be under work
    units = [f"units_{slot}" for name in architecture_names() for slot in slots(name)]
    numbers = [*BOUNDS, *FURTHER, *units]
    known = [*numbers, *COLUMNS, *DETAILS, *OF_CELL, "point"]
    for claim in claims:
        where = f"claim {claim.name!r}"
        if claim.statistic not in STATISTICS:
            raise StudyError(f"{where}: unknown statistic {claim.statistic!r}{nearest(claim.statistic, STATISTICS)}")
        for column in (*claim.where, claim.column, *([claim.by] if claim.by is not None else [])):
            if column not in known:
                raise StudyError(f"{where}: no column {column!r}{nearest(column, set(known))}")
        if claim.column not in (["status"] if claim.statistic == OF_STATUS else numbers):
            kind = "the column status" if claim.statistic == OF_STATUS else "a column of numbers"
            raise StudyError(f"{where}: {claim.statistic} is a statistic of {kind}, found {claim.column}")
        if claim.statistic in OVER_GROUPS and claim.by is None:
            raise StudyError(f"{where}: {claim.statistic} needs `by`, the column of the groups")


def write_claims(claims: Iterable[Claim], source: Path, output: Path) -> pd.DataFrame:
    """Evaluate the claims on runs.csv and details.csv of a folder; write the table and return it.

    A claim whose value cannot be computed (no rows, or a diverged network among them) does not hold. Raises StudyError
    as check_claims does, and for a column that tables of an older version lack.
    """
    claims = list(claims)
    check_claims(claims)
    runs = _with_details(source)
    table = pd.DataFrame([_evaluate(claim, runs) for claim in claims])
    write_table(table, output)
    return table


def _with_details(source: Path) -> pd.DataFrame:
    runs = read_detailed_runs(source)
    runs["train_macs_percent"] = 100 * runs["train_macs"] / runs["train_macs_dense"]
    for architecture in architecture_names():
        runs[[f"units_{slot}" for slot in slots(architecture)]] = float("nan")
    for index, text in runs["units_kept"].dropna().items():
        for slot, count in zip(slots(runs.at[index, "architecture"]), split_units(text), strict=True):
            runs.loc[index, f"units_{slot}"] = count
    return runs


def _evaluate(claim: Claim, runs: pd.DataFrame) -> dict:
    chosen = runs
    for column, wanted in claim.where.items():
        _require(column, runs, claim)
        chosen = chosen[chosen[column].isin(wanted if isinstance(wanted, list) else [wanted])]
    _require(claim.column, runs, claim)
    values = chosen[claim.column]
    value = float("nan")
    if len(values) and not values.isna().any():
        groups = chosen[claim.by] if claim.by else pd.Series(0, index=chosen.index)
        value = STATISTICS[claim.statistic](values, groups)
    bound, holds = (
        (f"<= {claim.at_most:g}", value <= claim.at_most)
        if claim.at_most is not None
        else (f">= {claim.at_least:g}", value >= claim.at_least)
    )
    return {"claim": claim.name, "value": round(value, 4), "bound": bound, "holds": bool(holds), "n": len(values)}


def _require(column: str, runs: pd.DataFrame, claim: Claim) -> None:
    if column not in runs.columns:
        raise StudyError(f"claim {claim.name!r}: no column {column!r}{nearest(column, map(str, runs.columns))}")
