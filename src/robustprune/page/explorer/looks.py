"""Colours and markers of the explorer: those of the figures, as hexadecimal colours and SVG paths."""

import math

from robustprune.analysis.figures.looks import Looks


def _polygon(corners: int, turn: float = 0.0, inner: float = 1.0) -> str:
    """Return the path of a regular polygon in the unit circle; inner: radius of every second corner, of a star."""
    points = []
    for corner in range(corners):
        radius, angle = inner if corner % 2 else 1.0, 2 * math.pi * corner / corners + turn - math.pi / 2
        points.append(f"{radius * math.cos(angle):.2f},{radius * math.sin(angle):.2f}")
    return f"M{'L'.join(points)}Z"


_CROSS = "M-.33-1H.33V-.33H1V.33H.33V1H-.33V.33H-1V-.33H-.33Z"
_DIAGONAL = "M-.9-.5L-.5-.9L0-.4L.5-.9L.9-.5L.4,0L.9,.5L.5,.9L0,.4L-.5,.9L-.9,.5L-.4,0Z"
PATHS = {
    "o": "M-.8,0A.8,.8 0 1,1 .8,0A.8,.8 0 1,1 -.8,0Z",
    "s": "M-.8-.8H.8V.8H-.8Z",
    "D": _polygon(4),
    "d": "M0-1L.6,0L0,1L-.6,0Z",
    "^": _polygon(3),
    ">": _polygon(3, math.pi / 2),
    "v": _polygon(3, math.pi),
    "<": _polygon(3, -math.pi / 2),
    "P": _CROSS,
    "X": _DIAGONAL,
    "*": _polygon(10, inner=0.45),
    "p": _polygon(5),
    "h": _polygon(6),
    "H": _polygon(6, math.pi / 6),
    "8": _polygon(8, math.pi / 8),
}
"""Marker of matplotlib -> path within the square from -1 to 1."""


def looks_of(methods: list[str]) -> dict[str, tuple[str, str]]:
    """Return method -> colour and path, as the figures of the study have them."""
    looks = Looks(methods)
    return {method: (looks(method)["color"], PATHS[looks(method)["marker"]]) for method in methods}
