"""Tables of LaTeX that fit a page: texts in lines, several floats, wide tables sideways and, if need be, shrunk.

Sizes are estimated from numbers of characters, a little too large, so that no TeX is needed to write a table.
"""

import math
import re
import textwrap
from collections.abc import Iterator, Sequence

from robustprune.analysis.columns import STRONG

PACKAGES = "array, booktabs, graphicx, rotating"
WIDTH, HEIGHT = 487.0, 640.0
"""Points of a page: the width of its text, and a height that leaves room for the placing of floats."""
CHARACTER, LINE, BETWEEN, BELOW_ROW = 4.25, 9.5, 6.0, 2.0
"""Points of a digit, a line, the space between columns (footnotesize, tabcolsep of 3 points) and that below a row."""
CAPTION_CHARACTER, CAPTION_LINE = 4.9, 12.0
HEADING = 9
"""Characters of a line of a heading, where no word and no cell of the column is longer."""
SENTENCE = 45
"""Characters of a line of a sentence between numbers."""
BELOW = re.compile(r" (?=[\[(])")
"""Where a number, its interval and what stands in parentheses are put below each other."""
BREAKABLE = re.compile(r"(?<=[_/ ])")
"""Where words of prose, such as the key of a strength, may be broken."""
Cell = list[str]
"""The lines of a cell."""


def numbers(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str) -> str:
    """Return a table of numbers as one float, or as several where it has more rows than fit a page.

    Wide tables put intervals below their numbers. Those that are still too wide lie sideways, and are shrunk where the
    height of the page is not enough. The first float has the whole caption and the label, further ones a letter more.
    """
    cells = [[[text] for text in row] for row in rows]
    if _width(widths := _widths(headings, cells)) > WIDTH:
        cells = [[_stacked(text) for text in row] for row in rows]
        widths = _widths(headings, cells)
    across, down = (WIDTH, HEIGHT) if _width(widths) <= WIDTH else (HEIGHT, WIDTH)
    scale = min(1.0, across / _width(widths))
    top: list[Cell] = [
        textwrap.wrap(heading, round(width / CHARACTER), break_on_hyphens=False) or [""]
        for heading, width in zip(headings, widths, strict=True)
    ]
    room = (down - _caption_height(caption, across)) / scale - _height(top)
    sides = "l" + "r" * (len(headings) - 1)
    floats = []
    for part in _parts([_height(row) for row in cells], room):
        body = _tabular(sides, [list(map(_nested, row, sides)) for row in (top, *cells[part])])
        floats.append(f"\\scalebox{{{scale:.3f}}}{{%\n{body}}}\n" if scale < 1 else body)
    return _floats("table" if across == WIDTH else "sidewaystable", floats, caption, label)


def prose(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str) -> str:
    """Return a table of sentences, whose columns share the width by the length of their texts, as `numbers` does."""
    columns = list(zip(headings, *rows, strict=True))
    longest = [max(len(word) for text in column for word in BREAKABLE.split(text)) for column in columns]
    lengths = [math.sqrt(sum(map(len, column)) / len(column)) for column in columns]
    room = max(0.0, WIDTH - BETWEEN * len(headings) - CHARACTER * sum(longest))
    widths = [CHARACTER * word + room * own / sum(lengths) for word, own in zip(longest, lengths, strict=True)]
    heights = [
        BELOW_ROW
        + LINE * max(math.ceil(1.15 * CHARACTER * len(text) / width) for text, width in zip(row, widths, strict=True))
        for row in rows
    ]
    format_ = "".join(f">{{\\raggedright\\arraybackslash}}p{{{width - 0.05:.1f}pt}}" for width in widths)
    shown = [[r"\allowbreak{}".join(map(escaped, BREAKABLE.split(text))) for text in row] for row in rows]
    parts = _parts(heights, HEIGHT - _caption_height(caption, WIDTH) - 2 * LINE)
    floats = [_tabular(format_, [list(map(escaped, headings)), *shown[part]]) for part in parts]
    return _floats("table", floats, caption, label)


def escaped(text: str) -> str:
    """Return the text with escapes for LaTeX's special characters, and in bold what is marked so.

    A bracket at the beginning is set apart: behind the end of a line it would be an argument.
    """
    names = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
    text = re.sub(r"[\\~^<>&%$#_{}]", lambda match: names.get(match[0], "\\" + match[0]), text)
    text = STRONG.sub(r"\\textbf{\1}", text)
    return "{}" + text if text.startswith(("[", "*")) else text


def _stacked(text: str) -> Cell:
    """Return a number, its interval and what stands in parentheses as a line each, and long sentences in lines.

    All lines are strong where the text is.
    """
    strong = STRONG.fullmatch(text)
    plain = strong[1] if strong else text
    lines = BELOW.split(plain) if len(plain) <= SENTENCE else textwrap.wrap(plain, SENTENCE)
    return [f"**{line}**" for line in lines] if strong else lines


def _widths(headings: Sequence[str], cells: Sequence[Sequence[Cell]]) -> list[float]:
    """Return the points of every column: those of its longest line or word of the heading, HEADING at least."""
    widths = []
    for place, heading in enumerate(headings):
        lines = [line.replace("**", "") for row in cells for line in row[place]]
        widths.append(CHARACTER * max(map(len, [*lines, *heading.split(), heading[:HEADING]])))
    return widths


def _width(widths: Sequence[float]) -> float:
    return sum(widths) + BETWEEN * len(widths)


def _height(row: Sequence[Cell]) -> float:
    return LINE * max(map(len, row), default=1) + BELOW_ROW


def _caption_height(caption: str, across: float) -> float:
    return CAPTION_LINE * (math.ceil(CAPTION_CHARACTER * len(caption) / across) + 1)


def _parts(heights: Sequence[float], room: float) -> Iterator[slice]:
    """Yield the rows of each float: as many as fit, at least one."""
    begin, used = 0, 0.0
    for row, height in enumerate(heights):
        if row > begin and used + height > room:
            yield slice(begin, row)
            begin, used = row, 0.0
        used += height
    yield slice(begin, len(heights))


def _nested(cell: Cell, side: str) -> str:
    if len(cell) == 1:
        return escaped(cell[0])
    lines = r"\\".join(map(escaped, cell))
    return f"\\begin{{tabular}}{{@{{}}{side}@{{}}}}{lines}\\end{{tabular}}"


def _tabular(format_: str, rows: Sequence[Sequence[str]]) -> str:
    heading, *lines = [f"{' & '.join(row)} \\\\[{BELOW_ROW:g}pt]" for row in rows]
    top = [f"\\begin{{tabular}}{{{format_}}}", r"\toprule", heading, r"\midrule"]
    return "\n".join([*top, *lines, r"\bottomrule", r"\end{tabular}", ""])


def _floats(environment: str, bodies: Sequence[str], caption: str, label: str) -> str:
    """Return the floats of one table; those behind the first say that they continue it."""
    floats = []
    for number, body in enumerate(bodies):
        own = caption if number == 0 else f"{caption.split('. ')[0]} (continued)."
        name = label if number == 0 else f"{label}-{chr(ord('a') + number)}"
        floats.append(
            f"\\begin{{{environment}}}\n\\caption{{{escaped(own)}}}\n\\label{{tab:{name}}}\n\\centering\\footnotesize\n"
            f"\\setlength{{\\tabcolsep}}{{{BETWEEN / 2:g}pt}}\n{body}\\end{{{environment}}}\n"
        )
    return "\n".join(floats)
