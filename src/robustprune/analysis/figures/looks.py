"""Colours and markers of methods: fixed for those of the package, spare ones for others.

Only the method under study is blue and has circles.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

# the default study has Okabe and Ito's colours, distinguishable with the common colour-vision deficiencies; references
# that are no methods are grey; methods that only the sweep shows beside all others have further colours
BLUE, ORANGE, GREEN, VERMILION, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
BROWN, BLACK, GREY, SILVER = "#8C6D31", "#000000", "#6E6E6E", "#A6A6A6"
PURPLE, LIME, GOLD, TEAL, FOREST, MAROON = "#6A3D9A", "#7CAE00", "#C9A800", "#44AA99", "#1B5E20", "#7F1D1D"
LILAC, SALMON, OLIVE, WINE, STEEL = "#9C8FE0", "#F28E7F", "#6B6B00", "#AA0A5E", "#4B5D67"
REFERENCES = {"bernoulli": (BLUE, "o"), "dense": (BLACK, "X"), "random": (GREY, "v"), "width_uniform": (SILVER, "^")}
"""The method under study, and the references that every method is compared with."""
FAMILIES = {
    "stochastic gates": {
        "l0_hc": (GREEN, ">"),
        "l0_arm": (PURPLE, "<"),
        "generalized_dropout": (BROWN, "h"),
        "beta_bernoulli": (LIME, "P"),
    },
    "variational": {
        "sbp": (GOLD, "D"),
        "bmrs_n": (TEAL, "s"),
        "bmrs_u": (FOREST, "p"),
        "vib": (PINK, "*"),
        "bc_gnj": (MAROON, "P"),
        "bc_ghs": (LILAC, "h"),
        "ss_ig": (SALMON, "<"),
    },
    "penalties, criteria and others": {
        "magnitude": (ORANGE, "s"),
        "taylor": (SKY, "P"),
        "group_lasso": (VERMILION, "D"),
        "slimming": (OLIVE, ">"),
        "torch_pruning": (WINE, "*"),
        "d_gating": (STEEL, "h"),
    },
}
"""Method families. Each method has its own colour, and its own marker within its family and the default study."""
CONTROLS = {
    "ticket": (GREEN, "s"),
    "random_ticket": (ORANGE, "D"),
    "scratch_e": (VERMILION, "P"),
    "scratch_b": (SKY, "h"),
}
"""Looks of controls, whose figures show no methods."""
LOOKS = {**REFERENCES, **CONTROLS} | {name: own for family in FAMILIES.values() for name, own in family.items()}
SPARE_COLOURS = (
    *(ORANGE, GREEN, VERMILION, PINK, SKY, BROWN, PURPLE, LIME, GOLD, TEAL, FOREST, MAROON, LILAC, SALMON, OLIVE, WINE),
    *("#FF6EC7", "#00A3A3", "#5C4033", "#B5651D", STEEL, "#8FBC8F"),
)
SPARE_MARKERS = ("d", "8", "H", "s", "D", "P", "h", "p", "*", "<", ">")
SIZES = {"*": 8, "P": 6}  # in points, of markers that look smaller than others at equal size
LINES = ("-", "--", ":", "-.", (0, (7, 1, 1, 1, 1, 1)), (0, (10, 4)), (0, (2, 1)), (0, (1, 4)))


class Looks:
    """Colour and marker of each method of one figure.

    A method of the package looks the same in every figure. Other methods, in the order of their names, get unused
    colours; where these run out, used colours with another marker.
    """

    def __init__(self, methods: Iterable[str]):
        names = set(methods)
        self._looks = {name: LOOKS[name] for name in names if name in LOOKS}
        taken = {colour for colour, _ in self._looks.values()}
        pairs = [(colour, SPARE_MARKERS[0]) for colour in SPARE_COLOURS if colour not in taken]
        pairs += [(colour, marker) for marker in SPARE_MARKERS[1:] for colour in SPARE_COLOURS]
        free = (pair for pair in pairs if pair not in set(self._looks.values()))
        self._looks |= dict(zip(sorted(names - set(LOOKS)), free, strict=False))

    def __call__(self, method: str, strength_rank: int = 0) -> dict[str, Any]:
        """Return keywords of a matplotlib line; strengths differ by line style."""
        colour, marker = self._looks[method]
        return {
            "color": colour,
            "marker": marker,
            "linestyle": LINES[strength_rank % len(LINES)],
            "markersize": SIZES.get(marker, 5),
        }

    def series_of(self, panel: pd.DataFrame) -> Iterator[tuple[str, str, dict, pd.DataFrame]]:
        """Yield the series of one panel: method, legend label, look, rows.

        The label contains the strength where a method has several in the panel; these differ by line style.
        """
        for method, of_method in panel.groupby("method", sort=False):
            strengths = list(of_method.groupby("strength", sort=False))
            for rank, (strength, rows) in enumerate(strengths):
                yield method, f"{method} ({strength})" if len(strengths) > 1 else method, self(method, rank), rows


def family(method: str) -> str | None:
    """Return the family of a method; None for references, the last family for methods that no family lists."""
    if method in REFERENCES:
        return None
    return next((name for name, own in FAMILIES.items() if method in own), list(FAMILIES)[-1])
