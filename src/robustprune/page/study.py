"""What the page reads: the collected tables, tables and figures of a study and of what ran beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

import pandas as pd

from robustprune.analysis.missing import missing_note
from robustprune.analysis.read import read_every_run
from robustprune.errors import StudyError
from robustprune.gathering.cellview import keys_of
from robustprune.page.sheets import Sheet, read_sheet
from robustprune.records.tables import read_csv_table
from robustprune.study.cells import AXES


@dataclass(frozen=True)
class Part:
    """A study, its search, or another group of cells that were collected together.

    source: folder with runs.csv. tables, figures: folders of what was made from it; None for none.
    """

    name: str
    source: Path
    tables: Path | None = None
    figures: Path | None = None

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The networks with their details and the column `cell`; raises StudyError as read_every_run does."""
        runs = read_every_run(self.source)
        return runs.assign(cell=keys_of(runs, AXES))

    @cached_property
    def missing(self) -> pd.DataFrame:
        """The cells without results: columns cell and reason."""
        path = self.source / "missing.csv"
        missing_note(self.source)  # checks the digest
        return read_csv_table(path) if path.exists() else pd.DataFrame({"cell": [], "reason": []})

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """The readable tables by name, in the order of their names."""
        paths = sorted(self.tables.glob("*.json")) if self.tables else []
        return {path.stem: read_sheet(path) for path in paths}

    @property
    def config_file(self) -> Path | None:
        """The configuration that asks for the cells; None where none lies beside the tables."""
        path = self.source / "config.yaml"
        return path if path.exists() else None

    def command(self, cell: str) -> str:
        """Return the command that trains a cell again, or, without a configuration, the one that shows it."""
        if self.config_file:
            return f"robustprune train --config {quote(self.config_file.as_posix())} --cell {cell}"
        return f"robustprune show {cell} --source {quote(self.source.as_posix())}"


@dataclass(frozen=True)
class Study:
    """The parts that a page shows, the study itself first.

    confidence: level of its intervals. check: folder of its comparison with a reference, if there is one.
    """

    parts: tuple[Part, ...]
    confidence: float
    check: Path | None = None

    @property
    def main(self) -> Part:
        """The study itself."""
        return self.parts[0]


def study_of(parts: Sequence[Sequence[str]], confidence: float, check: Path | None = None) -> Study:
    """Return the study of parts as the command line gives them: name, source, tables, figures; "-" for no folder.

    Parts without networks are left out, except the first. Raises StudyError for a name that is there twice, and for
    damaged tables.
    """
    found = [Part(name, Path(source), _folder(tables), _folder(figures)) for name, source, tables, figures in parts]
    names = [part.name for part in found]
    if len(set(names)) < len(names):
        raise StudyError(f"--part: {', '.join(names)}: every part needs a name of its own")
    main, *others = found
    return Study((main, *(part for part in others if len(part.runs))), confidence, check)


def _folder(text: str) -> Path | None:
    return None if text == "-" else Path(text)
