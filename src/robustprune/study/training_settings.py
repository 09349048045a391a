"""The common training protocol."""

from typing import Literal

from pydantic import Field

from robustprune.study.names import Budget
from robustprune.study.strict import Strict

MOMENTUM = 0.9
"""Of sgd."""
LONGEST = 5
"""The longest training where MACs are the budget, in units of `training.epochs`."""


class TrainingSettings(Strict):
    """The common training protocol (docs/protocol.md), the same for every method of a grid."""

    epochs: int = Field(40, ge=1, description="passes over the training images")
    budget: Budget = Field(
        "epochs",
        description="what ends training: the epochs; or the multiply-accumulates that dense training of the same start "
        f"spends in these epochs, after at most {LONGEST} times the epochs",
    )
    batch_size: int = Field(128, ge=1)
    learning_rate: float = Field(1e-3, gt=0, description="learning rate of the weights")
    optimizer: Literal["adam", "sgd"] = Field(
        "adam", description=f"of the weights and of a method's own parameters; sgd: with momentum {MOMENTUM}"
    )
    l2: float = Field(0.0, ge=0, description="lambda of the penalty (lambda / 2) ||W||^2 on weights and biases")
    weight_decay: Literal["coupled", "decoupled"] = Field(
        "coupled", description="l2 enters the gradient, or shrinks the weights by the factor 1 - learning rate * l2"
    )
    decay_at: float = Field(0.75, gt=0, le=1, description="fraction of training after which all learning rates fall")
    decay_factor: float = Field(0.1, gt=0, le=1, description="factor on all learning rates after that")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="precision of products and convolutions on a GPU (autocast); all else is float32"
    )
    images: Literal["all", "tuning"] = Field(
        "all", description="all: every training image; tuning: the fixed split that holds out a validation set"
    )
    examples: int | None = Field(
        None,
        ge=10,
        description="train on a fixed choice of so many of these images, with the shares of all labels",
    )
