"""How large the study is, and how long it takes on some cores, for docs/cluster.md."""

import textwrap

from markdown_tables import markdown
from shipped_numbers import REFERENCE, STUDY

from robustprune.gathering.forecast import plan_of, waiting, with_mean
from robustprune.gathering.planned import planned_cells
from robustprune.gathering.priority import Priorities
from robustprune.gathering.timings import SIDE_BY_SIDE, cell_seconds, read_timings
from robustprune.study.config import load_study

CORES = (1, 10, 40, 100, 1000)


def on_cores() -> str:
    """The study by `robustprune plan`: cells, networks, core-hours, and a row per number of cores."""
    config, timings = load_study(STUDY), read_timings(REFERENCE / "bench.json")
    cells = planned_cells(config)
    seconds = with_mean({key: cell_seconds(cell, timings) for key, cell in cells.items()})
    priorities, plan = Priorities(cells.values(), timings), plan_of(config)
    rows = []
    for cores in CORES:
        end = waiting(plan, seconds, priorities, cores) / 3600
        longest = (SIDE_BY_SIDE if cores > 1 else 1.0) * max(seconds.values()) / 60
        takes = f"{end:.0f} h" if end >= 20 else f"{end:.1f} h"
        rows.append([f"{cores:,}", takes, len(cells), -(-len(cells) // cores), f"{longest:.0f} min"])
    networks = sum(cell.replicates for cell in cells.values())
    text = (
        f"`config/config.yaml` is {len(cells)} cells, {networks:,} networks and {sum(seconds.values()) / 3600:.0f} "
        "core-hours. By `robustprune plan --config config/config.yaml --cores N`, with N cores in all (ten nodes of 16 "
        "cores are N = 160):"
    )
    table = markdown(["cores", "study takes", "jobs", "cells per core", "longest cell"], *rows)
    return f"{textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)}\n\n{table}"
