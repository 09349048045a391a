"""The registry of methods, starts, architectures and data sets: one file each, in the package or a plug-in folder.

The name is that of the file without its suffix. Plug-ins are the files in the folders methods, starts, architectures
and datasets of the plug-in folder: `plugins` in the working directory, or the folder that the configuration names.
There is no list to edit, and a file is imported when its name is first used. Files whose names begin with "_" and
sub-folders hold shared code of plug-ins and are no plug-ins.
"""

import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar

from robustprune.errors import StudyError, nearest

Kind = Literal["method", "start", "architecture", "dataset"]
T = TypeVar("T")

PACKAGE = Path(__file__).parent
FOLDERS: dict[Kind, str] = {
    "method": "methods",
    "start": "starts",
    "architecture": "networks/architectures",
    "dataset": "data/sets",
}
"""The folder of each kind in the package; a plug-in folder has methods, starts, architectures and datasets."""
TITLES: dict[Kind, str] = {"method": "method", "start": "start", "architecture": "architecture", "dataset": "data set"}
DEFAULT = "plugins"
VARIABLE = "ROBUSTPRUNE_PLUGINS"
"""The environment variable with the plug-in folder, so that child processes use the same one."""
PLUGINS = "robustprune_plugins"
"""The package of plug-ins: a plug-in is the module PLUGINS.methods.<name>, so that others can import it."""
NAME = re.compile(r"[a-z][a-z0-9_]*")


def folder() -> Path:
    """Return the plug-in folder of this process; it need not exist."""
    return Path(os.environ.get(VARIABLE, DEFAULT))


def use(path: str) -> None:
    """Make `path` the plug-in folder of this process and its child processes.

    Raises StudyError for a missing folder (the default one may be missing) and for a plug-in whose name is taken.
    """
    if path != DEFAULT and not Path(path).is_dir():
        raise StudyError(f"plugins: {path}: no such folder; relative paths start where the command is run")
    os.environ[VARIABLE] = path
    for kind in FOLDERS:
        for name in _listed(_plug_ins(kind)):
            _refuse_twins(kind, name)


def names(kind: Kind) -> list[str]:
    """Return all names of a kind, plug-ins included, in alphabetical order; imports nothing."""
    return sorted({*_listed(PACKAGE / FOLDERS[kind]), *_listed(_plug_ins(kind))})


def known(kind: Kind, name: str) -> bool:
    """Return whether there is a file of that name; a fast `name in names(kind)`."""
    places = (f"{PACKAGE}/{FOLDERS[kind]}/{name}.py", f"{_plug_ins(kind)}/{name}.py")
    return NAME.fullmatch(name) is not None and any(map(os.path.isfile, places))


def path_of(kind: Kind, name: str) -> Path:
    """Return the file of that name.

    Raises StudyError for an unknown name, with the nearest valid one, and for a plug-in whose name is taken.
    """
    own, plug_in = _places(kind, name)
    if known(kind, name):
        _refuse_twins(kind, name)
        return own if own.is_file() else plug_in
    if not NAME.fullmatch(name) and plug_in.is_file():
        raise StudyError(f"{plug_in}: rename the file; names begin with a-z and may hold only a-z, 0-9 and _")
    raise StudyError(unknown(kind, name))


def unknown(kind: Kind, name: str, valid: Iterable[str] | None = None) -> str:
    """Return the error message for an unknown name; valid: by default the names of the kind."""
    hint = nearest(name, names(kind) if valid is None else valid)
    return f"unknown {TITLES[kind]} {name!r}{hint}; {_places(kind, name)[1]} would add it"


def module_of(kind: Kind, name: str) -> str:
    """Return the module of a file: robustprune.methods.vib, or robustprune_plugins.methods.mine for a plug-in."""
    if path_of(kind, name) == _places(kind, name)[0]:
        return f"{PACKAGE.name}.{FOLDERS[kind].replace('/', '.')}.{name}"
    return f"{PLUGINS}.{kind}s.{name}"


def plug_ins_of(method: str, architecture: str) -> list[Path]:
    """Return the files of plug-ins that training a cell runs, for the hash of its code."""
    asked: list[tuple[Kind, str]] = [("start" if known("start", method) else "method", method)]
    files = [path_of(kind, name) for kind, name in [*asked, ("architecture", architecture)] if known(kind, name)]
    return [path for path in files if not path.is_relative_to(PACKAGE)]


