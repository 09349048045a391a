"""The size of every unit beside the bound on it: the constants of docs/theory.md 6, measured while a network trains."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from robustprune.engine.training import Training
from robustprune.experiments.probes.base import GateProbe, examples_of, long, method_of, places
from robustprune.experiments.probes.exact import drawn, multiplied
from robustprune.experiments.probes.removals import MEANS, Window
from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.layers import cross_entropy, linear
from robustprune.networks.stacked import Gated, StackedNetwork

IMAGES = 1000
RULE = MEANS["mean_0p02"]


class Watched(Gated):
    """Gates [R, B, n] by slot. For every linear layer it notes the norm of the inputs [R, B], the 1 of the bias
    included, and the scores before the activation [R, B, out]."""

    def __init__(self, gates: dict[str, Tensor]):
        super().__init__(multiplied(gates))
        self.inputs: dict[str, Tensor] = {}
        self.scores: dict[str, Tensor] = {}

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply a layer and note its inputs and scores."""
        assert layer.reads is not None
        gated = self.gate(layer.reads, h)
        self.inputs[layer.name] = (gated.detach().square().sum(2) + 1).sqrt()
        self.scores[layer.name] = linear(gated, weight, bias)
        return self.scores[layer.name].clone()  # the activation overwrites it


class Bounds(GateProbe):
    """Notes theta and the sizes of every unit at the ends of epochs, for units between two linear layers.

    Before them it has the constant kappa = G X of the unit's slot: the mean over images of the norm of the loss's
    gradient at the scores of the units that read the slot, times the norm of the inputs of the slot's units, with gates
    drawn once; kappa_max is the largest product. It bounds |DL| by kappa_max S as far as the gradient between a closed
    and an open gate is not larger than the one that was drawn.
    """

    columns = (
        *("replicate", "slot", "unit", "epoch", "theta", "size_in", "size_out", "price"),
        *("kappa", "kappa_max", "met"),
    )

    def __init__(self) -> None:
        self.tables: list[pd.DataFrame] = []
        self.window: Window | None = None

    def after_step(self, training: Training) -> None:
        """Note the units that the method's own rule asks for."""
        method = method_of(training)
        if self.window is None:
            self.window = Window(method, RULE.every)
            self.met = torch.zeros_like(method.theta, dtype=torch.bool)
            self.generator = torch.Generator(training.device).manual_seed(0)
            self.images, self.labels = examples_of(training, IMAGES)
            self.slots = between_linear_layers(training.architecture, method.context.gated)
        ended = self.window.after_step(method)
        if ended is not None:
            self.met |= RULE.asks(*ended)

    def after_epoch(self, training: Training) -> None:
        """Measure sizes and constants of the bound at the end of an epoch."""
        method, network = method_of(training), training.network
        at, met = places(method), method.by_slot(self.met)
        prices, thetas = method.by_slot(method.prices()), method.by_slot(method.theta)
        kappas = self._kappas(network, thetas)
        for slot in self.slots:
            size_in, size_out = sizes(network, slot)
            mean, largest = (kappa.unsqueeze(1).expand_as(size_in) for kappa in kappas[slot])
            rows = long(
                at[at["slot"] == slot].reset_index(drop=True),
                theta=thetas[slot],
                size_in=size_in,
                size_out=size_out,
                price=prices[slot],
                kappa=mean,
                kappa_max=largest,
                met=met[slot],
            )
            self.tables.append(rows.assign(epoch=training.epoch))

    def _kappas(self, network: StackedNetwork, thetas: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Return slot -> mean and largest G X [R] over the images, with gates drawn from theta."""
        images, labels = self.images, self.labels
        hooks = Watched(drawn(thetas, len(images), self.generator))
        with torch.enable_grad():
            scores = network.forward(images.expand(network.replicates, -1, -1), hooks)
            losses = cross_entropy(scores, labels.expand(network.replicates, -1))
            names = list(hooks.scores)
            gradients = torch.autograd.grad(losses.sum(), [hooks.scores[name] for name in names])
        norms = {name: gradient.norm(dim=2) for name, gradient in zip(names, gradients, strict=True)}
        kappas = {}
        for slot in self.slots:
            writer, reader = network.architecture.writer(slot), network.architecture.reader(slot)
            assert writer is not None
            products = norms[reader.name] * hooks.inputs[writer.name]
            kappas[slot] = (products.mean(1), products.amax(1))
        return kappas

    def table(self) -> pd.DataFrame:
        """Return a row per epoch, network and unit; met: whether the removal rule has asked for the unit by then."""
        if not self.tables:
            return pd.DataFrame(columns=list(self.columns))
        return pd.concat(self.tables, ignore_index=True)[list(self.columns)]


def between_linear_layers(architecture: Architecture, gated: Sequence[str]) -> list[str]:
    """Return the gated slots that a linear layer writes and a linear layer reads."""
    found = []
    for slot in gated:
        writer = architecture.writer(slot)
        if architecture.slot(slot).hidden and not architecture.slot(slot).parent and writer and writer.kernel == 1:
            found += [slot] if architecture.reader(slot).kernel == 1 else []
    return found


def sizes(network: StackedNetwork, slot: str) -> tuple[Tensor, Tensor]:
    """Return |w|^2 with the bias and |v|^2 [R, n] of the units of a slot between two linear layers."""
    writer, reader = network.architecture.writer(slot), network.architecture.reader(slot)
    assert writer is not None
    own = network.parameters[f"{writer.name}.weight"].detach().square().sum(2)
    own = own + network.parameters[f"{writer.name}.bias"].detach().square()
    return own, network.parameters[f"{reader.name}.weight"].detach().square().sum(1)
