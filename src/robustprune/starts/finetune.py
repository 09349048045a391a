"""Fine-tuning: the networks that another cell left, with their trained weights, and a ball around these
(docs/related.md 5). The source may be a cell of another data set.

Epochs and learning rate are those of the cell: a grid of its own gives them (`training`).
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.relative_ball import RelativeBall
from robustprune.starts.parts.base import FreshWeights, Units
from robustprune.starts.parts.control import Control, ControlSettings
from robustprune.study.names import DatasetName


class FinetuneSettings(ControlSettings):
    """Source cell and ball."""

    of_dataset: DatasetName | None = Field(None, description="data set of the source; null: that of the cell")
    ball: RelativeBall = Field(RelativeBall(norm="free"), description="ball around the source's weights")


class Finetune(Control[FinetuneSettings]):
    """The source's compact networks with their weights, trained as `dense` within the ball."""

    Settings = FinetuneSettings

    @property
    def method_settings(self) -> Mapping[str, Any]:
        return {"ball": self.settings.ball.model_dump()}

    def weights(self, replicate: int, units: Units, fresh: FreshWeights) -> dict[str, Tensor]:
        """Return the source's weights. Raises StudyError for a source that was kept without them."""
        found = dict(self.context.weights[replicate]) if self.context.weights else {}
        if not found:
            raise StudyError(f"{self.settings.of}: its networks.safetensors holds no weights (--light); run it again")
        return found
