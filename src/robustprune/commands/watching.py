"""What a study is doing, and what is known of one of its cells."""

import argparse
from pathlib import Path

from robustprune.errors import StudyError

CONFIGS = (Path("results/config.yaml"), Path("config/config.yaml"))
"""Where a configuration is looked for that is not named: that of the study's last run, then that of the study."""

REFERENCE = Path("results/reference")
"""The tables in which a cell is looked for that the study does not have."""


def config_file(named: Path | None) -> Path:
    """Return the named configuration, or the first of CONFIGS that exists."""
    found = next((path for path in (named, *CONFIGS) if path and path.exists()), None)
    if named and found != named:
        raise StudyError(f"{named}: no such configuration file")
    if found is None:
        raise StudyError(f"no {' and no '.join(map(str, CONFIGS))} here; name the study's configuration with --config")
    return found


def status(arguments: argparse.Namespace) -> None:
    import sys
    import time

    from robustprune.gathering.status import status_lines
    from robustprune.study.config import load_study

    path = config_file(arguments.config)
    try:
        while True:
            lines = status_lines(load_study(path))  # read again: the search adds operating points while it runs
            if arguments.watch and sys.stdout.isatty():
                print("\033[H\033[J", end="")  # to the top left, and nothing below
            print("\n".join(lines), flush=True)
            if not arguments.watch:
                return
            time.sleep(arguments.watch)
    except KeyboardInterrupt:
        return


def show(arguments: argparse.Namespace) -> None:
    from robustprune.gathering.cellview import view_lines
    from robustprune.gathering.lookup import Shelf, find_view
    from robustprune.study.config import load_study

    named = arguments.config is not None or any(path.exists() for path in CONFIGS)
    config = config_file(arguments.config) if named and arguments.source is None else None
    shelf = Shelf((config, load_study(config)) if config else None, arguments.source or REFERENCE)
    print("\n".join(view_lines(find_view(arguments.key, shelf))))
