"""Robustness over starting widths, initializations, seeds, a method's own settings, and depth where it was varied."""

from markupsafe import Markup

from robustprune.page.figures import figure, figure_names
from robustprune.page.render import render
from robustprune.page.study import Study

ID, TITLE = "robustness", "Robustness"
GROUPS = {
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
TABLES = tuple(name for _, tables in GROUPS.values() for name in tables)
DEPTH = "depth"
"""What tables and figures over depths have in their names."""


def is_shown(name: str) -> bool:
    """Return whether a table stands in this section."""
    return name in TABLES or DEPTH in name


def show(study: Study) -> Markup:
    """Return figures and tables, a group each; a group without any says so."""
    part = study.main
    groups = dict(GROUPS)
    over_depth = [name for name in part.sheets if DEPTH in name]
    drawn = [name for name in figure_names(part) if DEPTH in name]
    groups["Over depth"] = (tuple(drawn), tuple(over_depth))
    shown = [
        (
            heading,
            [(name, figure(part, name, study)) for name in figures],
            [(part, name, part.sheets.get(name), False) for name in tables],
        )
        for heading, (figures, tables) in groups.items()
    ]
    return render("robustness.html", groups=shown)
