"""Which cells of the study the shipped results lack, for results/reference/FINDINGS.md."""

from collections import defaultdict
from collections.abc import Iterable

from markdown_tables import markdown
from shipped_numbers import REFERENCE, STUDY, before_any_run

from robustprune.analysis.labels import network_title
from robustprune.analysis.read import read_detailed_runs
from robustprune.gathering.planned import with_points
from robustprune.study.cells import Cell, study_cells
from robustprune.study.config import load_study


def by_part() -> str:
    """Return a row per part of config/config.yaml and network: how many cells it asks for, how many have shipped
    networks, and the methods of the others."""
    names, rows = _names_of_runs(), [["part", "network", "cells", "have run", "not run"]]
    for part in dict.fromkeys(grid.part for grid in load_study(STUDY).study):
        networks = defaultdict(list)
        for cell in _cells(part):
            networks[network_title(cell.dataset, cell.architecture, cell.track)].append(cell)
        for title, cells in networks.items():
            lacking = [cell for cell in cells if not _has_run(cell, names[_place(cell.key)])]
            rows.append([f"`{part}`", title, len(cells), len(cells) - len(lacking), _methods(lacking, len(cells))])
    return markdown(*rows)


def _cells(part: str) -> Iterable[Cell]:
    """Return the cells of a part; those at operating points that no search has found stand at values in their place."""
    return study_cells(with_points(before_any_run(STUDY, parts=[part]))).values()


def _has_run(cell: Cell, names: dict[str, int]) -> bool:
    return any(cell.strength.endswith(name) and networks >= cell.replicates for name, networks in names.items())


def _names_of_runs() -> dict[tuple[str, str], dict[str, int]]:
    """Return place of a cell -> name of its strength before a search -> number of shipped networks."""
    names: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for folder in (REFERENCE, REFERENCE / "controls"):
        runs = read_detailed_runs(folder)
        counts = runs["key"].value_counts()
        runs = runs.drop_duplicates("key")
        for run in runs.assign(point=runs["point"].fillna(runs["strength"])).to_dict("records"):
            name = run["point"]
            changed = run["strength"].endswith(f"_{run['variant']}")
            name = f"{name}_{run['variant']}" if changed else name
            names[_place(run["key"])][name] = int(counts[run["key"]])
    return names


def _place(key: str) -> tuple[str, str]:
    """Return what stands before and after the strength in the key of a cell."""
    dataset, network, method, _, *start = key.split("/")
    return "/".join([dataset, network, method]), "/".join(start)


def _methods(lacking: list[Cell], asked: int) -> str:
    if len(lacking) == asked:
        return "all"
    return ", ".join(f"`{name}`" for name in dict.fromkeys(cell.method for cell in lacking)) or "-"
