"""A network of two inputs, a stream of two units and two sections of two units, with numbers worked out by hand."""

import itertools

import torch

from robustprune.networks.architecture import Architecture, Layer, Slot
from robustprune.networks.layers import cross_entropy
from robustprune.networks.sections import bottlenecks
from robustprune.networks.stacked import Gated, StackedNetwork, every_unit

X = torch.tensor([[[1, 0.5], [-0.5, 1]]], dtype=torch.float64)
Y = torch.tensor([[0, 1]])
GATES = ("block1_gate", "block2_gate")
WEIGHTS = {
    "stem.weight": [[1, -0.5], [0.5, 1]],
    "stem.bias": [0.1, -0.1],
    "block1_in.weight": [[0.6, -0.4], [0.2, 0.8]],
    "block1_in.bias": [0, 0.1],
    "block1_out.weight": [[0.5, -0.3], [-0.2, 0.7]],
    "block2_in.weight": [[-0.5, 0.9], [0.7, 0.3]],
    "block2_in.bias": [0.2, 0],
    "block2_out.weight": [[0.4, 0.6], [-0.8, 0.1]],
    "head.weight": [[1, -1], [-0.5, 1]],
    "head.bias": [0, 0],
}


def architecture() -> Architecture:
    slots, layers = bottlenecks(["block1", "block2"], "stem", 2)
    ends = Layer("stem", "input", "stem"), Layer("head", "stem", None)
    given = Slot("input", 2, hidden=False), Slot("stem", 2)
    return Architecture("two_sections", (*given, *slots), (ends[0], *layers, ends[1]), classes=2)


def network() -> StackedNetwork:
    made = architecture()
    weights = {name: torch.tensor([values], dtype=torch.float64) for name, values in WEIGHTS.items()}
    return StackedNetwork(made, weights, every_unit(made.units(), 1))


def gated(xi: dict[str, torch.Tensor]) -> Gated:
    """Hooks for gates [1, B, n] by slot."""
    return Gated(lambda slot, h: h * xi[slot] if slot in xi else h)


def losses(xi: dict[str, torch.Tensor]) -> torch.Tensor:
    return cross_entropy(network().forward(X, gated(xi)), Y)


def draws(theta: tuple[float, float]):
    """Every draw of both gates for both examples: (probability, gates by slot)."""
    for values in itertools.product((0.0, 1.0), repeat=4):
        xi = torch.tensor(values, dtype=torch.float64).view(1, 2, 2)  # example, section
        t = torch.tensor(theta, dtype=torch.float64)
        chance = float((xi * t + (1 - xi) * (1 - t)).prod())
        yield chance, {gate: xi[:, :, [number]] for number, gate in enumerate(GATES)}
