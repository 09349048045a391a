"""Maps of the input pixels that networks keep."""

from markupsafe import Markup

from robustprune.page.figures import figure
from robustprune.page.render import render
from robustprune.page.study import Study

ID, TITLE = "pixels", "Which pixels are kept"
NAME = "kept_pixels"


def show(study: Study) -> Markup:
    """Return the maps of every part that has the kept units of its networks."""
    kept = [part for part in study.parts if (part.source / "kept.parquet").exists()]
    shown = [(NAME, figure(part, NAME, study)) for part in kept]
    intro = "" if any(found for _, found in shown) else (
        f"No maps: {study.main.source / 'kept.parquet'}, which says which units each network kept, is not there. "
        "Tables that were collected by older versions lack it."
    )
    return render("figures.html", intro=intro, figures=[(name, found) for name, found in shown if found])
