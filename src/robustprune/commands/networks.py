"""Finished networks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustprune.study.cells import Cell
    from robustprune.study.config import StudyConfig


def export(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.export import export

    for path in export(arguments.cell, arguments.replicate, arguments.output, onnx=not arguments.no_onnx):
        print(path)


def unit_values(arguments: argparse.Namespace) -> None:
    from functools import cache

    from robustprune.data.datasets import load
    from robustprune.experiments.unit_values import write_unit_values
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    priced = {key: cell for key, cell in study_cells(config).items() if "price" in cell.settings}
    datasets = cache(lambda name: load(name, config.data))
    print(f"{arguments.output}: {write_unit_values(_trained(config, priced), datasets, arguments.output)} rows")


def related(arguments: argparse.Namespace) -> None:
    from functools import cache

    from robustprune.data.datasets import load
    from robustprune.experiments.related.measure import write_related
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study
    from robustprune.study.related import pruned_cells

    config = load_study(arguments.config)
    cells = _trained(config, pruned_cells(study_cells(config), config.foreign))
    written = write_related(cells, cache(lambda name: load(name, config.data)), arguments.output or Path(config.root))
    for path, rows in written.items():
        print(f"{path}: {rows} rows")


def probed(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.probed import write_probed
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study
    from robustprune.study.probed import probed_cells

    config = load_study(arguments.config)
    runs = Path(config.root, "runs")
    print(*write_probed(runs, probed_cells(study_cells(config)), arguments.output or Path(config.root)), sep="\n")


def _trained(config: StudyConfig, cells: Mapping[str, Cell]) -> dict[Path, Cell]:
    """Return folder -> cell; of a study that trains no more (results: partial) those cells that left networks."""
    from robustprune.networks.archive import FILE

    folders = {Path(config.root, "runs", key): cell for key, cell in cells.items()}
    partial = config.results == "partial"
    return {folder: cell for folder, cell in folders.items() if not partial or (folder / FILE).exists()}
