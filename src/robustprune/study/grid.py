"""A part of a study: a product of axes."""

from typing import Annotated, Any

from pydantic import Field

from robustprune.study.names import ArchitectureName, DatasetName, Depth, Initialization, StrengthKey, Track, Width
from robustprune.study.strict import Strict


class Variant(Strict):
    """What one variant of a method changes."""

    settings: dict[str, Any] = Field({}, description="settings of the method that replace those of the strength")
    training: dict[str, Any] = Field({}, description="training settings that replace those of the grid")


class Grid(Strict):
    """A product of axes; every combination is one cell (one job)."""

    dataset: DatasetName
    architecture: ArchitectureName
    track: Track = "full"
    methods: dict[str, Annotated[tuple[StrengthKey, ...], Field(min_length=1)]] = Field(
        min_length=1, description="method -> the strength keys to run"
    )
    variants: dict[StrengthKey, Variant] = Field(
        {}, description="name -> what it changes; the methods run in these variants only, at strengths `<key>_<name>`"
    )
    initializations: tuple[Initialization, ...] = Field(("he_normal",), min_length=1)
    widths: tuple[Width, ...] = Field((1.0,), min_length=1)
    depths: tuple[Depth, ...] | None = Field(
        None, min_length=1, description="numbers of sections at the start, for architectures that are made at any depth"
    )
    replicates: int = Field(5, ge=1, description="networks (seeds) per cell")
    training: dict[str, Any] = Field({}, description="overrides of the study's training settings")
    first_replicate: int = Field(0, ge=0, description="seeds are those of replicates from here up")
    part: str = Field("core", description="the part of the study that it belongs to; `parts` selects")
    points_of: DatasetName | None = Field(
        None, description="data set at whose searched points the methods run, unchanged; none: the grid's own"
    )

    @property
    def searched_network(self) -> tuple[str, str, Track]:
        """The network whose searched points the keys name: data set, architecture, track."""
        return self.points_of or self.dataset, self.architecture, self.track
