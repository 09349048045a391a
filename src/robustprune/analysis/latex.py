"""Tables of LaTeX that fit a page: cells of several lines, several floats, and wide tables sideways."""

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from robustprune.analysis.latex_text import SIZE, escaped, pieces, stacked, width, wrapped

PACKAGES = "booktabs, graphicx, rotating"
PAGE = (487.0, 690.0)
"""Points of the text of a page."""
FILLED = 0.94
"""The share of a page's height that is used: the rest is for space around captions and rules."""
LINE, GAP, BETWEEN = 9.5, 2.0, 6.0
"""Points of a line, and of the space between rows of several lines and between columns."""
LEAST = 0.8
"""By how much a table is rather shrunk than laid out with more lines or sideways."""
STEP = 2.0
"""By how many points a column is made wider at a time."""
LINES, HEADING = 5, 4
"""The most lines of a cell, where words can be broken so often, and of a heading."""
CAPTION_CHARACTER, CAPTION_LINE = 5.4, 13.6
"""Points of a caption's characters and lines, in a document of 11 points."""
FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""Shrinks what is wider than the line."""


@dataclass(frozen=True)
class Layout:
    """How a table lies on a page: the points of its columns, whether it lies sideways, and by how much it is shrunk."""

    widths: Sequence[float]
    sideways: bool
    scale: float


def floats(
    headings: Sequence[str], rows: Sequence[Sequence[str]], title: str, caption: str, label: str, *, text: bool
) -> str:
    """Return a table as one float, or as several where it has more rows than fit a page.

    rows: a text per heading. Every float has the title, only the first one the caption. label: that of the first float
    is tab:<label>, those of the others are tab:<label>-part-<number>. text: whether all columns are prose.
    """
    columns = [[pieces(cell) for cell in column] for column in zip(headings, *rows, strict=True)]
    left = [text or not place or _words(column[1:]) for place, column in enumerate(columns)]
    layout = laid_out(columns)
    lines = [_lines(*column) for column in zip(columns, layout.widths, left, strict=True)]
    top, *cells = zip(*lines, strict=True)
    across, down = reversed(PAGE) if layout.sideways else PAGE
    free = down * FILLED - CAPTION_LINE * (math.ceil(CAPTION_CHARACTER * len(f"{title}. {caption}") / across) + 1)
    gap = GAP if any(len(cell) > 1 for row in cells for cell in row) else 0.0
    parts = _parts([_height(row) + gap for row in cells], free / layout.scale - _height(top))
    sides = "".join("l" if words else "r" for words in left)
    environment = "sidewaystable" if layout.sideways else "table"
    shown = []
    for number, part in enumerate(parts, 1):
        body = _tabular(sides, top, cells[part], f"\\\\[{gap:g}pt]" if gap else "\\\\")
        name = label if number == 1 else f"{label}-part-{number}"
        shown.append(
            f"\\begin{{{environment}}}\n{_caption(title, caption, number, len(parts), label)}\n\\label{{tab:{name}}}\n"
            f"\\smallskip\\centering\\fontsize{{{SIZE:g}}}{{{LINE:g}}}\\selectfont\n"
            f"\\setlength{{\\tabcolsep}}{{{BETWEEN / 2:g}pt}}\n{FIT}\n{body}}}\n\\end{{{environment}}}\n"
        )
    return "\n".join(shown)


def laid_out(columns: Sequence[Sequence[Sequence[str]]]) -> Layout:
    """Return the layout with the fewest lines in a cell; sideways only what is too wide for an upright page.

    columns: the pieces (latex_text.pieces) of a column's heading and of its cells. What room a page has left is given
    to the columns from left to right, and then to the headings.
    """
    for sideways, across in enumerate(PAGE):
        for lines in range(1, LINES + 1):
            widths = [_points(column, lines, HEADING) for column in columns]
            if _sum(widths) <= across / LEAST:
                return _roomy(columns, widths, lines, bool(sideways), across)
    return _roomy(columns, widths, LINES, True, across)


def _roomy(
    columns: Sequence[Sequence[Sequence[str]]], widths: list[float], lines: int, sideways: bool, across: float
) -> Layout:
    """Return the layout whose columns, and then headings, have fewer lines where the page has room for that."""
    room = max(across, _sum(widths))
    for place, column in enumerate(columns):
        for fewer in range(1, lines):
            wider = [*widths[:place], _points(column, fewer, HEADING), *widths[place + 1 :]]
            if _sum(wider) <= room:
                widths = wider
                break
    for fewer in range(1, HEADING):
        wider = [max(own, _points(column[:1], 1, fewer)) for own, column in zip(widths, columns, strict=True)]
        if _sum(wider) <= room:
            widths = wider
            break
    return Layout(widths, sideways, min(1.0, across / _sum(widths)))


def _points(column: Sequence[Sequence[str]], lines: int, heading: int) -> float:
    """Return the least points at which no cell has more than `lines` lines and the heading no more than `heading`."""
    points = max(width(piece.strip()) for cell in column for piece in cell)
    for most, cells in ((heading, column[:1]), (lines, column[1:])):
        for cell in {tuple(cell) for cell in cells}:
            points += STEP * _steps(cell, most, points) if len(cell) > most else 0
    return points


def _steps(cell: Sequence[str], most: int, points: float) -> int:
    """Return how many steps from these points on the cell has at most that many lines; more points never add a line."""
    steps = range(max(1, math.ceil((width("".join(cell)) - points) / STEP) + 1))
    return bisect_left(steps, True, key=lambda step: len(wrapped(cell, points + STEP * step)) <= most)


def _sum(widths: Sequence[float]) -> float:
    return sum(widths) + BETWEEN * len(widths)


def _words(cells: Sequence[Sequence[str]]) -> bool:
    """Return whether a column holds words, such as verdicts and keys, rather than numbers."""
    return any(cell[0].strip("*(")[:1].isalpha() for cell in cells)


def _lines(column: Sequence[Sequence[str]], points: float, words: bool) -> list[list[str]]:
    """Return the lines of each cell; where one number has several, all have their interval in a line of its own."""
    heading, *cells = [wrapped(cell, points) for cell in column]
    if not words and any(len(cell) > 1 for cell in cells):
        cells = [stacked(cell, points) for cell in column[1:]]
    return [heading, *cells]


def _height(row: Sequence[Sequence[str]]) -> float:
    return LINE * max(map(len, row))


def _parts(heights: Sequence[float], room: float) -> list[slice]:
    """Return the rows of each float: as few floats as fit `room` points each, of about the same height."""
    slices = _filled(heights, room)
    even = sum(heights) / len(slices) + max(heights, default=0) / 2
    better = _filled(heights, min(room, even))
    return better if len(better) == len(slices) else slices


def _filled(heights: Sequence[float], room: float) -> list[slice]:
    begin, used, slices = 0, 0.0, []
    for row, height in enumerate(heights):
        if row > begin and used + height > room:
            slices.append(slice(begin, row))
            begin, used = row, 0.0
        used += height
    return [*slices, slice(begin, len(heights))]


def _caption(title: str, caption: str, number: int, of: int, label: str) -> str:
    """Return the caption of a float; a list of tables shows the title alone."""
    title, caption = escaped(title), escaped(caption)
    if of == 1:
        return f"\\caption[{{{title}}}]{{{title}. {caption}}}"
    if number == 1:
        return f"\\caption[{{{title} (1 of {of})}}]{{{title} (1 of {of}). {caption}}}"
    first = f"continued from Table~\\ref{{tab:{label}}}"
    return f"\\caption[{{{title} ({number} of {of})}}]{{{title} ({number} of {of}, {first}).}}"


def _tabular(sides: str, top: Sequence[Sequence[str]], rows: Sequence[Sequence[Sequence[str]]], end: str) -> str:
    """Return a table whose rows of several lines are several rows of LaTeX; headings end in the same line."""
    most = max(map(len, top))
    heading = [[*[""] * (most - len(cell)), *cell] for cell in top]
    body = [line for row in rows for line in _row(row, end)]
    begin = [f"\\begin{{tabular}}{{{sides}}}", r"\toprule", *_row(heading, r"\\"), r"\midrule"]
    return "\n".join([*begin, *body, r"\bottomrule", r"\end{tabular}%", ""])


def _row(cells: Sequence[Sequence[str]], end: str) -> list[str]:
    """Return a row as lines of LaTeX, the last of which has the given end.

    A bracket or star at the begin of a line is set apart: it would belong to the end of the line before.
    """
    lines = (" & ".join(map(escaped, line)) for line in itertools.zip_longest(*cells, fillvalue=""))
    *first, last = ["{}" + line if line.startswith(("[", "*")) else line for line in lines]
    return [*(f"{line} \\\\" for line in first), f"{last} {end}"]
