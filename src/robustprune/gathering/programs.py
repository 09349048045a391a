"""Foreign programs in the pipeline: checks, the command that runs one, and the hash of its code."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from robustprune.errors import StudyError
from robustprune.files import read_text
from robustprune.gathering.job_checks import check_examples, check_folders, check_job
from robustprune.methods.parts.registry import method_names
from robustprune.records.code_hash import source_hash
from robustprune.starts.parts.registry import start_names
from robustprune.study.cells import Cell, study_cells
from robustprune.study.config import StudyConfig

WITH_EXPONENT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+", re.ASCII)
"""A number that YAML takes for text unless it has a dot and a signed exponent; others are text in quotes only."""


def checked_cells(config: StudyConfig) -> dict[str, Cell]:
    """Return the cells of a study by key.

    Raises StudyError for wrong settings of the package's methods, and for a program with the name of one.
    """
    check_names(config)
    cells = study_cells(config)
    check_cells(config, cells.values())
    return cells


def check_names(config: StudyConfig) -> None:
    """Raise StudyError for a foreign program with the name of a method of the package."""
    for name in config.foreign:
        if name in [*method_names(), *start_names()]:
            raise StudyError(f"foreign.{name}: the package has a method of this name; give the program another name")


def check_cells(config: StudyConfig, cells: Iterable[Cell]) -> None:
    """Raise StudyError for cells that the package cannot train; settings of foreign programs are their own."""
    cells = list(cells)
    check_folders(cells)
    for cell in cells:
        if cell.method in config.foreign:
            check_examples(cell)
            _check_settings(cell)
        else:
            check_job(cell, config.device)


def _check_settings(cell: Cell) -> None:
    """Raise StudyError for settings that no order can hold, and for numbers that YAML took for text."""
    for name, value in cell.settings.items():
        for key, text in _texts(name, value):
            if WITH_EXPONENT.fullmatch(text):
                raise StudyError(
                    f"{cell.key}: setting {key}: expected a number such as 1.0e-5 (for YAML 1e-5 is text), found "
                    f"{text!r}"
                )
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise StudyError(
                f"{cell.key}: setting {name}: {value}: an order is JSON, without inf, nan and dates; give a finite "
                "number or a text"
            ) from None


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in a setting with its key, that of an entry of a table or list behind a dot."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict | list | tuple):
        for name, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(f"{key}.{name}", entry)


def check_rules(config: StudyConfig, rules: Iterable[str]) -> None:
    """Raise StudyError for a program that writes a CSV and has no rule of its name among `rules`."""
    for name in {name for name, program in config.foreign.items() if program} - set(rules):
        raise StudyError(
            f"foreign.{name}: there is no rule {name}; expected workflow/baselines/{name}.smk with `use rule foreign "
            f"as {name} with: input: script=...` (docs/how-to-foreign-program.md)"
        )


def written_rules(folder: Path = Path("workflow/baselines")) -> list[str]:
    """Return the names of the rules in a folder's files, without running Snakemake."""
    texts = [read_text(path) for path in sorted(folder.glob("*.smk"))]
    return [name for text in texts for name in re.findall(r"^(?:use rule \w+ as|rule) (\w+)", text, re.M)]


def check_inputs(rule: str, names: Iterable[str]) -> None:
    """Raise StudyError for the rule of a program without the input `script`."""
    if "script" not in names:
        raise StudyError(f'rule {rule}: input: there is no script; expected script="workflow/baselines/{rule}.py"')


def program_command(program: str | Path) -> list[str]:
    """Return the command of a program: python for `.py`, the file if it is executable, else by its first line (#!).

    Raises StudyError for any other file.
    """
    path = Path(program)
    if path.suffix == ".py":
        return ["python", str(path)]
    if os.access(path, os.X_OK):
        return [str(path) if path.parent.name or path.is_absolute() else f"./{path}"]
    first = _content(path).split(b"\n")[0].decode(errors="replace")
    if not first.startswith("#!"):
        raise StudyError(
            f"{path}: no way to run it; expected a file that ends in .py, is executable (chmod +x {path}) or begins "
            "with a line such as #!/bin/sh"
        )
    return [*first.removeprefix("#!").split(), str(path)]


def program_hash(files: Iterable[str | Path]) -> str:
    """Return the hash of a program's files, and of what its Python files import of this package and beside them."""
    paths = sorted(map(Path, files))
    digest = hashlib.sha256(b"\0".join(_content(path) for path in paths))
    digest.update(source_hash(files=[path for path in paths if path.suffix == ".py"]).encode())
    return digest.hexdigest()[:12]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}; expected the program of a foreign method") from None
