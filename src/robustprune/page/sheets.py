"""Readable tables, as `robustprune tables` writes them: their JSON is read, so that numbers stand here as there."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from robustprune.files import read_text, reading


class Section(BaseModel):
    """One table under a heading.

    rows: the text of each cell of each row; two asterisks on either side make it bold. cells: what the keys of each
    row's cells begin with, "" for a row of no method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    heading: str
    columns: list[str]
    rows: list[list[str]]
    cells: list[str]

    @model_validator(mode="after")
    def _rows_fit(self) -> "Section":
        if any(len(row) != len(self.columns) for row in self.rows) or len(self.cells) != len(self.rows):
            raise ValueError(f"section {self.heading!r} has rows that do not fit its columns")
        return self


class Sheet(BaseModel):
    """A table with its sections, as analysis.sheet.Sheet.json writes it; text: whether its columns are prose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    caption: str
    text: bool
    sections: list[Section]

    @property
    def rows(self) -> int:
        """The number of rows of all sections."""
        return sum(len(section.rows) for section in self.sections)


def read_sheet(path: Path) -> Sheet:
    """Read a table's JSON; raises StudyError for a file that is none."""
    with reading(path, "make it again with `robustprune tables`"):
        return Sheet.model_validate_json(read_text(path))
