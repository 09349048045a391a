"""The contract between a pruning method and the shared training loop.

A method is one file methods/<name>.py with a subclass of Method called by the registry under the file's name. The
loop calls, for every training step and in this order: draw, (gate or linear for every slot during the forward pass,
see Passage), penalty, (backward), step, (Adam's step), constrain, removals. Everything a method does not override
keeps the network as it is. All but removals must work without reading a tensor's value on the host (no item(), no
indexing by a mask) and update persistent tensors in place: on a GPU they are recorded once and replayed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robustprune.methods.parts.noise import Noise
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import Passage, StackedNetwork
from robustprune.study.config import Strict

LossOfGates = Callable[[Passage], Tensor]
"""Cross-entropy per example [R, B] of the current batch under any gates, without gradients (two-pass estimators)."""
FreshWeights = Callable[[int, Mapping[str, int]], dict[str, Tensor]]
"""New initial weights "<layer>.weight" [out, in(, k, k)] and biases of one replicate for these units per slot."""


@dataclass(frozen=True)
class Context:
    """What a method may know about the run.

    units: places per slot at the start; gated: slots of the track; examples: N of the 1/N in a likelihood;
    noise: the replicates' own streams, for gates only, so that a method's draws never move the batch order;
    learning_rate: that of the weights, before the schedule's factor; found: slot -> original indices [n] of the units
    that another cell kept, one mapping per replicate, for methods that start from its architectures.
    """

    architecture: Architecture
    gated: tuple[str, ...]
    units: Mapping[str, int]
    replicates: int
    examples: int
    batch_size: int
    steps_per_epoch: int
    epochs: int
    noise: Noise
    learning_rate: float = 1e-3
    found: Sequence[Mapping[str, Tensor]] = ()
    dtype: torch.dtype = torch.float32
    device: str = "cpu"


@dataclass(frozen=True)
class Selection:
    """Which places survive a compaction, per slot: old place of each new place [R, n], and which are real [R, n]."""

    order: Mapping[str, Tensor]
    real: Mapping[str, Tensor]

    def take(self, tensor: Tensor, slot: str, dim: int = 1) -> Tensor:
        """Select along the axis `dim` (>= 1) of a tensor [R, ...]; padded places become zero."""
        order, real = self.order[slot], self.real[slot]
        shape = [1] * tensor.dim()
        shape[0], shape[dim] = order.shape
        expanded = list(tensor.shape)
        expanded[dim] = order.shape[1]
        return tensor.gather(dim, order.view(shape).expand(expanded)).masked_fill(~real.view(shape), 0)


class Method(Passage):
    """Base class: a network trained without gates, nothing removed."""

    control = False  # whether it starts from the architectures that another cell found (Context.found)

    class Settings(Strict):
        """The method's own settings: what a strength key of the configuration may set."""

    def __init__(self, settings: Strict, context: Context):
        """Subclasses that train something by back-propagation fill `parameters`: the loop gives them to Adam (no L2,
        `learning_rate` or that of the weights), compacts and checkpoints them. Names say how they are compacted:
        "<slot>.<name>" [R, n] one per unit; "<name>/<layer>.weight" and "<name>/<layer>.bias" of every layer, shaped
        like the network's; "<name>" [R, ...] one per network.
        removals sets `changed` where the next step does other work than the last (a new phase)."""
        self.settings = settings
        self.context = context
        self.parameters: dict[str, Tensor] = {}
        self.learning_rate: float | None = None
        self.changed = False

    @classmethod
    def check(cls, settings: Strict, architecture: Architecture, gated: tuple[str, ...]) -> None:
        """Raise StudyError where settings do not fit the architecture's slots (before any job starts)."""

    @property
    def epochs(self) -> int:
        """Epochs to train: the common budget, unless a control is about just this."""
        return self.context.epochs

    def start(self, network: StackedNetwork, fresh: FreshWeights) -> dict[str, Tensor] | None:
        """Before the first step: may rewrite the initial weights in place; slot -> bool [R, n] of units to leave out
        from the start, or None."""
        return None

    def draw(self, batch: int) -> None:
        """Draw this step's gate noise for `batch` examples per replicate."""

    def penalty(self, network: StackedNetwork) -> Tensor | None:
        """Penalty per replicate [R] to differentiate along with the loss, or None."""
        return None

    def step(self, network: StackedNetwork, rate: float, loss: LossOfGates) -> None:
        """The method's own update, after the backward pass and before Adam's step (projection, ARM); rate: the
        learning-rate factor of the schedule."""

    def constrain(self, network: StackedNetwork, rate: float) -> None:
        """After Adam's step: a proximal step on weights, the method's own parameters back where they may be; rate: the
        learning-rate factor of the schedule."""

    def removals(self, network: StackedNetwork, step: int) -> dict[str, Tensor] | None:
        """After `step` steps (from 1): slot -> bool [R, n] of units to remove for good now, or None."""
        return None

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Slot -> importance [R, n]; the best unit stays where a criterion would empty a slot."""
        return {slot: incoming_norm(network, slot) for slot in self.context.gated}

    def select(self, selection: Selection) -> None:
        """Follow a compaction: index the method's own tensors (`parameters` have been indexed already)."""

    def gates(self) -> dict[str, Tensor] | None:
        """Slot -> deterministic gate [R, n] before rounding (the mean of the sampled gate), or None: all open."""
        return None

    def final_gates(self) -> dict[str, Tensor] | None:
        """Slot -> gate [R, n] of the final network (0: removed), folded into the weights, or None: all open."""
        return None

    def state(self) -> dict[str, Tensor]:
        """Tensors that a checkpoint must hold besides `parameters`."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Inverse of state."""


def incoming_norm(network: StackedNetwork, slot: str, power: int = 1) -> Tensor:
    """Sum of |w|^power over the weights that compute each unit [R, n]; for input and flattened features, which have
    none of their own, over those that read it. Biases are excluded (baselines.md section 11)."""
    architecture = network.architecture
    if architecture.slot(slot).hidden:
        weight = network.parameters[f"{architecture.writer(slot).name}.weight"]
        return weight.detach().abs().pow(power).flatten(2).sum(2)
    weight = network.parameters[f"{architecture.reader(slot).name}.weight"]
    return weight.detach().abs().pow(power).sum(1)
