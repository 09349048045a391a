"""Operating points: for each method the smallest network within a margin of dense validation error.

Nothing is chosen by test images: only error_valid_percent is read (docs/protocol.md).
"""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from robustprune.analysis.read import NETWORK, read_detailed_runs
from robustprune.analysis.select import STANDARD_START, standard
from robustprune.errors import StudyError
from robustprune.files import write_text

MARGIN = 0.2


def operating_points(runs: pd.DataFrame, margin: float = MARGIN) -> list[dict[str, Any]]:
    """Return one entry per network, track and method: the chosen strength, and the evidence.

    Chosen is the strength of fewest mean params whose mean validation error is at most that of dense training plus
    `margin` percentage points; None where no strength is. A strength with a network that is not ok is not chosen.
    Raises StudyError for an architecture without dense networks, and where no images were held out.
    """
    runs = standard(runs)
    runs = runs[runs["start_of"].isna()]
    if runs.empty:
        raise StudyError(f"no networks of the standard start ({STANDARD_START}); add it to the sweep")
    if runs["error_valid_percent"].isna().all():
        raise StudyError("no validation errors in these runs; train with training.images: tuning (config/tune.yaml)")
    points = []
    for key, group in runs.groupby(NETWORK, sort=True):
        dense = runs[(runs["dataset"] == key[0]) & (runs["architecture"] == key[1]) & (runs["method"] == "dense")]
        if dense.empty:
            raise StudyError(f"no dense networks of {key[1]} on {key[0]}; add dense to the sweep")
        bound = float(dense.drop_duplicates("replicate")["error_valid_percent"].mean()) + margin
        for method, own in group[group["method"] != "dense"].groupby("method", sort=True):
            strengths = _evidence(own)
            fitting = [s for s in strengths if s["all_ok"] and s["error_valid_percent"] <= round(bound, 4)]
            chosen = min(fitting, key=lambda s: s["params_kept"], default=None)
            axes = dict(zip(NETWORK, key, strict=True))
            choice = {"strength": chosen["strength"] if chosen else None, "bound_percent": round(bound, 4)}
            points.append({**axes, "method": method, **choice, "strengths": strengths})
    return points


def _evidence(own: pd.DataFrame) -> list[dict[str, Any]]:
    """Return kept params and validation error of each strength, largest network first."""
    entries = []
    for strength, group in own.groupby("strength", sort=False):
        entry = {"strength": strength, "params_kept": round(float(group["params_kept"].mean()), 1)}
        entry["error_valid_percent"] = round(float(group["error_valid_percent"].mean()), 4)
        entries.append({**entry, "n": len(group), "all_ok": bool((group["status"] == "ok").all())})
    return sorted(entries, key=lambda s: -s["params_kept"])


def write_operating_points(source: Path, output: Path, margin: float = MARGIN, force: bool = False) -> list[dict]:
    """Write the operating points of the runs.csv in `source` as YAML; return them.

    Raises StudyError where `output` exists and `force` is false, so that no committed choice is replaced by accident.
    """
    if output.exists() and not force:
        raise StudyError(f"{output}: exists already; give --force to replace it")
    points = operating_points(read_detailed_runs(source), margin)
    text = (
        f"# Smallest network whose mean validation error is at most dense + {margin:g} points, by method.\n"
        "# Made by `robustprune choose`; strengths are the evidence, largest network first.\n"
    )
    text += yaml.safe_dump(points, sort_keys=False)
    write_text(output, text)
    return points
