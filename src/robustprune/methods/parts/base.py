"""The contract between a pruning method and the training loop.

A method is one file methods/<name>.py with one subclass of Method. It declares its state as data. The engine compacts
this state, writes it to checkpoints and moves it to the device. The engine calls 15 hooks, in this order:

    begin(network)                  note the starting network, before the first step
    draw(batch)                     draw the noise of the step
    gate, linear, convolve          act on activations during the forward pass (ForwardHooks)
    penalty(network)                return a penalty [R] that is added to the loss
    step(network, losses, loss)     update the method's own state, before the weights are updated
    constrain(network)              project or shrink, after the weights are updated
    after_step(network)             return the units to remove permanently

    scores(network)                 return the importance of units, for a removal that would empty a slot
    gates(), final_gates()          return deterministic gates for the history and for the final network
    phase(moment)                   name the kind of work that the next step does
    check(settings, ...)            validate settings against an architecture, before any job starts
    check_start(settings, ...)      validate settings against the units of the starting network, before any job starts

Required hooks, by kind of class; every other hook is optional:

    Method                          none: the defaults train a dense network
    PhasedGates                     draw, sampled, settled, cost
    Criterion                       scores
    Start                           none (starts/parts/base.py)

The hooks from draw to constrain must not read a tensor's value on the host (no item(), no indexing by a mask) and must
update persistent tensors in place. On a GPU these hooks are recorded once as a CUDA graph and replayed. The engine
records them again when phase returns another value. after_step and the hooks below it have no such limits.
"""

import difflib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.initialization.examples import Examples
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.noise import Noise
from robustprune.methods.parts.outgoing import over_outgoing
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import ForwardHooks, StackedNetwork
from robustprune.study.strict import Strict

S = TypeVar("S", bound=Strict)
"""The type of a method's settings."""


class LossUnder(Protocol):
    """Cross-entropy per example [R, B] of the current batch under any forward hooks, without gradients.

    Each call costs one forward pass of the networks, bool [R], that need it (None: all of them).
    """

    def __call__(self, hooks: ForwardHooks, *, networks: np.ndarray | None = None) -> Tensor: ...


@dataclass(frozen=True)
class Context:
    """Facts about the run that a method may use.

    gated: slots of the track. units: places per slot at the start. train_size: number of training images, the N of the
    factor 1/N in a likelihood. noise: the replicates' streams for gates, separate from the batch order. moment: the
    moment before the first step. learning_rate: that of the weights, without the schedule's factor. examples: the
    training images and labels on the CPU, for methods that fit something to them in closed form.
    """

    architecture: Architecture
    gated: tuple[str, ...]
    units: Mapping[str, int]
    replicates: int
    train_size: int
    batch_size: int
    noise: Noise
    moment: Moment
    learning_rate: float = 1e-3
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    examples: Examples | None = None


