"""Figures as the page shows them: embedded, with the command that draws them again."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from robustprune.analysis.figures import DRAWN, THEORY, caption
from robustprune.page.study import Part, Study

COLOURS = 96
"""Colours of an embedded picture: a third of its bytes, and no difference to the eye in a line plot."""
LARGE = 4_000_000
"""Dots of a picture that is too heavy for the page at full resolution: a tall one with hundreds of lines."""
PATH, TAIL = re.compile(rb' d="[^"]*"'), re.compile(rb"(?<=\d\.\d\d)\d+")
"""Drawn paths of an SVG, and the decimals of their points that nobody sees."""
USUAL = 0.95
"""The level that `robustprune figure` takes without --confidence."""


@dataclass(frozen=True)
class Figure:
    """An embedded figure. address: a data URI. width, height: its own size in pixels of the page."""

    name: str
    part: str
    address: str
    width: int
    height: int
    caption: str
    command: str


def figure(part: Part, name: str, study: Study, vectors: bool = False) -> Figure | None:
    """Return a figure of a part, as SVG or (many times smaller) as WebP; None where it was not drawn."""
    path = part.figures / f"{name}.{'svg' if vectors else 'png'}" if part.figures else None
    if path is None or not path.exists():
        return None
    content, media, size = _vectors(path) if vectors else _pixels(path)
    address = f"data:{media};base64,{base64.b64encode(content).decode()}"
    command = f"robustprune figure {name}"
    if name not in THEORY:
        command += f" --source {part.source.as_posix()}"
        command += "" if study.confidence == USUAL else f" --confidence {study.confidence:g}"
    return Figure(name, part.name, address, *size, caption(name), f"{command} --output {path.parent.as_posix()}")


def figure_names(part: Part) -> list[str]:
    """Return the figures that were drawn for a part, in the order of the package."""
    drawn = {path.stem for path in part.figures.glob("*.png")} if part.figures else set()
    return [name for name in [*DRAWN, *THEORY] if name in drawn]


def _vectors(path: Path) -> tuple[bytes, str, tuple[int, int]]:
    """Return an SVG of matplotlib without TAIL and indentation, its media type, and its size: points are 4/3 pixels."""
    content = re.sub(rb"\n +", b"\n", path.read_bytes())
    content = PATH.sub(lambda drawn: TAIL.sub(b"", drawn.group()), content)
    box = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', content[:5000])
    width, height = (float(side) * 4 / 3 for side in box.groups()) if box else (960.0, 720.0)
    return content, "image/svg+xml", (round(width), round(height))


def _pixels(path: Path) -> tuple[bytes, str, tuple[int, int]]:
    """Return a PNG as lossless WebP with COLOURS colours, its media type, and its size: at 160 dots an inch, 96 pixels
    an inch. WebP takes three quarters of the bytes.

    One of more than LARGE dots has a dot for a pixel.
    """
    with Image.open(path) as image:
        size = round(image.width * 0.6), round(image.height * 0.6)
        coloured = image.convert("RGB")
    if coloured.width * coloured.height > LARGE:
        coloured = coloured.resize(size, Image.Resampling.LANCZOS)
    small, written = coloured.quantize(COLOURS, method=Image.Quantize.FASTOCTREE), io.BytesIO()
    small.convert("RGB").save(written, "webp", lossless=True, quality=100, method=6)
    return written.getvalue(), "image/webp", size
