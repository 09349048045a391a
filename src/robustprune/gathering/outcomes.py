"""Cells with networks that failed, diverged or collapsed: which, why, and how to repeat them."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import pandas as pd

from robustprune.gathering.joblog import CELL_LOG

WIDTH = 80
"""Columns of a terminal."""
SHOWN = 20
"""Cells that are listed one by one."""
ORDER = ("failed", "diverged", "collapsed")


class Outcome(NamedTuple):
    """A cell with networks of one status other than ok: how many of how many, and the reason of the first."""

    key: str
    status: str
    networks: int
    of: int
    reason: str


def outcomes(keys: Iterable[str], details: pd.DataFrame) -> list[Outcome]:
    """Return the cells whose networks are not all ok, those that failed first.

    keys: the cell of each network. details: a row per network, with its status and reason.
    """
    table = pd.DataFrame({"key": list(keys), "status": list(details["status"]), "reason": list(details["reason"])})
    of = Counter(table["key"])
    wrong: dict[tuple[str, str], list[Any]] = {}
    for key, status, reason in table.itertuples(index=False, name=None):
        if status != "ok":
            wrong.setdefault((key, status), []).append(reason)
    found = [
        Outcome(key, status, len(reasons), of[key], _short(_first(reasons), key))
        for (key, status), reasons in wrong.items()
    ]
    return sorted(found, key=lambda outcome: ORDER.index(outcome.status))


def _first(reasons: list[Any]) -> str:
    known = [reason for reason in reasons if isinstance(reason, str)]
    return known[0] if known else ""


def _short(reason: str, key: str) -> str:
    """Return the last line of a failed job without its log, its command and its cell, which stand elsewhere."""
    return re.sub(rf"^(\S+\.log: )?robustprune \S+: ({re.escape(key)}: )?", "", reason)


def outcome_lines(found: list[Outcome], config_file: Path) -> list[str]:
    """Return lines for a terminal: each cell with its status and the reason, and how to repeat it.

    config_file: the configuration by which the cells were asked for.
    """
    lines = []
    for outcome in found[:SHOWN]:
        networks = "" if outcome.networks == outcome.of else f" ({outcome.networks} of {outcome.of} networks)"
        lines += [f"{outcome.status}{networks}: {outcome.key}", *indented(outcome.reason)]
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more cells")
    if any(outcome.status == "failed" for outcome in found):
        lines.append("Jobs that failed run again with the same snakemake command. Their logs:")
        lines.append(f"    {config_file.parent}/logs/CELL/{CELL_LOG}")
    if any(outcome.status != "failed" for outcome in found):
        lines.append("Diverged and collapsed networks are results: tables count them.")
    if found:
        lines += ["To repeat one by hand:", f"    robustprune train --config {quote(str(config_file))} --cell CELL"]
    return lines


def indented(text: str, by: int = 4) -> list[str]:
    """Return a text in lines of at most WIDTH characters that begin with spaces."""
    space = " " * by
    return textwrap.wrap(
        text, WIDTH, initial_indent=space, subsequent_indent=space, break_long_words=False, break_on_hyphens=False
    )
