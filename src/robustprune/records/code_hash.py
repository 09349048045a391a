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
"""Files that training imports and that cannot change a number of its record."""


State = tuple[int, int]
"""Of a file: the time of its last change in nanoseconds, and its size."""


class Code(NamedTuple):
    """What a file says: the digest of its code, and the names that it imports."""

    digest: str
    imports: frozenset[str]


@cache
def _parsed(path: Path, package: str, state: State | None) -> Code:
    """The code of a file, read once for each of its states."""
    try:
        tree = ast.parse(path.read_bytes())
        return Code(hashlib.sha256(canonical(tree).encode()).hexdigest(), frozenset(imported_names(tree, package)))
    except (SyntaxError, ValueError) as error:
        raise StudyError(f"{path}: not a Python file: {error}") from None


def _state(path: Path) -> State | None:
    """The state of a file; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def _code(path: Path, root: Path) -> Code:
    """The code of a file below `root`, the folder where its absolute imports begin."""
    package = ".".join(path.relative_to(root).parent.parts)
    return _parsed(path, package, _state(path))


@cache
def _offered(state: State | None) -> dict[str, str]:
    """robustprune.name -> module for what the package offers at its top."""
    found = homes(ast.parse((PACKAGE / "__init__.py").read_bytes()))
    return {f"{PACKAGE.name}.{name}": module for name, module in found.items()}


def _run_by(name: str, root: Path) -> list[Path]:
    """The files that importing a dotted name runs: `__init__` of each package on its way, and the module itself."""
    found, place = [], str(root)
    for part in name.split("."):
        if part == "*" and os.path.isdir(place):
            raise StudyError(f"`from {name[:-2]} import *`: import the names one by one, so that they can be followed")
        place = os.path.join(place, part)
        found += [path for path in (os.path.join(place, "__init__.py"), f"{place}.py") if os.path.isfile(path)]
    return [Path(path) for path in found]


def _followed(modules: Iterable[str], files: Iterable[Path], leave_out: Iterable[str]) -> dict[Path, Path]:
    """File -> root of the files that modules of this package and files outside it need, themselves included.

    The package's `__init__` at the top is not among them: it computes nothing. What it offers is followed to its home.
    """
    top, face = PACKAGE.parent, PACKAGE / "__init__.py"
    offered = _offered(_state(face))
    found: dict[Path, Path] = {}
    not_followed = {face, *(PACKAGE / name for name in leave_out)}

    @cache
    def imported(name: str, root: Path) -> list[tuple[Path, Path]]:
        if name.split(".")[0] == PACKAGE.name:
            return [(path, top) for path in _run_by(offered.get(name, name), top)]
        return [] if root == top else [(path, root) for path in _run_by(name, root)]  # a neighbour

    pending = [pair for module in modules for pair in imported(module, top)]
    pending += [(path, path.parent) for path in files]
    while pending:
        path, root = pending.pop()
        if path not in found and path not in not_followed:
            found[path] = root
            pending += [pair for name in _code(path, root).imports for pair in imported(name, root)]
    return found


def source_files(*modules: str, files: Iterable[Path] = (), leave_out: Iterable[str] = ()) -> list[Path]:
    """The files that the given modules and files need, following the imports written in the source.

    modules: names in this package. files: paths outside it; of their imports those of this package are followed, and
    those that lie beside them. leave_out: files of this package, as paths within it, that are not followed.
    """
    return sorted(_followed(modules, [path.resolve() for path in files], leave_out))


_HASHES: dict[tuple, tuple[dict[Path, State | None], str]] = {}
"""What was asked -> the states of the files then, and the hash."""


def source_hash(*modules: str, files: Iterable[Path] = (), leave_out: Iterable[str] = ()) -> str:
    """Hash of the code that the given modules and files need: the parameter by which rules notice edited source.

    The arguments are those of `source_files`. Comments, docstrings and layout do not count (`records/syntax.py`). A
    second call only looks whether the files are those of the first.
    """
    files = tuple(path.resolve() for path in files)
    asked = (PACKAGE, modules, files, frozenset(leave_out))
    states, known = _HASHES.get(asked, ({}, ""))
    if known and all(_state(path) == state for path, state in states.items()):
        return known
    found = _followed(modules, files, leave_out)
    digest = hashlib.sha256()
    # a file outside the package is named by its place below its root, so that the hash does not change with the place
    for name, code in sorted((path.relative_to(root).as_posix(), _code(path, root)) for path, root in found.items()):
        digest.update(f"{name}\0{code.digest}\0".encode())
    states = {path: _state(path) for path in [*found, PACKAGE / "__init__.py"]}
    _HASHES[asked] = states, digest.hexdigest()[:12]
    return _HASHES[asked][1]


def training_hash(*methods: str, architecture: str = "", files: Iterable[Path] = ()) -> str:
    """Hash of the code that training these methods (a start and the method that it trains) on `architecture` runs.

    It holds the engine with everything it imports, the method's own file and the parts that this file imports, the
    architecture's file, and `files` (those of a user's own method). It holds no other method and no other architecture,
    so that an edited method runs its own cells again and no others. Left out are NO_NUMBERS.
    """
    own = [f"robustprune.{folder}.{method}" for folder in ("methods", "starts") for method in methods]
    own += [f"robustprune.networks.architectures.{architecture}"] if architecture else []
    return source_hash("robustprune.engine.running", *own, files=files, leave_out=NO_NUMBERS)
