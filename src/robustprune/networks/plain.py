"""The plain network: a compact, deterministic nn.Module with nothing of this study in it but its sizes."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustprune.networks.architecture import Architecture


class PlainNetwork(nn.Module):
    """A pruned network of nn.Linear and nn.Conv2d layers with given units per slot.

    Buffers "kept_<slot>" hold what is read: the kept pixels of the input, and for a flattened slot the places among
    the channels that are left. forward takes images [B, 784] or [B, 1, 28, 28] scaled to [0, 1] and returns class
    scores [B, 10].
    """

    def __init__(self, architecture: Architecture, units: Mapping[str, int]):
        super().__init__()
        self.architecture = architecture
        for layer in architecture.layers:
            fan_in = units[layer.reads] if layer.reads else 1
            fan_out = units[layer.writes] if layer.writes else architecture.classes
            module = nn.Conv2d(fan_in, fan_out, layer.kernel) if layer.kernel > 1 else nn.Linear(fan_in, fan_out)
            self.add_module(layer.name, module)
        for slot in architecture.slots:
            if not slot.hidden:
                self.register_buffer(f"kept_{slot.name}", torch.arange(units[slot.name]))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores [B, 10] of images [B, 784] or [B, 1, 28, 28]."""
        h = images.flatten(1)
        h = h.index_select(1, self.kept_input) if hasattr(self, "kept_input") else h.unflatten(1, (1, 28, 28))
        for layer in self.architecture.layers:
            if layer.reads and self.architecture.slot(layer.reads).parent:
                h = h.flatten(1).index_select(1, getattr(self, f"kept_{layer.reads}"))
            h = getattr(self, layer.name)(h)
            if layer.kernel > 1:
                h = F.max_pool2d(h, 2)
            if layer.writes:
                h = F.relu(h)
        return h

    @property
    def units(self) -> dict[str, int]:
        """Units per slot."""
        counts = {}
        for slot in self.architecture.slots:
            reader = getattr(self, self.architecture.reader(slot.name).name)
            writer = self.architecture.writer(slot.name)
            if slot.hidden:
                counts[slot.name] = getattr(self, writer.name).weight.shape[0]
            else:
                counts[slot.name] = reader.weight.shape[1]
        return counts


def plain_network(
    architecture: Architecture, weights: Mapping[str, Tensor], kept: Mapping[str, Tensor]
) -> PlainNetwork:
    """The plain network of one replicate's weights (in their dtype, on the CPU)."""
    network = PlainNetwork(architecture, {slot: len(indices) for slot, indices in kept.items()})
    state = {name: tensor.cpu() for name, tensor in weights.items()}
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
    """Share of wrongly classified images in percent; images uint8 [N, 784], labels [N].

    NaN scores count as wrong.
    """
    wrong = 0
    with torch.no_grad():
        for first in range(0, len(labels), batch):
            part = slice(first, first + batch)
            scores = network(images[part].float().div_(255))
            right = (scores.argmax(1) == labels[part]) & scores.isfinite().all(1)
            wrong += int((~right).sum())
    return 100 * wrong / len(labels)
