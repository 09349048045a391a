"""Operating points: the strengths that a study trains at, which a search left in a file."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from robustprune.study.names import ArchitectureName, Budget, DatasetName, StrengthKey, Track
from robustprune.study.strict import Strict

OPERATING_POINT = "operating_point"
"""The strength key that stands for the chosen one in the file of operating points."""


class OperatingPoint(Strict):
    """An entry of the file of operating points, which the search writes."""

    dataset: DatasetName
    architecture: ArchitectureName
    track: Track
    method: str
    strength: StrengthKey | None = Field(description="none where no strength met the target")
    bound_percent: float | None = Field(None, description="largest accepted mean validation error")
    strengths: tuple[dict[str, Any], ...] = Field(
        (), description="the evidence: kept params and error of each strength"
    )
    target: str = Field(OPERATING_POINT, description="the strength key of a grid that stands for this point")
    form: str | None = Field(None, description="the form of the method that was searched")
    budget: Budget = Field("epochs", description="what ended training")
    settings: dict[str, Any] | None = Field(None, description="the method's settings, where a search found them")
    confirmed: bool | None = Field(None, description="whether the interval of the confirming run holds the target")
    reason: str | None = Field(None, description="why the target is unreachable")
    nearest: StrengthKey | None = Field(None, description="for an unreachable target, the strength that comes nearest")
    digest: str | None = Field(None, description="of all other keys, where a search wrote the entry; checked if given")

    @model_validator(mode="after")
    def _whole(self) -> "OperatingPoint":
        if self.digest not in (None, self.content_digest()):
            raise ValueError(
                f"the point of {self.method} differs from its digest; make the file again with the search, or leave "
                "`digest` out of an entry that you changed"
            )
        return self

    def content_digest(self) -> str:
        """Return the digest of all keys but `digest`."""
        values = self.model_dump(mode="json", exclude={"digest"}, exclude_none=True)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def points_path(root: str) -> Path:
    """Return the file in which a study's search leaves its operating points."""
    return Path(root, "operating_points.yaml")


def points_digest(root: str) -> str:
    """Return a digest of the operating points that the search left; "" before it is done."""
    path = points_path(root)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
