"""Maps of the input pixels that networks keep."""

from markupsafe import Markup

from robustprune.page.figures import figure
from robustprune.page.render import render
from robustprune.page.study import Part, Study

ID, TITLE = "pixels", "Which pixels are kept"
NAME = "kept_pixels"


def show(study: Study) -> Markup:
    """Return the maps of every part that has the kept units of its networks."""
    drawn = [(NAME, figure(part, NAME, study)) for part in study.parts if _units_are_known(part)]
    shown = [(name, found) for name, found in drawn if found]
    if shown:
        intro = ""
    elif _units_are_known(study.main):
        intro = f"No maps: the figure {NAME} was not drawn for these results."
    else:
        intro = (
            f"No maps: {(study.main.source / 'kept.parquet').as_posix()}, which says which units each network kept, is "
            "not there. Tables that were collected by older versions lack it."
        )
    return render("figures.html", intro=intro, figures=shown)


def _units_are_known(part: Part) -> bool:
    return (part.source / "kept.parquet").exists()
