"""Claims: statistics of selected replicates against the bounds of a configuration."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from robustprune.analysis.read import read_detailed_runs, slots
from robustprune.errors import StudyError, nearest
from robustprune.files import write_table
from robustprune.networks.architecture import architecture_names
from robustprune.records.record import split_units
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


def write_claims(claims: Iterable[Claim], source: Path, output: Path) -> pd.DataFrame:
    """Evaluate the claims on runs.csv and details.csv of a folder; write the table and return it.

    A claim whose value cannot be computed (no rows, or a diverged network among them) does not hold.
    """
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
    if claim.statistic not in STATISTICS:
        valid = nearest(claim.statistic, STATISTICS)
        raise StudyError(f"claim {claim.name!r}: unknown statistic {claim.statistic!r}{valid}")
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
