"""All other tables, further figures, and the cells behind every row."""

from typing import Any

from markupsafe import Markup

from robustprune.analysis.columns import number
from robustprune.analysis.figures import DEEP
from robustprune.analysis.robustness import mean_units
from robustprune.analysis.tables import WITH_DEPTH
from robustprune.page.figures import figure, figure_names
from robustprune.page.render import render
from robustprune.page.sections import explorer, headline, pixels, robustness, verdicts
from robustprune.page.study import Part, Study

ID, TITLE = "tables", "All cells, tables and figures"
FIGURES = {
    headline.NAME,
    pixels.NAME,
    *explorer.FIGURES,
    *(name for names, _ in robustness.GROUPS.values() for name in names),
}
"""Figures of other sections."""


def show(study: Study) -> Markup:
    """Return the cells, every table that no other section shows, and every such figure.

    A table without rows is left out where another part has one with rows.
    """
    filled = {name for part in study.parts for name, sheet in part.sheets.items() if sheet.rows}
    groups = []
    for part in study.parts:
        others = [name for name in part.sheets if not (_elsewhere(name) if part is study.main else name in WITH_DEPTH)]
        shown = [name for name in others if part.sheets[name].rows or name not in filled]
        if shown:
            groups.append((part, [(part, name, part.sheets[name], False) for name in shown]))
    figures = [
        (name, figure(part, name, study))
        for part in study.parts
        for name in figure_names(part)
        if name not in FIGURES and name not in DEEP
    ]
    return render(
        "tables.html", groups=groups, figures=figures, cells=[row for part in study.parts for row in _cells(part)]
    )


def _elsewhere(name: str) -> bool:
    return name in verdicts.TABLES or robustness.is_shown(name)


def _cells(part: Part) -> list[dict[str, Any]]:
    """Return a row per cell: means over its networks, its commit and its command."""
    rows = []
    for cell, own in part.runs.groupby("cell", sort=False):
        commits = [commit for commit in dict.fromkeys(own["git_commit"]) if isinstance(commit, str)]
        ok = int((own["status"] == "ok").sum())
        rows.append(
            {
                "part": part.name,
                "cell": cell,
                "networks": f"{len(own)}" if ok == len(own) else f"{ok} ok of {len(own)}",
                "units": mean_units(own["units_kept"]) or "-",
                "params": number(own["params_kept"].astype(float).mean(), ",.0f"),
                "error": number(own["error_test_percent"].astype(float).mean(), ".2f"),
                "commit": ", ".join(commit[:10] for commit in commits) or "not recorded",
                "code": ", ".join(dict.fromkeys(text for text in own["source_hash"] if isinstance(text, str))) or "-",
                "command": part.command(str(cell)),
            }
        )
    return rows
