"""Estimates of DL from one step beside its exact value: bias and spread of every estimator on networks in training."""

from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from robustprune.engine.training import Training
from robustprune.experiments.probes.base import GateProbe, examples_of, long, method_of
from robustprune.experiments.probes.exact import exact_values, sampled, some_of
from robustprune.experiments.probes.gate_values import images_for
from robustprune.methods.bernoulli import Bernoulli
from robustprune.methods.parts.noise import Noise
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import StackedNetwork

ESTIMATORS = ("first_order", "trapezoid", "trapezoid_normalized", "fisher", "arm")
EACH = 20
"""So many gates of every slot and network that theta has left between 0.05 and 0.95, and so many others."""
STEPS = 150


class Estimates(GateProbe):
    """After the first epoch, the middle and the last, lets every estimator look at the same network and batches."""

    columns = (
        *("replicate", "slot", "unit", "epoch", "theta", "price", "estimator"),
        *("mean", "deviation", "exact", "exact_error"),
    )

    def __init__(self) -> None:
        self.tables: list[pd.DataFrame] = []

    def after_epoch(self, training: Training) -> None:
        """Compare the estimators after the first, the middle and the last epoch.

        With a budget of multiply-accumulates the last epoch is known when it has come; the middle is that of the
        epochs which dense training would take.
        """
        if training.epoch in (1, max(1, training.cell.training.epochs // 2)) or training.finished:
            self.tables.append(self._compared(training).assign(epoch=training.epoch))

    def _compared(self, training: Training) -> pd.DataFrame:
        method = method_of(training)
        generator = torch.Generator(training.device).manual_seed(training.epoch)
        theta = method.by_slot(method.theta)
        inside = {slot: (values > 0.05) & (values < 0.95) for slot, values in theta.items()}
        wanted = {
            slot: some_of(mask, EACH, generator) | some_of(~mask, EACH, generator) for slot, mask in inside.items()
        }
        images, labels = examples_of(training, images_for(training.architecture))
        sample = sampled(training.network, theta, wanted)
        exact = exact_values(sample, images, labels, generator)
        tables = []
        for estimator in ESTIMATORS:
            mean, deviation = _estimated(training, estimator, images, labels, generator)
            for slot, (slope, error) in exact.items():
                units = sample.units(slot)
                own = {
                    name: values[slot].gather(1, units.clamp_min(0))
                    for name, values in (
                        *(("mean", mean), ("deviation", deviation)),
                        *(("theta", theta), ("price", method.by_slot(method.prices()))),
                    )
                }
                at = pd.DataFrame({"slot": slot, "estimator": estimator, "number": range(units.shape[1])})
                rows = long(at, unit=units, exact=slope, exact_error=error, **own)
                tables.append(rows[rows["unit"] >= 0].drop(columns="number"))
        return pd.concat(tables, ignore_index=True)

    def table(self) -> pd.DataFrame:
        """Return a row per moment, network, sampled gate and estimator; mean and deviation are over STEPS steps."""
        if not self.tables:  # no epoch has ended
            return pd.DataFrame(columns=list(self.columns))
        return pd.concat(self.tables, ignore_index=True)[list(self.columns)]


def _estimated(
    training: Training, estimator: str, images: Tensor, labels: Tensor, generator: torch.Generator
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return slot -> mean [R, n] and standard deviation of an estimator's estimates over STEPS batches."""
    method, network = _copies(training, estimator)
    total = torch.zeros_like(method.theta, dtype=torch.float64)
    squares = total.clone()
    batch, replicates = training.cell.training.batch_size, network.replicates
    for _ in range(STEPS):
        index = torch.randint(len(images), (replicates, batch), generator=generator, device=images.device)
        x, y = images[index], labels[index]

        def losses(hooks, *, networks=None, x=x, y=y) -> Tensor:
            return cross_entropy(network.forward(x, hooks), y)

        with torch.enable_grad():
            method.draw(batch)
            found = losses(method)
            found.mean(1).sum().backward()
        with torch.no_grad():
            estimate = method.estimate(found.detach(), losses).double()
        total += estimate
        squares += estimate.square()
    mean = total / STEPS
    deviation = (squares / STEPS - mean.square()).clamp_min(0).mul(STEPS / (STEPS - 1)).sqrt()
    return method.by_slot(mean), method.by_slot(deviation)


def _copies(training: Training, estimator: str) -> tuple[Bernoulli, StackedNetwork]:
    """Return a method with another estimator at the training's theta, with noise of its own, and the network."""
    method, network = method_of(training), training.network
    seeds = [torch.Generator().manual_seed(replicate) for replicate in range(network.replicates)]
    noise = Noise(seeds, method.context.noise.units, training.device)
    settings = method.settings.model_copy(update={"estimator": estimator, "average_over": 1.0, "noise": 1.0})
    copy = Bernoulli(settings, replace(method.context, noise=noise))
    copy.moment, copy.places, copy.counts = method.moment, dict(method.places), dict(method.counts)
    copy.theta.copy_(method.theta)
    parameters = {name: tensor.detach().clone() for name, tensor in network.parameters.items()}
    return copy, StackedNetwork(network.architecture, parameters, network.kept)
