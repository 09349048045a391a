"""A canonical text of Python code, for hashes: without docstrings, comments, blank lines and layout.

The text does not depend on the Python version. `ast.dump` and `ast.unparse` change between versions, so this module
walks the tree by itself. It needs the standard library only.
"""

import ast
from collections.abc import Iterator

SKIPPED_FIELDS = {"ctx", "type_comment", "kind", "type_ignores"}
"""Fields that follow from the position of a node, or have no effect."""
STATEMENTS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of statements that hold statements; every import is in one of them."""


def canonical(value: object) -> str:
    """Return a node as `Class(field=value,...)`, a list as `[...]`, any other value as `type:literal`."""
    if isinstance(value, ast.AST):
        inner = []
        for name in value._fields:
            field = None if name in SKIPPED_FIELDS else _field(value, name)
            # empty fields are left out: newer Python versions add fields (type_params)
            if field is not None and field != []:
                inner.append(f"{name}={canonical(field)}")
        return f"{type(value).__name__}({','.join(inner)})"
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    # ascii: `repr` depends on the version's Unicode tables; hex: `repr` refuses very long integers
    literal = hex(value) if type(value) is int else ascii(value)
    return f"{type(value).__name__}:{literal}"


def _field(node: ast.AST, name: str) -> object:
    """Return a field of a node, the same in every Python version."""
    value = getattr(node, name, None)
    if not isinstance(value, list):
        return value
    if isinstance(node, ast.JoinedStr):
        return list(_joined(value))
    if any(map(_is_prose, value)):
        # a function may consist of a docstring only
        return [statement for statement in value if not _is_prose(statement)] or [ast.Pass()]
    return value


def _is_prose(node: object) -> bool:
    """Return whether a statement is an unused string: a docstring, or the description of a constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _joined(parts: list[ast.expr]) -> Iterator[ast.expr]:
    """Yield the parts of an f-string with adjacent texts joined; Python versions split texts differently."""
    text = ""
    for part in parts:
        if isinstance(part, ast.Constant):
            text += str(part.value)
            continue
        if text:
            yield ast.Constant(text)
        yield part
        text = ""
    if text:
        yield ast.Constant(text)


def imported_names(tree: ast.Module, package: str) -> set[str]:
    """Return the absolute names that a file of `package` imports; `from a import b` gives both a and a.b.

    `from a import *` gives a and `a.*`. Imports below `if TYPE_CHECKING` do not run and are left out. Imports by a
    computed name (`importlib.import_module`) are not recognised.
    """
    names: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            pending.extend(node.orelse)
        else:
            for name in STATEMENTS:
                pending.extend(getattr(node, name, ()))
    return names


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name after `from`; each dot beyond the first goes one package up."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def homes(tree: ast.Module) -> dict[str, str]:
    """Return name -> module of the names that the `__init__` of a package re-exports, at once or on demand.

    These are `from module import name` and dictionaries of literals {"name": "module"}.
    """
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.update(dict.fromkeys((alias.asname or alias.name for alias in node.names), node.module))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    modules[str(key.value)] = str(value.value)
    return modules
