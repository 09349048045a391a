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
    from robustprune.study.priced import priced_cells

    config = load_study(arguments.config)
    priced = priced_cells(study_cells(config))
    datasets = cache(lambda name: load(name, config.data))
    print(f"{arguments.output}: {write_unit_values(_trained(config, priced), datasets, arguments.output)} rows")


def related(arguments: argparse.Namespace) -> None:
    from functools import cache

    from robustprune.data.datasets import load
    from robustprune.experiments.related.measure import write_related
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study
    from robustprune.study.related import measured_cells

    config = load_study(arguments.config)
    cells = _trained(config, measured_cells(study_cells(config), config.foreign))
    written = write_related(cells, cache(lambda name: load(name, config.data)), arguments.output or Path(config.root))
    for path, rows in written.items():
        print(f"{path}: {rows} rows")


def smallest_width(arguments: argparse.Namespace) -> None:
    import torch

    from robustprune.data.datasets import load
    from robustprune.engine.denormals import flushed_denormals
    from robustprune.errors import StudyError, nearest
    from robustprune.experiments.smallest_width.search import join_searches, search_width
    from robustprune.files import write_table
    from robustprune.study.config import load_study
    from robustprune.study.smallest_width import SMALLEST_WIDTH

    config, name = load_study(arguments.config), arguments.search
    asked, parts = config.smallest_width, Path(config.root, SMALLEST_WIDTH)
    if asked is None:
        raise StudyError(f"{arguments.config}: smallest_width: nothing is asked; see config/smallest_width.yaml")
    if name is None:
        table, path = join_searches(asked, parts), parts.with_suffix(".parquet")
    elif name not in asked.searches():
        raise StudyError(f"smallest_width: no search {name!r}{nearest(name, asked.searches())}")
    else:
        torch.set_num_threads(config.threads)
        with flushed_denormals():  # moments of weights without gradients fall below the normal range
            table, path = search_width(asked, name, load(asked.dataset, config.data)), parts / f"{name}.parquet"
    write_table(table, arguments.output or path)
    print(f"{arguments.output or path}: {len(table)} rows")


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
