"""Dense training: the reference without pruning, and how controls and fine-tuning train."""

from pydantic import Field

from robustprune.methods.parts.ball import initial_weights
from robustprune.methods.parts.base import Method
from robustprune.methods.parts.relative_ball import RelativeBall, keep_inside
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.strict import Strict


class DenseSettings(Strict):
    """Nothing, or a ball that the weights may not leave."""

    ball: RelativeBall | None = Field(None, description="ball around the starting weights; null: none")


class Dense(Method[DenseSettings]):
    """Cross-entropy plus L2 without gates: the defaults of the contract. With `ball` it notes the starting weights."""

    Settings = DenseSettings
    layer_gates = True  # it leaves the gates of sections open, as all others

    def begin(self, network: StackedNetwork) -> None:
        """Note the starting weights, the centre of the ball."""
        if self.settings.ball is not None:
            self.buffers |= initial_weights(network.parameters)

    def constrain(self, network: StackedNetwork) -> None:
        if self.settings.ball is not None:
            keep_inside(network.parameters, self.buffers, self.settings.ball)
