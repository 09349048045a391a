"""Writing of the results page."""

from collections.abc import Sequence
from pathlib import Path

from robustprune.files import write_text
from robustprune.page.render import render, source
from robustprune.page.sections import SECTIONS
from robustprune.page.study import study_of


def write_page(
    parts: Sequence[Sequence[str]], output: Path, confidence: float = 0.95, check: Path | None = None
) -> Path:
    """Write the page of a study as one HTML file that asks for no other; return its path.

    parts: name, folder of collected tables, of tables, and of figures, each; "-" for no folder; the study first.
    check: folder of a comparison with a reference, if there is one.
    Raises StudyError for a part without collected tables and for damaged ones.
    """
    study = study_of(parts, confidence, check)
    shown = [(module.ID, module.TITLE, module.show(study)) for module in SECTIONS]
    text = render(
        "page.html",
        sections=[section for section in shown if section[-1]],
        style=source("style.css"),
        scripts=source("tables.js"),
    )
    write_text(output, f"{text}\n")
    return output
