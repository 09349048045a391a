"""Records of programs, collection, operating points."""

import argparse
from pathlib import Path


def order(arguments: argparse.Namespace) -> None:
    import json
    import os

    from robustprune.engine.jobs import order
    from robustprune.gathering.programs import check_cells
    from robustprune.records.process import announce
    from robustprune.study.config import load_study
    from robustprune.study.find import find_cell

    config = load_study(arguments.config)
    cell = find_cell(config, arguments.cell)
    check_cells(config, [cell])
    announce(cell.key, os.getppid())  # the shell that runs the program after this
    print(json.dumps(order(cell, config), indent=1))


def record(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.foreign import write_results
    from robustprune.study.config import load_study
    from robustprune.study.find import find_cell

    config = load_study(arguments.config)
    cell, folder = find_cell(config, arguments.cell), Path(config.root, "runs", arguments.cell)
    record = write_results(config, cell, arguments.results, folder, arguments.program, arguments.order)
    print(*record.summary(), folder / "record.json", sep="\n")


def collect(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.collection import collect
    from robustprune.study.config import load_study

    config = load_study(arguments.config)
    for line in collect(config, arguments.output or Path(config.root)):
        print(line)


def merge(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.merging import collected, merge
    from robustprune.study.cells import study_cells
    from robustprune.study.config import load_study

    config = load_study(arguments.config) if arguments.config else None
    with collected(arguments.folders, config) as folders:
        for line in merge(folders, arguments.output, study_cells(config) if config else ()):
            print(line)