class Method(ForwardHooks, Generic[S]):
    """Base class of all methods: dense training, no gates, no removals.

    A subclass fills three dictionaries in its __init__ and may replace their entries in after_step:

    parameters: tensors trained by back-propagation without L2. Their learning rate is `learning_rate`; None means that
    of the weights. buffers: tensors that are not trained. streams: Noise for draws other than gates; the engine writes
    their positions to checkpoints.

    The name of a parameter or buffer says how the engine compacts it. Padded places become zero.

    "<slot>.<name>" [R, n]: one entry per unit
    "gated.<name>" [R, sum of n]: all gated slots side by side
    "<kind>/<layer>.weight", "<kind>/<layer>.bias": shaped like the network's, for every layer
    any other name, [R, ...] or 0-d: not compacted

    The engine keeps three attributes current: `moment`, `places` (slot -> number of places of the stacked tensors), and
    `counts` (slot -> list of the units of each network; a smaller network is padded to the places).
    Settings is the class that validates the method's entries in the configuration. second_products is True where every
    layer computes a second product of the size of its first, such as the variance of its outputs; training arithmetic
    counts it. layer_gates is True where the method can gate whole sections, slots of one unit whose gate multiplies
    all that a section adds to its stream. chains_only is True where it cannot train a network with sections at all.
    """

    Settings: ClassVar[type[Strict]] = Strict
    second_products: ClassVar[bool] = False
    layer_gates: ClassVar[bool] = False
    chains_only: ClassVar[bool] = False

    def __init__(self, settings: S, context: Context):
        self.settings = settings
        self.context = context
        self.parameters: dict[str, Tensor] = {}
        self.buffers: dict[str, Tensor] = {}
        self.streams: dict[str, Noise] = {}
        self.learning_rate: float | None = None
        self.moment = context.moment
        self.places = dict(context.units)
        self.counts = {slot: [count] * context.replicates for slot, count in context.units.items()}

    @classmethod
    def check(cls, settings: S, architecture: Architecture, gated: tuple[str, ...]) -> None:
        """Raise StudyError if the settings do not fit the architecture or its gated slots."""

    @classmethod
    def check_start(
        cls, settings: S, architecture: Architecture, units: Mapping[str, int], gated: tuple[str, ...]
    ) -> None:
        """Raise StudyError if the settings do not fit a starting network with these units per slot and gated slots."""

    def phase(self, moment: Moment) -> Hashable:
        """Return a value that names the kind of work that the step after `moment` does; it must not change state."""
        return None

    def begin(self, network: StackedNetwork) -> None:
        """Note what the method needs of the starting network; called once, before the first step."""

    def draw(self, batch: int) -> None:
        """Draw the noise of the step for `batch` examples per replicate."""

    def penalty(self, network: StackedNetwork) -> Tensor | None:
        """Return a penalty per replicate [R] in nats of mean cross-entropy, or None; it is added to the loss."""
        return None

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        """Update the method's own state between backward pass and weight update; losses [R, B] are the step's."""

    def constrain(self, network: StackedNetwork) -> None:
        """Project parameters into their domain or apply a proximal step to weights, after the weights are updated."""

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        """Return the units to remove permanently, slot -> bool [R, n], or None; called after every training step."""
        return None

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Return slot -> importance [R, n]; if a removal would empty a slot, its most important unit stays."""
        return {slot: incoming_norm(network, slot) for slot in self.context.gated}

    def gates(self) -> dict[str, Tensor] | None:
        """Return slot -> deterministic gate [R, n] before rounding, such as its mean, or None if all gates are open."""
        return None

    def final_gates(self) -> dict[str, Tensor] | None:
        """Return slot -> gate [R, n] to fold into the final network's weights (0: removed), or None if all are open."""
        return None

    def filled(self, name: str, value: float, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Return one tensor [R, n] of this value per gated slot, named "<slot>.<name>"."""
        context = self.context
        return {
            f"{slot}.{name}": torch.full(
                (context.replicates, context.units[slot]), value, dtype=dtype or context.dtype, device=context.device
            )
            for slot in context.gated
        }

    def buffer(self, slot: str, name: str) -> Tensor:
        """Return the buffer "<slot>.<name>" [R, n]."""
        return self.buffers[f"{slot}.{name}"]


@cache
def refuse_misspelt_hooks(kind: type) -> None:
    """Raise StudyError if a class defines a public name that resembles a hook of its bases but is not one.

    The engine would never call it. A class that passed is not looked at again: thousands of cells share it.
    """
    bases = [base for base in kind.__mro__ if ".parts." in base.__module__ or base is ForwardHooks]
    hooks = {name for base in bases for name in vars(base) if not name.startswith("_")}
    for name in vars(kind):
        close = difflib.get_close_matches(name, hooks, n=1, cutoff=0.8)
        if close and name not in hooks and not name.startswith("_"):
            raise StudyError(f"{kind.__name__}.{name} is no hook; did you mean {close[0]!r}? Else begin it with _")


def incoming_norm(network: StackedNetwork, slot: str, power: int = 1) -> Tensor:
    """Return the sum of |w|^power [R, n] over the weights that compute each unit of a slot.

    Input pixels and flattened features have no weights of their own: for them the sum is over the weights that read
    them; for the gate of a section over the weights that add to its stream. Biases are excluded (docs/baselines.md
    section 11).
    """
    architecture = network.architecture
    if slot in architecture.sections:
        weight = network.parameters[f"{architecture.output(slot).name}.weight"]
        return over_outgoing(network, slot, weight.detach().abs().pow(power))
    writer = architecture.writer(slot)
    if writer and architecture.slot(slot).hidden:
        weight = network.parameters[f"{writer.name}.weight"]
        return weight.detach().abs().pow(power).flatten(2).sum(2)
    weight = network.parameters[f"{architecture.reader(slot).name}.weight"]
    return weight.detach().abs().pow(power).sum(1)
