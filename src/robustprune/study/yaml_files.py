"""YAML files of a configuration: read without losing a key that is there twice, and the lines of their keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from robustprune.errors import StudyError
from robustprune.files import read_text

MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that is there twice; yaml itself keeps the last one."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        _refuse_twins(node, set())
        return node


def read_yaml(path: Path, kind: type = dict) -> Any:
    """Read a YAML file that holds a mapping (or another kind).

    Raises StudyError naming the file where it cannot be read, and ValueError naming the file, and the line where there
    is one, for text that is no YAML, a key that is there twice, and content of another kind.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such configuration file") from None
    try:
        values = yaml.load(text, _Loader)
    except _TwinError as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:  # yaml raises KeyError, TypeError and others for values such as `!!bool maybe`
        reason = " ".join(str(error).split()).partition("; use sys.")[0]  # a hint for programmers
        raise ValueError(f"{path}: not valid YAML: {reason or type(error).__name__}") from None
    if not isinstance(values, kind):
        wanted = "a mapping of keys" if kind is dict else "a list"
        raise ValueError(f"{path}: expected {wanted} (see config/README.md), found {type(values).__name__}")
    return values


def check_yaml(path: Path) -> None:
    """Raise StudyError as read_yaml does; for the files that Snakemake has read by itself."""
    try:
        read_yaml(path)
    except ValueError as error:
        raise StudyError(str(error)) from None


def line_of(path: Path, place: Sequence[int | str]) -> int | None:
    """Return the line, from 1, of the deepest key of a place such as ("study", 0, "widths") that a YAML file holds.

    None where the file does not hold the first key.
    """
    node, line = yaml.compose(read_text(path), yaml.SafeLoader), None
    for part in place:
        found = _below(node, part)
        if found is None:
            break
        line, node = found
    return line


def _below(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    """Return the line and the node of an entry of a mapping or a list."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


class _TwinError(Exception):
    """A key that is there twice."""


def _refuse_twins(node: yaml.Node | None, seen: set[int]) -> None:
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:  # an alias is a node that was seen
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _refuse_twins(entry, seen)
        return
    lines: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                first = lines[name]
                raise _TwinError(f"line {line}: the key {key.value!r} is there twice (first in line {first}); keep one")
            lines[name] = line
        _refuse_twins(value, seen)
