"""Cells of a study that have no results yet (missing.csv)."""

from pathlib import Path

from robustprune.records.digests import check_tables
from robustprune.records.tables import read_csv_table


def missing_cells(folder: Path) -> list[str]:
    """Return the keys of the cells without results (missing.csv of a folder; none without one)."""
    path = folder / "missing.csv"
    if not path.exists():
        return []
    check_tables(folder, (path.name,))
    return read_csv_table(path)["cell"].tolist()


def missing_note(folder: Path) -> str:
    """Return the note on cells without results (missing.csv) for tables and figures of a folder, "" without any."""
    count = len(missing_cells(folder))
    return "" if not count else f"Cells of this study without results yet: {count} (missing.csv)"
