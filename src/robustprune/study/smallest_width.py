"""What is asked of the smallest width that fits a number of images (docs/related.md 4)."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from robustprune import registry
from robustprune.study.names import DatasetName
from robustprune.study.strict import Strict

Labels = Literal["true", "random"]
"""The images' own labels, or labels drawn uniformly, once for each number of images."""
SMALLEST_WIDTH = "smallest_width"
"""The name of the table of these runs, a file <name>.parquet beside runs.csv."""
SHALLOW = "mlp_300"
"""The architecture whose pruned networks stand beside them: it has one hidden layer."""
Count = Annotated[int, Field(ge=1)]
BLOCK_SPAN = 2
"""Widths up to this factor of the first one of a block train side by side, padded to the widest."""


class SmallestWidth(Strict):
    """Runs that look for the smallest width of a network with one hidden layer that fits N images."""

    dataset: DatasetName = "mnist"
    examples: dict[Labels, tuple[Annotated[int, Field(ge=10)], ...]] = Field(
        min_length=1, description="labels -> numbers of images"
    )
    widths: tuple[Count, ...] = Field(min_length=1, description="hidden units that are tried, ascending")
    seeds: int = Field(3, ge=1, description="networks per width and learning rate")
    learning_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1e-3, 3e-3, 1e-2), min_length=1, description="of Adam, falling to 0 by a cosine; the best of each width counts"
    )
    steps: Count = Field(1000, description="training steps, without those of `steps_per_root`")
    steps_per_root: float = Field(90.0, ge=0, description="further steps per square root of the number of images")
    other_steps: dict[Count, tuple[Annotated[float, Field(gt=0)], ...]] = Field(
        {}, description="number of images -> factors on its steps that are tried too, to see what the steps do"
    )

    @model_validator(mode="after")
    def _ascending(self) -> "SmallestWidth":
        if list(self.widths) != sorted(set(self.widths)):
            raise ValueError(f"widths: expected different numbers in ascending order, found {list(self.widths)}")
        return self

    @model_validator(mode="after")
    def _other_steps_of_examples(self) -> "SmallestWidth":
        asked = {count for counts in self.examples.values() for count in counts}
        for count in self.other_steps:
            if count not in asked:
                raise ValueError(
                    f"other_steps.{count}: no search has so many images; expected numbers of `examples` "
                    f"({', '.join(map(str, sorted(asked)))}); add it there, or leave it out here"
                )
        return self

    @model_validator(mode="after")
    def _enough_images(self) -> "SmallestWidth":
        images = _train_count(self.dataset)
        for labels, counts in self.examples.items():
            if images is not None and max(counts, default=0) > images:
                raise ValueError(too_many(labels, max(counts), images))
        return self

    def training_steps(self, examples: int, factor: float = 1.0) -> int:
        """Return the longest training of networks that fit so many images."""
        return max(1, round(factor * (self.steps + self.steps_per_root * math.sqrt(examples))))

    def blocks(self) -> list[list[int]]:
        """Return the widths in blocks whose networks train side by side, narrow ones first."""
        blocks: list[list[int]] = []
        for width in self.widths:
            if blocks and width <= BLOCK_SPAN * blocks[-1][0]:
                blocks[-1].append(width)
            else:
                blocks.append([width])
        return blocks

    def searches(self) -> dict[str, tuple[Labels, int, float]]:
        """Return name -> labels, number of images and factor on the steps, of every search for a width."""
        found: dict[str, tuple[Labels, int, float]] = {}
        for labels, counts in self.examples.items():
            for count in counts:
                for factor in (1.0, *self.other_steps.get(count, ())):
                    found[f"{labels}-{count}-{factor:g}"] = (labels, count, factor)
        return found


def too_many(labels: str, count: int, images: int) -> str:
    """Return the error message for more images than a data set has for training."""
    return f"examples.{labels}: {count} exceeds the {images} training images; choose fewer"


def _train_count(dataset: str) -> int | None:
    """Return the number of training images of a data set; None where it is not known before they are read.

    A file without a reader is named where it is read.
    """
    reader: Any = getattr(registry.find("dataset", dataset), "DATASET", None)
    count: int | None = reader.train_count() if hasattr(reader, "train_count") else None
    return count
