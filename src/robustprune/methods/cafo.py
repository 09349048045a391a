"""Pruning by local predictors of random blocks, after Cascaded Forward (arXiv 2303.09728; docs/related.md 3).

Each layer keeps its initial weights; a linear predictor of the labels is fitted to what it computes, in closed form,
and no gradient passes between layers. A unit's score is the exact rise of its predictor's penalised squared error when
the unit is left out and the predictor fitted again. The deployed network has the last predictor as its output layer.
Changed: the LeNets' layers instead of 3 x 3 blocks with batch normalisation, a small ridge, pixels judged by a
predictor of their own, the schedule of the criteria. The engine's steps change no weight: one epoch is enough.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.local_predictors import fitted, groups_of, one_network
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.stacked import StackedNetwork


class CafoSettings(ScheduleSettings):
    """A budget, and the closed form."""

    ridge: float = Field(1e-3, gt=0, description="ridge of the predictors, as a share of the features' mean square")
    images: int = Field(10_000, ge=1, description="training images that the predictors are fitted to, the first ones")


class Cafo(Criterion[CafoSettings]):
    """Buffers: `fixed`, the weights, which back-propagation must not change; the output layer's are the predictor's."""

    Settings = CafoSettings
    chains_only = True  # each predictor belongs to a layer that reads a slot of a chain

    def begin(self, network: StackedNetwork) -> None:
        self._fit_output(network, {})
        self.buffers = {f"fixed/{name}": tensor.detach().clone() for name, tensor in network.parameters.items()}

    def constrain(self, network: StackedNetwork) -> None:
        for name, tensor in network.parameters.items():
            tensor.detach().copy_(self.buffers[f"fixed/{name}"])

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Return the rises; 0 at padding."""
        scores = {slot: torch.zeros_like(network.kept[slot], dtype=torch.float64) for slot in self.context.gated}
        read = [network.architecture.reader(slot).reads or slot for slot in scores]
        for replicate in range(network.replicates):
            own = one_network(network, replicate)
            found = fitted(own, *self._examples(), tuple(dict.fromkeys(read)), self.settings.ridge)
            for slot, values in scores.items():
                source, groups = groups_of(own, slot)
                predictor, index = found[source]
                place = torch.full((int(index.max()) + 1,), -1, device=index.device)
                place[index] = torch.arange(len(index), device=index.device)
                known = [unit for unit, group in enumerate(groups) if len(group)]
                values[replicate, known] = predictor.rises([place[groups[unit]] for unit in known])
        return scores

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        remove = super().after_step(network)
        if remove is not None:
            self._fit_output(network, remove)
            for name, buffer in self.buffers.items():
                buffer.copy_(network.parameters[name.removeprefix("fixed/")].detach())
        return remove

    def _fit_output(self, network: StackedNetwork, remove: Mapping[str, Tensor]) -> None:
        """Write the predictor of the last hidden slot into the output layer, for a network without these units."""
        layer = network.architecture.layers[-1]
        assert layer.reads is not None  # an output layer reads a slot
        weight, bias = (network.parameters[f"{layer.name}.{kind}"].detach() for kind in ("weight", "bias"))
        weight.zero_()
        for replicate in range(network.replicates):
            masks = {slot: ~gone[replicate] for slot, gone in remove.items()}
            own = one_network(network, replicate)
            predictor, index = fitted(own, *self._examples(), (layer.reads,), self.settings.ridge, masks)[layer.reads]
            found = predictor.weights.T.to(weight.dtype)
            weight[replicate][:, index[:-1]] = found[:, :-1]
            bias[replicate] = found[:, -1]

    def _examples(self) -> tuple[Tensor, Tensor]:
        examples, most = self.context.examples, self.settings.images
        if examples is None:
            raise StudyError("cafo fits predictors to training images; pass examples in the context")
        return examples.images[:most].to(self.context.device), examples.labels[:most].to(self.context.device)
