"""The plain network: a compact, deterministic nn.Module of ordinary torch layers."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustprune.networks.architecture import Architecture, Layer


class PlainNetwork(nn.Module):
    """A pruned network of nn.Linear and nn.Conv2d layers with given units per slot; closed sections are left out.

    Buffers "kept_<slot>" hold the indices that are read: kept pixels of the input, and for a flattened slot the kept
    features of the remaining channels. forward takes images [B, 784] or [B, 1, 28, 28] in [0, 1] and returns class
    scores [B, 10].
    """

    kept_input: Tensor

    def __init__(self, architecture: Architecture, units: Mapping[str, int]):
        super().__init__()
        self.architecture = architecture
        self.layers = [layer for layer in architecture.layers if not layer.within or units[layer.within]]
        for layer in self.layers:
            fan_in = units[layer.reads] if layer.reads else 1
            fan_out = units[layer.writes] if layer.writes else architecture.classes
            self.add_module(layer.name, _module(layer, fan_in, fan_out))
        for slot in architecture.slots:
            if not slot.hidden and not slot.section:
                self.register_buffer(f"kept_{slot.name}", torch.arange(units[slot.name]))

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores [B, 10] of images [B, 784] or [B, 1, 28, 28]."""
        h = images.flatten(1)
        h = h.index_select(1, self.kept_input) if hasattr(self, "kept_input") else h.unflatten(1, (1, 28, 28))
        held: dict[str | None, Tensor] = {self.layers[0].reads: h}
        for layer in self.layers:
            parent = self.architecture.slot(layer.reads).parent if layer.reads else None
            if parent:
                h = held[parent].flatten(1).index_select(1, getattr(self, f"kept_{layer.reads}"))
            else:
                h = held[layer.reads]
            h = getattr(self, layer.name)(h)
            if layer.kernel > 1 and not layer.same:
                h = F.max_pool2d(h, 2)
            if layer.adds:
                h = held[layer.writes] + h
            elif layer.writes:
                h = F.relu(h)
            held[layer.writes] = h
        return h

    @property
    def units(self) -> dict[str, int]:
        """Units per slot."""
        counts = {}
        sections = self.architecture.sections
        gate_of = {inside: gate for gate, inside in sections.items()}
        for slot in self.architecture.slots:
            writer = self.architecture.writer(slot.name)
            gate = slot.name if slot.section else gate_of.get(slot.name)
            if gate and not hasattr(self, self.architecture.output(gate).name):
                counts[slot.name] = 0
            elif slot.section:
                counts[slot.name] = 1
            elif slot.hidden and writer:
                counts[slot.name] = getattr(self, writer.name).weight.shape[0]
            else:
                reader = self.architecture.reader(slot.name)
                counts[slot.name] = getattr(self, reader.name).weight.shape[1]
        return counts


def _module(layer: Layer, fan_in: int, fan_out: int) -> nn.Module:
    if layer.kernel == 1:
        return nn.Linear(fan_in, fan_out, bias=layer.bias)
    return nn.Conv2d(fan_in, fan_out, layer.kernel, padding=layer.kernel // 2 if layer.same else 0, bias=layer.bias)


def plain_network(
    architecture: Architecture, weights: Mapping[str, Tensor], kept: Mapping[str, Tensor]
) -> PlainNetwork:
    """Return the plain network of one replicate's weights, in their dtype, on the CPU."""
    network = PlainNetwork(architecture, {slot: len(indices) for slot, indices in kept.items()})
    names = {layer.name for layer in network.layers}
    state = {name: tensor.cpu() for name, tensor in weights.items() if name.split(".")[0] in names}
    for slot in architecture.slots:
        if slot.name == "input":
            state["kept_input"] = kept["input"].cpu()
        elif slot.parent:
            place = {channel: rank for rank, channel in enumerate(kept[slot.parent].tolist())}
            flat = [place[i // slot.positions] * slot.positions + i % slot.positions for i in kept[slot.name].tolist()]
            state[f"kept_{slot.name}"] = torch.tensor(flat, dtype=torch.int64)
    network.to(next(iter(weights.values())).dtype).load_state_dict(state)
    return network.eval()


def error_percent(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, batch: int = 2000) -> float:
    """Return the share of wrongly classified images in percent; images uint8 [N, 784], labels [N].

    Scores that are not finite count as wrong.
    """
    wrong = 0
    with torch.no_grad():
        for first in range(0, len(labels), batch):
            part = slice(first, first + batch)
            scores = network(images[part].float().div_(255))
            right = (scores.argmax(1) == labels[part]) & scores.isfinite().all(1)
            wrong += int((~right).sum())
    return 100 * wrong / len(labels)
