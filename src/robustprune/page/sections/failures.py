"""Cells without results, and networks that collapsed, diverged or failed."""

import pandas as pd
from markupsafe import Markup

from robustprune.gathering.outcomes import outcomes
from robustprune.page.render import render
from robustprune.page.study import Part, Study

ID, TITLE = "failures", "Failed and missing cells"


def show(study: Study) -> Markup:
    """Return a row per cell that is not ok, with the reason and the command that repeats it."""
    rows = [row for part in study.parts for row in _rows(part)]
    return render("failures.html", rows=rows)


def _rows(part: Part) -> list[tuple[str, ...]]:
    """Return part, cell, status, networks, reason and command of each cell that is not ok."""
    runs = part.runs
    rows = [
        (part.name, found.key, found.status, f"{found.networks} of {found.of}", found.reason or "-", found.key)
        for found in outcomes(runs["cell"], runs)
    ]
    listed = {cell for _, cell, *_ in rows}
    rows += [
        (part.name, str(cell), "missing", "-", "-" if pd.isna(reason) else str(reason), str(cell))
        for cell, reason in part.missing[["cell", "reason"]].itertuples(index=False, name=None)
        if cell not in listed
    ]
    return [(*row[:5], _again(part, row[1])) for row in rows]


def _again(part: Part, cell: str) -> str:
    """Return the command for a cell; an operating point that was not found is none, and nothing repeats it."""
    return part.command(cell) if "/width-" in cell and (part.config_file or cell in set(part.runs["cell"])) else "-"
