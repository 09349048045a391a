"""The multiply-accumulates (MACs) of training, counted by what a step does (docs/protocol.md A4.8)."""

from collections.abc import Callable, Hashable

import numpy as np
import torch
from torch import Tensor

from robustprune.methods.parts.base import LossUnder, Method
from robustprune.networks.architecture import architecture
from robustprune.networks.size import first_layer_macs, macs
from robustprune.networks.stacked import ForwardHooks, StackedNetwork
from robustprune.study.cells import Cell

PASSES = 3  # a step in forward passes: forward, backward to weights, backward to activations


def dense_training_macs(cell: Cell, images: int) -> float:
    """Return the MACs of training the whole starting network on `images` images, as Arithmetic counts them."""
    network, training = architecture(cell.architecture, cell.depth), cell.training
    units, steps = network.units(cell.width), images // training.batch_size * training.epochs
    per_image = PASSES * macs(network, units) - first_layer_macs(network, units)
    return float(training.batch_size * steps * per_image)


class Arithmetic:
    """Counts the MACs of one cell, without padding; `total` [R] is the sum so far.

    A step costs one forward pass, one backward pass to the weights and one to the activations. Backward to the input of
    the first layer counts only where gates of that input are trained. Where a method declares second products, the
    three passes count twice while its gates are sampled. Each call of the `loss` that `Method.step` gets counts as one
    more forward pass of the networks that need it.
    """

    def __init__(self, network: StackedNetwork, batch: int):
        """batch: images per step and replicate."""
        self.batch = batch
        self.total = np.zeros(network.replicates)
        self.calls = np.zeros(network.replicates)
        self.second = self.to_input = False
        self._to_input: dict[Hashable, bool] = {}
        self.measure(network)

    def measure(self, network: StackedNetwork) -> None:
        """Take over the size of a network: `forward` [R] is the MACs per image of one forward pass."""
        counts = {slot: count.double() for slot, count in network.counts().items()}
        self.forward = macs(network.architecture, counts).numpy()
        self.first = np.broadcast_to(first_layer_macs(network.architecture, counts), self.forward.shape)

    def look(self, method: Method, network: StackedNetwork, x: Tensor) -> None:
        """Note what the step does that begins with the batch x [R, B, n]; a replayed step does the same."""
        phase = method.phase(method.moment)
        if phase not in self._to_input:
            self._to_input[phase] = _trains_input(method, network, x)
        self.to_input, self.calls = self._to_input[phase], np.zeros(network.replicates)
        # gates that are not sampled are constants: then the layers have one product
        self.second = getattr(method, "second_products", False) and getattr(method, "sampling", True)

    def counted(self, loss: Callable[[ForwardHooks], Tensor]) -> LossUnder:
        """Return the same function as a LossUnder; each of its calls is one more forward pass of the step."""

        def call(hooks: ForwardHooks, *, networks: np.ndarray | None = None) -> Tensor:
            self.calls += 1 if networks is None else networks
            return loss(hooks)

        return call

    def count_step(self) -> None:
        """Add the step that was looked at last."""
        own = PASSES * self.forward if self.to_input else PASSES * self.forward - self.first
        self.total += self.batch * ((2 if self.second else 1) * own + self.calls * self.forward)


def _trains_input(method: Method, network: StackedNetwork, x: Tensor) -> bool:
    """Return whether back-propagation goes through the gates of the input; a convolved image has none."""
    slot = network.architecture.layers[0].reads
    with torch.enable_grad():
        return slot is not None and method.gate(slot, x).requires_grad
