"""Readable tables, as `robustprune tables` writes them: their pages are read, so that numbers stand here as there."""

import html
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from markupsafe import Markup

from robustprune.errors import StudyError
from robustprune.files import read_text


@dataclass
class Section:
    """One table under a heading. rows: the cells of each row. cells: what the keys of each row's cells begin with."""

    heading: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[Markup]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)


@dataclass
class Sheet:
    """A table with its sections; text: whether its columns are prose."""

    title: str = ""
    caption: str = ""
    text: bool = False
    sections: list[Section] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The number of rows of all sections."""
        return sum(len(section.rows) for section in self.sections)

    def of_method(self, method: str) -> bool:
        """Return whether a row sums up cells of this method."""
        return any(f"/{method}/" in cells for section in self.sections for cells in section.cells)


def read_sheet(path: Path) -> Sheet:
    """Read the page of a table; raises StudyError for a file that is no such page."""
    reader = _Reader()
    reader.feed(read_text(path))
    reader.close()
    if not reader.sheet.title:
        raise StudyError(f"{path}: not the page of a table; make it again with `robustprune tables`")
    return reader.sheet


class _Reader(HTMLParser):
    """Reads what analysis.sheet.Sheet.html writes: h2, then h3 and table of each section, then the caption."""

    def __init__(self) -> None:
        super().__init__()
        self.sheet = Sheet()
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "strong":
            self._text.append("<strong>")
            return
        if tag in ("h2", "h3", "th", "td", "p"):
            self._text = []
        elif tag == "table":
            self.sheet.text = "text" in (given.get("class") or "").split()
        elif tag == "tr" and self.sheet.sections[-1].columns:
            self.sheet.sections[-1].rows.append([])
            self.sheet.sections[-1].cells.append(given.get("data-cells") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "strong":
            self._text.append("</strong>")
            return
        text = "".join(self._text).strip()
        if tag == "h2":
            self.sheet.title = html.unescape(text)
        elif tag == "h3":
            self.sheet.sections.append(Section(html.unescape(text)))
        elif tag == "th":
            self.sheet.sections[-1].columns.append(html.unescape(text))
        elif tag == "td":
            self.sheet.sections[-1].rows[-1].append(Markup(text))
        elif tag == "p":
            self.sheet.caption = html.unescape(text)

    def handle_data(self, data: str) -> None:
        self._text.append(html.escape(data, quote=False))
