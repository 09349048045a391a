"""Controls that a merge would set beside networks which they did not start from."""

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from robustprune.study.cells import AXES, cell_key

SAME = ["replicate", "seed", "units_kept", "params_kept", "source_hash"]
"""Columns of runs.csv by which the networks of a cell are the same in two folders."""
REASON = "its source was replaced by that of another folder; train it again"


def stale_controls(collected: Sequence[Mapping[str, pd.DataFrame]], dropped: Sequence[set[str]]) -> list[str]:
    """Return the controls whose source comes from another folder, with other networks than those they started from.

    collected: the tables of each folder, by cell key. dropped: the cells that are not taken from it.
    """
    owner = {
        key: number
        for number, tables in enumerate(collected)
        for key in dict.fromkeys(tables["runs.csv"].index)
        if key not in dropped[number]
    }
    found = []
    for number, tables in enumerate(collected):
        details = tables["details.csv"]
        controls = details[details["start_of"].notna() & ~details.index.isin(dropped[number])]
        for key, row in controls[~controls.index.duplicated()].iterrows():
            source = _source(row)
            other = owner.get(source, number)
            replaced = other != number and source in tables["runs.csv"].index
            if replaced and not _networks(tables, source).equals(_networks(collected[other], source)):
                found.append(str(key))
    return found


def _source(row: pd.Series) -> str:
    """Return the key of the cell whose networks a control starts from (study.cells.Cell.source_key)."""
    method, _, strength = str(row["start_of"]).partition("/")
    settings = json.loads(row["settings"]) if isinstance(row["settings"], str) else {}
    axes = row[list(AXES)].to_dict() | {"method": method, "strength": strength}
    return cell_key((axes | {"dataset": settings.get("of_dataset") or axes["dataset"]})[name] for name in AXES)


def _networks(tables: Mapping[str, pd.DataFrame], key: str) -> pd.DataFrame:
    networks = tables["runs.csv"].loc[[key], SAME].sort_values("replicate").reset_index(drop=True)
    return networks.astype({"params_kept": float}).astype(str)  # a column with a hole elsewhere has fractions
