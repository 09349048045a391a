"""Cells: combinations of data set, architecture, track, method, strength, initialization, width and depth."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field, ValidationError

from robustprune.errors import StudyError
from robustprune.study.config import StudyConfig, describe
from robustprune.study.grid import Grid, Variant
from robustprune.study.names import ArchitectureName, DatasetName, Depth, Initialization, StrengthKey, Track, Width
from robustprune.study.strengths import Strength, resolve
from robustprune.study.strict import Strict
from robustprune.study.training_settings import TrainingSettings

AXES = ("dataset", "architecture", "track", "method", "strength", "initialization", "width", "budget", "depth")
"""The fields of a cell that make up its key."""
CELL_PATH = "{dataset}/{architecture}-{track}/{method}/{strength}/{initialization}/width-{width}"
"""The folder of a cell below runs/, which is its key: AXES filled in, the width as in "0.5" or "1", followed by the
budget where that is not `epochs`, as in "1-macs", and by the depth where there is one, as in "1/depth-4"."""
NO_DEPTH = -1
"""The depth, in tables, of networks that have none: missing values would not group."""


def cell_key(axes: Iterable[Any]) -> str:
    """Return the key of the cell with these values of AXES, e.g. mnist/lenet5-full/dense/dense/he_normal/width-1."""
    values = dict(zip(AXES, axes, strict=True))
    budget = "" if values["budget"] == "epochs" else f"-{values['budget']}"
    depth = "" if values["depth"] in (None, NO_DEPTH) else f"/depth-{values['depth']}"
    return CELL_PATH.format(**{**values, "width": f"{values['width']:g}{budget}{depth}"})


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
    first_replicate: int = Field(0, ge=0, description="seeds are those of replicates from here up")
    depth: Depth | None = Field(None, description="sections per stream, where the architecture is made at any depth")

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
        """The key of the cell whose networks this one starts from: setting `of` of a control, "method/strength".

        It has this cell's other axes, or the data set of the setting `of_dataset`.
        """
        of = self.settings.get("of")
        method, _, strength = of.partition("/") if isinstance(of, str) else ("", "", "")
        if not strength:
            return None
        dataset = self.settings.get("of_dataset") or self.dataset
        return self.model_copy(update={"dataset": dataset, "method": method, "strength": strength}).key

    @property
    def config_hash(self) -> str:
        """A hash of all fields that differ from their defaults, so that a new option changes no hash."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def seed(self, replicate: int) -> int:
        """Return the seed of a replicate, counted from 0 in this cell.

        It does not depend on the method, so that methods share initial weights. Tuning has a first_replicate of its
        own, so that no network of the study shares initial weights with one that was tuned on.
        """
        number = self.first_replicate + replicate
        axes = f"{self.dataset}/{self.architecture}/{self.width:g}/{self.initialization}/{number}"
        axes += "" if self.depth is None else f"/{self.depth}"
        return int.from_bytes(hashlib.sha256(axes.encode()).digest()[:4], "big")


def stream_seed(seed: int, purpose: str) -> int:
    """Return the seed of one random stream of a replicate ("weights", "order", "gates")."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8], "big") >> 1


def grid_cells(config: StudyConfig, grid: Grid, source: str) -> Iterator[tuple[Cell, Strength]]:
    """Yield the cells of a grid, each with the strength by which the grid asks for it."""
    variants = grid.variants or {"": Variant()}
    for method, strengths in grid.methods.items():
        points = [found for key in strengths if (found := resolve(config, grid, method, key, source))]
        for initialization, width, depth in itertools.product(
            grid.initializations, grid.widths, grid.depths or (None,)
        ):
            for found, (name, variant) in itertools.product(points, variants.items()):
                training = training_of(config, {**grid.training, **found.training, **variant.training}, source)
                cell = Cell(
                    dataset=grid.dataset,
                    architecture=grid.architecture,
                    track=grid.track,
                    method=method,
                    strength=f"{found.key}_{name}" if name else found.key,
                    settings=found.settings | variant.settings,
                    initialization=initialization,
                    width=width,
                    replicates=grid.replicates,
                    training=training,
                    first_replicate=grid.first_replicate,
                    depth=depth,
                )
                yield cell, found._replace(variant=name or found.variant)


def training_of(config: StudyConfig, overrides: Mapping[str, Any], source: str) -> TrainingSettings:
    """Return the study's training settings with the overrides of one part; raises StudyError naming `source`."""
    try:
        return TrainingSettings.model_validate({**config.training.model_dump(), **overrides})
    except ValidationError as error:
        raise describe(error, f"{source}: training") from None


def study_cells(config: StudyConfig) -> dict[str, Cell]:
    """Return the cells of a study by key; grids may overlap where they agree.

    Raises StudyError where two grids define the same cell with different settings, and for a missing operating point
    or source cell.
    """
    cells: dict[str, Cell] = {}
    for number, grid in enumerate(config.grids):
        for cell, _ in grid_cells(config, grid, f"study.{number}"):
            if cells.setdefault(cell.key, cell) != cell:
                raise StudyError(
                    f"study.{number}: cell {cell.key} is also in an earlier grid with other replicates or training "
                    "settings; make the two agree or give the strength another key"
                )
    _check_sources(cells)
    return cells


def asked_of_cells(config: StudyConfig) -> dict[str, Strength]:
    """Return by which strength each cell is asked for, by key; of several grids the first that names a point counts."""
    asked: dict[str, Strength] = {}
    for number, grid in enumerate(config.grids):
        for cell, strength in grid_cells(config, grid, f"study.{number}"):
            if cell.key not in asked or (asked[cell.key].point is None and strength.point):
                asked[cell.key] = strength
    return asked


def unresolved(config: StudyConfig) -> list[str]:
    """Return network/method/key of the operating points of grids that are not there: not searched, or unreachable."""
    lines = []
    for number, grid in enumerate(config.grids):
        for method, keys in grid.methods.items():
            for key in keys:
                if resolve(config, grid, method, key, f"study.{number}") is None:
                    network = f"{grid.dataset}/{grid.architecture}-{grid.track}"
                    lines.append(f"{network}/{method}/{key}")
    return list(dict.fromkeys(lines))


def _begins_with_itself(cells: dict[str, Cell], cell: Cell) -> bool:
    """Return whether the chain of source cells leads back to a cell."""
    source, seen = cells.get(cell.source_key or ""), set()
    while source is not None and source.key not in seen:
        if source.key == cell.key:
            return True
        seen.add(source.key)
        source = cells.get(source.source_key or "")
    return False


def _check_sources(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        source = cells.get(cell.source_key) if cell.source_key else cell
        where = f"strengths.{cell.method}.{cell.strength}: of"
        if source is None:
            raise StudyError(
                f"{where}: no cell {cell.source_key} in this study; add it to a grid of its own axes, and where `of` "
                "names an operating point of another data set, give the control's grid `points_of` with that data set"
            )
        if _begins_with_itself(cells, cell):
            raise StudyError(
                f"{where}: {cell.key} would start from itself; name a strength of a method that is no start"
            )
        if source.first_replicate != cell.first_replicate:
            raise StudyError(
                f"{where}: {source.key} has first_replicate {source.first_replicate}, not that of the cell"
            )
        if source.replicates < cell.replicates:
            raise StudyError(
                f"{where}: {source.key} has {source.replicates} replicates, {cell.replicates} are asked for"
            )
