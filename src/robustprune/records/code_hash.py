"""Hashes of code: of exactly the files that training a cell runs, by their syntax and their imports."""

import ast
import hashlib
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from robustprune.errors import StudyError
from robustprune.records.syntax import canonical, homes, imported_names

PACKAGE = Path(__file__).parents[1]
NO_NUMBERS = frozenset(
    {
        *("errors.py", "files.py", "engine/progress.py"),
        *("records/code_hash.py", "records/provenance.py", "records/syntax.py"),
    }
)
"""Files that training imports and that cannot change a number of a record."""


State = tuple[int, int]
"""The state of a file: time of its last change in nanoseconds, and size."""


class Code(NamedTuple):
    """The digest of a file's code, and the names that it imports."""

    digest: str
    imports: frozenset[str]


@cache
def _parsed(path: Path, package: str, state: State | None) -> Code:
    """Parse a file, once for each of its states."""
    try:
        tree = ast.parse(path.read_bytes())
        return Code(hashlib.sha256(canonical(tree).encode()).hexdigest(), frozenset(imported_names(tree, package)))
    except (SyntaxError, ValueError) as error:
        raise StudyError(f"{path}: not a Python file: {error}") from None


def _state(path: Path) -> State | None:
    """Return the state of a file; None where it is missing."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def _code(path: Path, root: Path) -> Code:
    """Return the code of a file below `root`, the folder where its absolute imports begin."""
    package = ".".join(path.relative_to(root).parent.parts)
    return _parsed(path, package, _state(path))


@cache
def _offered(state: State | None) -> dict[str, str]:
    """Return robustprune.name -> module of the names that the package re-exports."""
    modules = homes(ast.parse((PACKAGE / "__init__.py").read_bytes()))
    return {f"{PACKAGE.name}.{name}": module for name, module in modules.items()}


def _run_by(name: str, root: Path) -> list[Path]:
    """Return the files that importing a dotted name runs: `__init__` of each package, and the module itself."""
    files, place = [], str(root)
    for part in name.split("."):
        if part == "*" and os.path.isdir(place):
            raise StudyError(f"`from {name[:-2]} import *`: import the names one by one, so that they can be followed")
        place = os.path.join(place, part)
        files += [path for path in (os.path.join(place, "__init__.py"), f"{place}.py") if os.path.isfile(path)]
    return [Path(path) for path in files]


def _followed(modules: Iterable[str], files: Iterable[Path], leave_out: Iterable[str]) -> dict[Path, Path]:
    """Return file -> root of the files that modules of this package and files outside it need, and of these.

    The top `__init__` of the package is left out: it computes nothing. The names that it re-exports are followed.
    """
    top, face = PACKAGE.parent, PACKAGE / "__init__.py"
    offered = _offered(_state(face))
    followed: dict[Path, Path] = {}
    not_followed = {face, *(PACKAGE / name for name in leave_out)}

    @cache
    def imported(name: str, root: Path) -> list[tuple[Path, Path]]:
        if name.split(".")[0] == PACKAGE.name:
            return [(path, top) for path in _run_by(offered.get(name, name), top)]
        return [] if root == top else [(path, root) for path in _run_by(name, root)]  # in the same folder

    pending = [pair for module in modules for pair in imported(module, top)]
    pending += [(path, path.parent) for path in files]
    while pending:
        path, root = pending.pop()
        if path not in followed and path not in not_followed:
            followed[path] = root
            pending += [pair for name in _code(path, root).imports for pair in imported(name, root)]
    return followed


def source_files(*modules: str, files: Iterable[Path] = (), leave_out: Iterable[str] = ()) -> list[Path]:
    """Return the files that the given modules and files need, by the imports written in the source.

    modules: names in this package. files: paths outside it; their imports are followed where they lie in this package
    or in the same folder. leave_out: files of this package, as paths within it, that are not followed.
    """
    return sorted(_followed(modules, [path.resolve() for path in files], leave_out))


_HASHES: dict[tuple, tuple[dict[Path, State | None], str]] = {}
"""Arguments of `source_hash` -> the states of the files at that call, and the hash."""


def source_hash(*modules: str, files: Iterable[Path] = (), leave_out: Iterable[str] = ()) -> str:
    """Return the hash of the code that the given modules and files need; rules take it as a parameter.

    The arguments are those of `source_files`. Comments, docstrings and layout do not count (`records/syntax.py`). A
    repeated call reads nothing again while the files keep their states.
    """
    files = tuple(path.resolve() for path in files)
    asked = (PACKAGE, modules, files, frozenset(leave_out))
    states, known = _HASHES.get(asked, ({}, ""))
    if known and all(_state(path) == state for path, state in states.items()):
        return known
    followed = _followed(modules, files, leave_out)
    digest = hashlib.sha256()
    # names are relative to the root, so that the hash does not depend on where the files lie
    for name, code in sorted((path.relative_to(root).as_posix(), _code(path, root)) for path, root in followed.items()):
        digest.update(f"{name}\0{code.digest}\0".encode())
    states = {path: _state(path) for path in [*followed, PACKAGE / "__init__.py"]}
    _HASHES[asked] = states, digest.hexdigest()[:12]
    return _HASHES[asked][1]


def training_hash(*methods: str, architecture: str = "", files: Iterable[Path] = ()) -> str:
    """Return the hash of the code that trains these methods (a start and its method) on `architecture`.

    It covers the engine with its imports, the files of the methods with the parts that they import, the file of the
    architecture, and `files` (those of plug-ins). It covers no other method or architecture, so that an edited method
    runs only its own cells again. NO_NUMBERS are left out.
    """
    own = [f"robustprune.{folder}.{method}" for folder in ("methods", "starts") for method in methods]
    own += [f"robustprune.networks.architectures.{architecture}"] if architecture else []
    return source_hash("robustprune.engine.running", *own, files=files, leave_out=NO_NUMBERS)
