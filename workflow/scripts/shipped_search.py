"""Write results/reference/search/config.yaml: the cells of the shipped search, with their settings, as a study.

The search itself chose the strengths while it ran; with this file any of its cells can be shown and trained again. Run
it after further cells were merged into results/reference/search (results/reference/README.md).
"""

import json
from typing import Any

import pandas as pd
import yaml
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from shipped_numbers import REFERENCE, REPOSITORY

from robustprune.files import write_text
from robustprune.methods.parts.registry import find_method
from robustprune.study.config import load_study
from robustprune.study.training_settings import TrainingSettings

HEAD = """\
# The cells of the shipped search: every strength that it tried, by the images and seeds kept for it. Made by
# workflow/scripts/shipped_search.py. Keys: config/README.md.
"""
GRID = ["dataset", "architecture", "replicates", "training"]


def config(details: pd.DataFrame) -> dict:
    """Return the study whose cells are those of details, a row per network; settings are those that differ from the
    method's own."""
    # a strength can have run at both budgets
    cells = details.groupby(["dataset", "architecture", "method", "strength", "training"], sort=False)
    table = cells.agg(settings=("settings", "first"), replicates=("replicate", "size")).reset_index("training")
    strengths: dict[str, dict] = {}
    for (_, _, method, strength), row in table.iterrows():
        own = find_method(method).Settings.model_fields
        given = json.loads(row["settings"]).items()
        given = {name: value for name, value in given if _differs(own[name], value)}
        strengths.setdefault(method, {})[strength] = given
    trained = [TrainingSettings.model_validate_json(text).model_dump() for text in table["training"]]
    training = trained[0]
    table["training"] = [json.dumps(_differing(own, training)) for own in trained]
    grids = []
    for (dataset, architecture, replicates, changes), group in table.reset_index().groupby(GRID, sort=False):
        methods = {method: own["strength"].tolist() for method, own in group.groupby("method", sort=False)}
        grid = {"dataset": dataset, "architecture": architecture, "methods": methods, "replicates": replicates}
        grids.append(grid | ({"training": json.loads(changes)} if changes != "{}" else {}))
    first = load_study(REPOSITORY / "config" / "config.yaml").search[0].first_replicate
    return {
        "root": "results/search",
        "results": "auto",
        "training": {name: training[name] for name in ("l2", "images")},
        "strengths": strengths,
        "study": [grid | {"first_replicate": first} for grid in grids],
    }


def _differing(own: dict, common: dict) -> dict:
    """Return the training settings of a cell that are not the common ones."""
    return {name: value for name, value in own.items() if value != common[name]}


def _differs(field: FieldInfo, value: Any) -> bool:
    """Return whether a value is not the one that a setting has by itself."""
    return field.is_required() or to_jsonable_python(field.get_default(call_default_factory=True)) != value


if __name__ == "__main__":
    folder = REFERENCE / "search"
    written = config(pd.read_csv(folder / "details.csv"))
    text = yaml.safe_dump(written, sort_keys=False, default_flow_style=None, width=110)
    write_text(folder / "config.yaml", HEAD + text)
