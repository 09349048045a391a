"""The contract between a pruning method and the training loop.

A method is one file methods/<name>.py with one subclass of Method. It declares its state as data and the engine carries
it: the engine compacts, checkpoints and moves it, and records CUDA graphs anew where the work of a step changes.

Every hook is optional; a method that overrides none trains a dense network. The loop calls them in this order:

    draw(batch)                     draw the step's noise
    gate / linear / convolve        during the forward pass, see ForwardHooks
    penalty(network)                [R], added to the loss
    step(network, losses, loss)     the method's own update, between the backward pass and Adam's step
    constrain(network)              project or shrink after Adam's step
    after_step(network)             which units to remove for good

    scores(network)                 importance of units, where a removal would empty a slot
    gates(), final_gates()          deterministic gates for the history, and for the final network
    phase(moment)                   what kind of work the next step does
    check(settings, ...)            whether settings fit an architecture, before any job

draw to constrain must not read a tensor's value on the host (no item(), no indexing by a mask) and must update
persistent tensors in place: on a GPU they are recorded once and replayed. after_step and what follows it may do both.
"""

import difflib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.noise import Noise
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import ForwardHooks, StackedNetwork
from robustprune.study.config import Strict

LossUnder = Callable[[ForwardHooks], Tensor]
"""Cross-entropy per example [R, B] of the current batch under any forward hooks, without gradients. Each call is one
forward pass."""


@dataclass(frozen=True)
class Context:
    """What a method may know about the run.

    gated: slots of the track; units: places per slot at the start; train_size: number of training images, the N of the
    1/N in a likelihood; noise: the replicates' own streams for gates, so that a method's draws never move the batch
    order; moment: the moment before the first step; learning_rate: that of the weights, before the schedule's factor.
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


class Method(ForwardHooks):
    """Base class: a network trained without gates, nothing removed.

    A subclass fills these dictionaries in its __init__ and may replace their entries in after_step:

    parameters: tensors that are trained by back-propagation, with `learning_rate` (None: that of the weights), no L2.
    buffers: tensors that are not. streams: Noise for other draws than gates; their positions are checkpointed.

    The name of a parameter or buffer says how the engine compacts it; padded places become zero:
    "<slot>.<name>" [R, n] one per unit; "gated.<name>" [R, sum of n] all gated slots side by side;
    "<kind>/<layer>.weight", "<kind>/<layer>.bias" shaped like the network's, for every layer of the kind;
    any other name: not compacted, [R, ...] one per network or 0-d one for the cell.

    The engine keeps two attributes current: `moment`, and `places`, slot -> places of the stacked tensors.
    """

    class Settings(Strict):
        """The method's own settings: what a strength key of the configuration may set."""

    def __init__(self, settings: Strict, context: Context):
        self.settings = settings
        self.context = context
        self.parameters: dict[str, Tensor] = {}
        self.buffers: dict[str, Tensor] = {}
        self.streams: dict[str, Noise] = {}
        self.learning_rate: float | None = None
        self.moment = context.moment
        self.places = dict(context.units)

    @classmethod
    def check(cls, settings: Strict, architecture: Architecture, gated: tuple[str, ...]) -> None:
        """Raise StudyError where settings do not fit the architecture's slots (before any job starts)."""

    def phase(self, moment: Moment) -> Hashable:
        """Name the kind of work of the next step; another value means that the step does other work than the last."""
        return None

    def draw(self, batch: int) -> None:
        """Draw this step's noise for `batch` examples per replicate."""

    def penalty(self, network: StackedNetwork) -> Tensor | None:
        """Penalty per replicate [R], differentiated along with the loss, or None."""
        return None

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        """Do the method's own update between the backward pass and Adam's step; losses [R, B]: those of the step."""

    def constrain(self, network: StackedNetwork) -> None:
        """Project the method's parameters into their domain, or do a proximal step on weights, after Adam's step."""

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        """Return the units to remove for good, slot -> bool [R, n], or None; called after every training step."""
        return None

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Return slot -> importance [R, n]; the best unit stays where a removal would empty a slot."""
        return {slot: incoming_norm(network, slot) for slot in self.context.gated}

    def gates(self) -> dict[str, Tensor] | None:
        """Return slot -> deterministic gate [R, n] before rounding (mean of the sampled gate), or None: all open."""
        return None

    def final_gates(self) -> dict[str, Tensor] | None:
        """Return slot -> gate [R, n] of the final network (0: removed), folded into its weights, or None: all open."""
        return None

    def filled(self, name: str, value: float, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """One tensor [R, n] of this value per gated slot, named "<slot>.<name>", for parameters and buffers."""
        context = self.context
        return {
            f"{slot}.{name}": torch.full(
                (context.replicates, context.units[slot]), value, dtype=dtype or context.dtype, device=context.device
            )
            for slot in context.gated
        }

    def buffer(self, slot: str, name: str) -> Tensor:
        """The buffer "<slot>.<name>" [R, n]."""
        return self.buffers[f"{slot}.{name}"]


def refuse_misspelt_hooks(kind: type) -> None:
    """Raise StudyError where a class defines a public name that resembles a hook of its bases and is none: it would
    never be called."""
    bases = [base for base in kind.__mro__ if ".parts." in base.__module__ or base is ForwardHooks]
    hooks = {name for base in bases for name in vars(base) if not name.startswith("_")}
    for name in vars(kind):
        close = difflib.get_close_matches(name, hooks, n=1, cutoff=0.8)
        if close and name not in hooks and not name.startswith("_"):
            raise StudyError(f"{kind.__name__}.{name} is no hook; did you mean {close[0]!r}? Else begin it with _")


def incoming_norm(network: StackedNetwork, slot: str, power: int = 1) -> Tensor:
    """Sum of |w|^power over the weights that compute each unit [R, n]; for input and flattened features, which have
    none of their own, over those that read it. Biases are excluded (docs/baselines.md section 11)."""
    architecture = network.architecture
    if architecture.slot(slot).hidden:
        weight = network.parameters[f"{architecture.writer(slot).name}.weight"]
        return weight.detach().abs().pow(power).flatten(2).sum(2)
    weight = network.parameters[f"{architecture.reader(slot).name}.weight"]
    return weight.detach().abs().pow(power).sum(1)