def plug_in_file(module: str) -> Path | None:
    """Return the file of a plug-in's module (robustprune_plugins.methods.mine), None for any other name."""
    top, *parts = module.split(".")
    path = folder().joinpath(*parts).with_suffix(".py") if top == PLUGINS and parts else None
    return path if path and path.is_file() else None


def find(kind: Kind, name: str) -> ModuleType:
    """Import the file of that name.

    Raises StudyError for an unknown name, and for a plug-in that cannot be imported, naming file and line.
    """
    module = module_of(kind, name)
    if not module.startswith(PLUGINS):
        return importlib.import_module(module)
    _mount()
    try:
        return importlib.import_module(module)
    except StudyError:
        raise
    except (Exception, SystemExit) as error:
        raise StudyError(_import_failed(error, path_of(kind, name))) from error


def class_of(kind: Kind, name: str, base: type[T]) -> type[T]:
    """Return the one subclass of `base` that a file defines; classes whose names begin with "_" do not count.

    Raises StudyError naming the file where it defines none, several, or an abstract one.
    """
    module, path = find(kind, name), path_of(kind, name)
    members = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    own: list[type[T]] = [c for c in members if issubclass(c, base) and not c.__name__.startswith("_")]
    if not own:
        raise StudyError(f"{path}: holds no subclass of {base.__name__}; a {TITLES[kind]} is one class of that kind")
    if len(own) > 1:
        listed = " and ".join(c.__name__ for c in own)
        raise StudyError(
            f"{path}: holds {listed}; keep one {TITLES[kind]} per file, and begin the names of helpers and base "
            "classes with _"
        )
    if missing := sorted(getattr(own[0], "__abstractmethods__", ())):
        raise StudyError(f"{path}: class {own[0].__name__} does not define {', '.join(missing)}")
    return own[0]


def object_of(kind: Kind, name: str, *types: type[T]) -> T:
    """Return the object that a file defines as ARCHITECTURE or DATASET, the upper-case name of its kind.

    Raises StudyError naming the file where it is missing or of none of the types.
    """
    variable, path = kind.upper(), f"{path_of(kind, name)}"
    value = getattr(find(kind, name), variable, None)
    if not isinstance(value, types):
        wrong = "holds no " + variable if value is None else f"{variable} is of type {type(value).__name__}"
        raise StudyError(f"{path}: {wrong}; expected {variable} = {types[0].__name__}(...)")
    return value


def _plug_ins(kind: Kind) -> Path:
    return folder() / f"{kind}s"


def _places(kind: Kind, name: str) -> tuple[Path, Path]:
    """Return the two possible files of a name: in the package, and among the plug-ins."""
    return PACKAGE / FOLDERS[kind] / f"{name}.py", _plug_ins(kind) / f"{name}.py"


def _listed(path: Path) -> Iterator[str]:
    for file in path.glob("*.py") if path.is_dir() else ():
        if NAME.fullmatch(file.stem):
            yield file.stem


def _refuse_twins(kind: Kind, name: str) -> None:
    """Raise StudyError where a plug-in has a name of the package; methods and starts share one set of names."""
    related: tuple[Kind, ...] = ("method", "start") if kind in ("method", "start") else (kind,)
    places = [_places(other, name) for other in related]
    # files of the package come first: the last of several is a plug-in
    files = [path for place in zip(*places, strict=True) for path in place if path.is_file()]
    if len(files) > 1:
        raise StudyError(f"{files[-1]}: the name {name} is taken by {files[0]}; rename the plug-in")


def _mount() -> None:
    """Make PLUGINS and its folders packages of the current plug-in folder."""
    root = folder().resolve()
    mounted = sys.modules.get(PLUGINS)
    if mounted is None or list(mounted.__path__) != [str(root)]:
        for module in [module for module in sys.modules if module.split(".")[0] == PLUGINS]:
            del sys.modules[module]
        for name, path in [(PLUGINS, root), *((f"{PLUGINS}.{kind}s", root / f"{kind}s") for kind in FOLDERS)]:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(path)]
            sys.modules[name] = module_from_spec(spec)
    importlib.invalidate_caches()


def _import_failed(error: BaseException, path: Path) -> str:
    """Return one line: file and line of the innermost plug-in that was being imported, and the error."""
    root = folder().resolve()
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    inside = [(Path(file), line) for file, line in frames if Path(file).is_relative_to(root)]
    file, line = inside[-1] if inside else (path, None)
    where = f"{folder() / file.relative_to(root) if inside else file}" + (f", line {line}" if line else "")
    reason = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{where}: cannot be imported: {type(error).__name__}: {reason}"
