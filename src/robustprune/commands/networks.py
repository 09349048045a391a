"""Finished networks."""

import argparse
from pathlib import Path


def export(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.export import export

    for path in export(arguments.cell, arguments.replicate, arguments.output, onnx=not arguments.no_onnx):
        print(path)


def unit_values(arguments: argparse.Namespace) -> None:
    from functools import cache

    from robustprune.data.datasets import load
    from robustprune.experiments.unit_values import write_unit_values
    from robustprune.networks.archive import FILE
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    folders = {Path(config.root, "runs", key): cell for key, cell in study_cells(config).items()}
    priced = {folder: cell for folder, cell in folders.items() if "price" in cell.settings}
    if config.results == "partial":
        priced = {folder: cell for folder, cell in priced.items() if (folder / FILE).exists()}
    datasets = cache(lambda name: load(name, config.data))
    print(f"{arguments.output}: {write_unit_values(priced, datasets, arguments.output)} rows")


def related(arguments: argparse.Namespace) -> None:
    from functools import cache

    from robustprune.data.datasets import load
    from robustprune.experiments.related.measure import write_related
    from robustprune.networks.archive import FILE
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study
    from robustprune.study.related import pruned_cells

    config = load_study(arguments.config)
    found = pruned_cells(study_cells(config), config.foreign)
    cells = {Path(config.root, "runs", key): cell for key, cell in found.items()}
    if config.results == "partial":
        cells = {folder: cell for folder, cell in cells.items() if (folder / FILE).exists()}
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
