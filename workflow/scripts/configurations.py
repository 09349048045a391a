"""Table of config/README.md: the shipped configurations, and what `robustprune plan` estimates for them."""

from pathlib import Path

from markdown_tables import markdown
from shipped_numbers import REFERENCE, REPOSITORY, before_any_run

from robustprune.gathering.planned import planned_cells
from robustprune.gathering.timings import cell_seconds, read_timings

STUDIES = {
    "smoke": "every part of the pipeline on scikit-learn's 8 x 8 digits; no download",
    "quick": "cells of the shipped study with three seeds, and whether they are consistent with it",
    "settings": "gate rates, thresholds and an optimizer of baselines, on the tuning split: what the search takes",
    "ablations": "one-factor changes of the method at three strengths, on the tuning split",
    "probes": "the method's gates read while it trains: false removals, certified sets, estimators",
    "layers": "the depth that the method finds from several starting depths; units and sections together",
    "related": "three related systems: initial imbalance, sizes without labels, local predictors of random blocks",
    "smallest_width": "the smallest width that fits N images, beside the width that is kept; 14 searches more",
    "mars": "balls around starting weights: during pruning, and in fine-tuning of pruned and dense networks",
    "config": "the study: a search for operating points, then every method over starting sizes and initializations",
}
"""Files in config/, and what each is."""


def times() -> str:
    """Every shipped configuration, its size, and what `robustprune plan` estimates for it."""
    rows = []
    for name, what in STUDIES.items():
        hours, cells, unknown = core_hours(REPOSITORY / "config" / f"{name}.yaml")
        time = f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"
        time += f" (and {unknown} cells of unknown time)" if unknown else ""
        rows.append([f"`{name}.yaml`", what, cells, "less than 1 min" if time == "0 min" else time])
    return markdown(["file", "what it is", "cells", "time of one core (`robustprune plan`)"], *rows)


def core_hours(path: Path) -> tuple[float, int, int]:
    """Hours of one core that `robustprune plan` estimates for a configuration, its cells, and those of unknown time."""
    timings = read_timings(REFERENCE / "bench.json")
    cells = planned_cells(before_any_run(path)).values()
    seconds = [cell_seconds(cell, timings) for cell in cells]
    known = [value for value in seconds if value is not None]
    return sum(known) / 3600, len(seconds), len(seconds) - len(known)
