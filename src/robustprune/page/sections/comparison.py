"""How these runs compare with a reference, where the configuration names one (compare_with)."""

from dataclasses import replace

from markupsafe import Markup

from robustprune.files import read_text
from robustprune.page.figures import figure
from robustprune.page.render import render
from robustprune.page.study import Part, Study

ID, TITLE = "comparison", "Compared with the reference"
TABLE, FIGURE = "consistency", "start_matters"


def show(study: Study) -> Markup:
    """Return the answer of `robustprune check` with its table and figure; nothing without a comparison."""
    answer = study.check / f"{TABLE}.txt" if study.check else None
    if answer is None or not answer.exists():
        return Markup("")
    checked = Part(study.main.name, study.main.source, study.check, study.check)
    drawn = figure(checked, FIGURE, study)
    return render(
        "comparison.html",
        lines=read_text(answer).splitlines(),
        sheets=[(checked, TABLE, checked.sheets.get(TABLE), False)],
        figures=[(FIGURE, replace(drawn, caption=f"{drawn.caption} Light: the reference.", command=""))]
        if drawn
        else [],
    )
