"""Text of LaTeX tables: escapes, and lines whose width is estimated, so that no TeX is needed to write a table."""

import re
from collections.abc import Sequence

from robustprune.analysis.columns import STRONG

SIZE = 8.0
"""Points of the text of a table."""
EMS = [
    (" .,;:'!|il", 0.31),
    ("()[]fjrst-", 0.42),
    ("mwMW%&+=<>", 0.98),
    ("ABCDEFGHIJKLNOPQRSTUVXYZ", 0.78),
    ("0123456789/aceovxyz", 0.55),
    ("bdghknpqu_", 0.6),
]
"""Characters and the width of the widest of them in Computer Modern, in units of SIZE, rounded up."""
EM = {character: em for characters, em in EMS for character in characters}
OTHER, BOLD = 1.0, 1.13
"""The width of any other character, and how much wider bold text is."""
SPACE = re.compile(r"(?<=[^=] )(?![%/=]|points\b)(?![^\[]*\])")
"""Where a line may end: behind a space, but not in an interval, in "n = 5", nor before a unit or a stroke."""
LONG = 16
"""Characters of a word, such as the key of a strength, behind whose strokes and hyphens a line may end."""
STROKE = re.compile(r"(?<=[_/-])(?=\w)")


def escaped(text: str) -> str:
    """Return the text with escapes for LaTeX's special characters, and in bold what is marked so."""
    names = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
    text = re.sub(r"[\\~^<>&%$#_{}]", lambda match: names.get(match[0], "\\" + match[0]), text)
    return STRONG.sub(r"\\textbf{\1}", text)


def width(text: str) -> float:
    """Return the estimated points of a line, rather too many than too few."""
    shown = text.replace("**", "")
    return SIZE * (BOLD if shown != text else 1.0) * sum(EM.get(character, OTHER) for character in shown)


def pieces(text: str) -> list[str]:
    """Return what must stay on one line, each with the space behind it; of text in bold every piece is bold."""
    strong = STRONG.fullmatch(text)
    words = SPACE.split(strong[1] if strong else text)
    parts = [part for word in words for part in (STROKE.split(word) if _long(word) else [word])]
    return [f"**{part}**" for part in parts] if strong else parts


def wrapped(parts: Sequence[str], across: float) -> list[str]:
    """Return the pieces in as few lines as have `across` points each; a longer piece has a line of its own."""
    lines: list[str] = []
    for part in parts:
        longer = (lines[-1] + part).replace("****", "") if lines else part
        if lines and width(_stripped(longer)) <= across:
            lines[-1] = longer
        else:
            lines.append(part)
    return [_stripped(line) for line in lines]


def stacked(parts: Sequence[str], across: float) -> list[str]:
    """Return the lines of `wrapped`, with the interval below its mean."""
    interval = next((place for place, part in enumerate(parts) if part.strip("*").startswith("[")), 0)
    return [*wrapped(parts[:interval], across), *wrapped(parts[interval:], across)]


def _long(word: str) -> bool:
    return len(word.strip()) > LONG and not word.startswith("[")


def _stripped(line: str) -> str:
    return re.sub(r" (\**)$", r"\1", line)
