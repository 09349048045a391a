"""The check of runs against a reference: table, headline figure over that of the reference, and the answer."""

from dataclasses import replace
from pathlib import Path

from robustprune.analysis.consistency import (
    FEW,
    LEVEL,
    NO_CELL,
    SHOWN,
    conclusion,
    consistency,
    coverage,
    passed,
    verdicts_line,
)
from robustprune.analysis.figures import draw_figure
from robustprune.analysis.missing import missing_cells, missing_note
from robustprune.analysis.read import read_every_run
from robustprune.analysis.sheet import Sheet
from robustprune.errors import StudyError
from robustprune.files import write_table, write_text
from robustprune.study.cells import AXES

NAME = "consistency"
FIGURE = "start_matters"
FAILED = 3
"""Exit status where the check did not pass."""


def write_check(source: Path, reference: Path, folder: Path, confidence: float = 0.95) -> tuple[str, bool]:
    """Compare the tables in two folders; return the answer in three lines, and whether it passed.

    Writes consistency.csv, its page (.html), the answer (.txt) and the figure into `folder`. Passed: every cell lies
    in its prediction interval, no verdict of equivalence is no, no cell of the runs is missing and none has settings
    other than those of the reference (docs/protocol.md, B21). Raises StudyError where
    the folders have no cell that can be compared. confidence: level of the intervals in the figure.
    """
    runs, known = read_every_run(source), read_every_run(reference)
    (table, left_out), missing = consistency(runs, known), missing_cells(source)
    if not len(table):
        raise StudyError(
            f"nothing in {source} can be compared with {reference}: expected a cell of the same settings and training "
            "in both, with at least three networks with numbers in the reference; name another --reference"
        )
    line = conclusion(table)
    text = (
        f"These runs: {source}; reference: {reference}. Means over networks, of sizes and units geometric. Expected: "
        "the prediction interval of the mean of n further networks from the spread of the reference's networks "
        "(Student's t; for units, which are whole, one unit wider at either end; simultaneous over all "
        f"{len(table)} comparisons at level {LEVEL:.0%}, Bonferroni). Networks are compared as samples: those of equal "
        "seeds differ, as rounding depends on how many train together. With few networks the intervals are wide, so "
        "yes does not mean equal. Equivalent: within 10 % of size (LeNet-5: 25 %), 15 % of the units of a slot and "
        "0.15 points of error, by 90 % intervals; mostly too few networks to decide (docs/protocol.md, B21)."
    )
    note = missing_note(source)
    sheet = Sheet.of(table, SHOWN, line[0].upper() + line[1:], text)
    sheet = replace(sheet, caption=f"{text} {note}.") if note else sheet
    compared = coverage(len(table[list(AXES)].drop_duplicates()), left_out, missing)
    answer = f"{line}\n{verdicts_line(table)}\n{compared}"
    other = [name for name, reason in left_out.items() if reason not in (NO_CELL, FEW)]
    write_table(table, folder / f"{NAME}.csv")
    for suffix, content in (("html", sheet.html()), ("json", sheet.json()), ("txt", f"{answer}\n")):
        write_text(folder / f"{NAME}.{suffix}", content)
    draw_figure(FIGURE, source, folder, confidence, over=reference)
    return answer, passed(table) and not other and not missing
