"""The headline figure: does the start matter?"""

from markupsafe import Markup

from robustprune.page.figures import figure
from robustprune.page.render import render
from robustprune.page.study import Study

ID, TITLE = "headline", "Does the start matter?"
NAME = "start_matters"


def show(study: Study) -> Markup:
    """Return the figure as vectors, with its caption and the command that draws it."""
    return render("figures.html", intro="", figures=[(NAME, figure(study.main, NAME, study, vectors=True))])
