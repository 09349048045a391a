"""Robustness over starting widths, initializations, seeds, a method's own settings, and depth where it was varied."""

from markupsafe import Markup

from robustprune.analysis.figures import DEEP
from robustprune.analysis.read import with_depth
from robustprune.analysis.tables import WITH_DEPTH
from robustprune.page.figures import figure, figure_names
from robustprune.page.render import render
from robustprune.page.study import Study

ID, TITLE = "robustness", "Robustness"
GROUPS = {
    "Beside the method": ((), ("start_apart", "start_changes")),
    "Over starting widths": (
        ("kept_params_by_width", "error_by_width", "kept_units_by_slot"),
        ("equivalence", "sensitivity_width", "robustness_width"),
    ),
    "Over initializations and seeds": (
        ("kept_params_by_initialization", "error_by_initialization"),
        ("sensitivity_initialization", "robustness_initialization", "sensitivity_seed"),
    ),
    "Over a method's own settings": ((), ("settings_tried", "variants")),
}
"""Heading -> figures and tables."""
OPEN = "start_apart"
"""The table that is shown without a click."""
TABLES = tuple(name for _, tables in GROUPS.values() for name in tables)


def is_shown(name: str) -> bool:
    """Return whether a table stands in this section."""
    return name in TABLES or name in WITH_DEPTH


def show(study: Study) -> Markup:
    """Return figures and tables, a group each; a group without any says so.

    Groups are those of the study itself; depth may have been varied in another part.
    """
    part = study.main
    shown = [
        (
            heading,
            [(name, figure(part, name, study)) for name in figures],
            [(part, name, part.sheets.get(name), name == OPEN) for name in tables],
        )
        for heading, (figures, tables) in GROUPS.items()
    ]
    deep = [one for one in study.parts if len(with_depth(one.runs))] or [part]
    drawn = [(name, figure(one, name, study)) for one in deep for name in figure_names(one) if name in DEEP]
    sheets = [(one, name, one.sheets[name], False) for one in deep for name in WITH_DEPTH if name in one.sheets]
    return render("robustness.html", groups=[*shown, ("Over starting depths", drawn, sheets)])
