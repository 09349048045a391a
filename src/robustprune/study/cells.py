"""Cells: combinations of data set, architecture, track, method, strength, initialization and width."""

import difflib
import hashlib
import itertools
import json
from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError

from robustprune.errors import StudyError
from robustprune.study.config import (
    OPERATING_POINT,
    Grid,
    Strict,
    StudyConfig,
    TrainingSettings,
    describe,
)
from robustprune.study.names import ArchitectureName, DatasetName, Initialization, StrengthKey, Track, Width

AXES = ("dataset", "architecture", "track", "method", "strength", "initialization", "width", "budget")
"""The fields of a cell that make up its key."""
CELL_PATH = "{dataset}/{architecture}-{track}/{method}/{strength}/{initialization}/width-{width}"
"""The folder of a cell below runs/, which is its key: AXES filled in, the width as in "0.5" or "1", followed by the
budget where that is not `epochs`, as in "1-macs"."""


def cell_key(axes: Iterable[Any]) -> str:
    """Return the key of the cell with these values of AXES, e.g. mnist/lenet5-full/dense/dense/he_normal/width-1."""
    values = dict(zip(AXES, axes, strict=True))
    budget = "" if values["budget"] == "epochs" else f"-{values['budget']}"
    return CELL_PATH.format(**{**values, "width": f"{values['width']:g}{budget}"})


class Cell(Strict):
    """The complete configuration of one training job: a combination of AXES with all its replicates."""

    dataset: DatasetName
    architecture: ArchitectureName
    track: Track = "full"
    method: str
    strength: StrengthKey
    settings: dict[str, Any] = Field({}, description="the method's settings, as the strength key names them")
    initialization: Initialization = "he_normal"
    width: Width = 1.0
    replicates: int = Field(5, ge=1)
    training: TrainingSettings = TrainingSettings()

    @property
    def budget(self) -> str:
        """What ends the training: `epochs` or `macs`."""
        return self.training.budget

    @property
    def key(self) -> str:
        """The cell's name in the study, and its folder below runs/."""
        return cell_key(getattr(self, axis) for axis in AXES)

    @property
    def source_key(self) -> str | None:
        """The key of the cell whose networks this one starts from: setting `of` of a control, "method/strength"."""
        of = self.settings.get("of")
        if not isinstance(of, str):
            return None
        method, _, strength = of.partition("/")
        return self.model_copy(update={"method": method, "strength": strength}).key

    @property
    def config_hash(self) -> str:
        """A hash of all fields that differ from their defaults, so that a new option changes no hash."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def seed(self, replicate: int) -> int:
        """Return the seed of a replicate; it does not depend on the method, so that methods share initial weights."""
        axes = f"{self.dataset}/{self.architecture}/{self.width:g}/{self.initialization}/{replicate}"
        return int.from_bytes(hashlib.sha256(axes.encode()).digest()[:4], "big")


def stream_seed(seed: int, purpose: str) -> int:
    """Return the seed of one random stream of a replicate ("weights", "order", "gates")."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8], "big") >> 1


def _strength(config: StudyConfig, grid: Grid, method: str, key: str, source: str) -> str:
    """Return the strength that a key of a grid names; raises StudyError for a missing operating point."""
    if key != OPERATING_POINT:
        return key
    network = (grid.dataset, grid.architecture, grid.track)
    for point in config.operating_points:
        if (point.dataset, point.architecture, point.track, point.method) == (*network, method):
            if point.strength in config.strengths[method]:
                return point.strength
            wrong = "no strength met the bound" if point.strength is None else f"unknown strength {point.strength!r}"
            raise StudyError(f"{source}.methods.{method}: operating point: {wrong}; name a strength instead")
    raise StudyError(
        f"{source}.methods.{method}: no operating point of {method} for {'/'.join(network)} in operating_points; make "
        "it with the target tune, or name a strength instead"
    )


def _grid_cells(config: StudyConfig, grid: Grid, source: str) -> list[Cell]:
    try:
        training = TrainingSettings.model_validate({**config.training.model_dump(), **grid.training})
    except ValidationError as error:
        raise describe(error, f"{source}: training") from None
    axes = itertools.product(grid.methods.items(), grid.initializations, grid.widths)
    return [
        Cell(
            dataset=grid.dataset,
            architecture=grid.architecture,
            track=grid.track,
            method=method,
            strength=(strength := _strength(config, grid, method, key, source)),
            settings=config.strengths[method][strength],
            initialization=initialization,
            width=width,
            replicates=grid.replicates,
            training=training,
        )
        for (method, strengths), initialization, width in axes
        for key in strengths
    ]


def study_cells(config: StudyConfig) -> dict[str, Cell]:
    """Return the cells of a study by key; grids may overlap where they agree.

    Raises StudyError where two grids define the same cell with different settings, and for a missing operating point
    or source cell.
    """
    cells: dict[str, Cell] = {}
    for number, grid in enumerate(config.study):
        for cell in _grid_cells(config, grid, f"study.{number}"):
            if cells.setdefault(cell.key, cell) != cell:
                raise StudyError(
                    f"study.{number}: cell {cell.key} is also in an earlier grid with other replicates or training "
                    "settings; make the two agree or give the strength another key"
                )
    _check_sources(cells)
    return cells


def _check_sources(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        source = cells.get(cell.source_key) if cell.source_key else cell
        where = f"strengths.{cell.method}.{cell.strength}: of"
        if source is None:
            raise StudyError(f"{where}: no cell {cell.source_key} in this study; add it to a grid of its own axes")
        if source.replicates < cell.replicates:
            raise StudyError(
                f"{where}: {source.key} has {source.replicates} replicates, {cell.replicates} are asked for"
            )


def find_cell(config: StudyConfig, key: str) -> Cell:
    """Return the cell of that key; raises StudyError with the nearest key."""
    cells = study_cells(config)
    if key not in cells:
        close = difflib.get_close_matches(key, cells, n=1, cutoff=0.3)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise StudyError(f"no cell {key!r} in this study{hint} (robustprune plan lists them all)")
    return cells[key]
