"""The inner loop of the public L0 program (Louizos et al.; AMLab-Amsterdam/L0_regularization), written anew.

Layers as in l0_layers.py, network and penalty as in models.py (L0LeNet5), a step as in train_lenet5.py with its default
options: batch 100, Adam, hard-concrete gates with one sample per batch, no averaging of parameters (train_lenet5.py
does not hand its option for that to the network). Left out: TensorBoard, printing, validation and saving.
"""

import math

import torch
import torch.nn.functional as F
from reference import MNIST, Loop
from torch import Tensor, nn

EPOCHS = 200  # --epochs of train_lenet5.py
IMAGES = 60_000
DECAY, PRICE = 5e-4, 1.0  # --weight-decay, --lambas
TEMPERATURE, LOW, HIGH, SMALL = 2 / 3, -0.1, 1.1, 1e-6


class Gated(nn.Module):
    """A layer with hard-concrete gates: weight, bias and one gate per unit of an axis of the weight."""

    def __init__(self, shape: tuple[int, ...], outputs: int, positions: int):
        """shape: of the weight, its first axis is gated; positions: places per image at which the layer computes."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_normal_(self.weight, mode="fan_in" if self.weight.dim() > 2 else "fan_out")
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.log_alpha = nn.Parameter(torch.empty(shape[0]).normal_(0.0, 1e-2))
        self.positions = positions

    def gated_weight(self) -> Tensor:
        """The weight times one sample of its gates."""
        noise = torch.empty_like(self.log_alpha).uniform_(SMALL, 1 - SMALL)
        concrete = torch.sigmoid((noise.log() - (1 - noise).log() + self.log_alpha) / TEMPERATURE)
        gates = F.hardtanh(concrete * (HIGH - LOW) + LOW, 0.0, 1.0)
        return self.weight * gates.view(-1, *[1] * (self.weight.dim() - 1))

    def open(self) -> Tensor:
        """The probability [n] that a gate is not 0."""
        shift = TEMPERATURE * math.log(-LOW / HIGH)
        return 1 - torch.sigmoid(shift - self.log_alpha).clamp(SMALL, 1 - SMALL)

    def penalty(self) -> Tensor:
        """The expected L2 and L0 penalty of the layer."""
        costs = 0.5 * DECAY * self.weight.pow(2) + PRICE
        return (self.open() * costs.flatten(1).sum(1)).sum() + self.penalty_of_bias()

    def penalty_of_bias(self) -> Tensor:
        """The part of the penalty that the bias has."""
        return (0.5 * DECAY * self.bias.pow(2)).sum()

    def expected(self) -> tuple[float, float]:
        """The expected operations per image and the expected number of parameters."""
        parameters = self.open().sum() * self.weight[0].numel()
        return (2 * self.positions * parameters).item(), parameters.item()

    def constrain(self) -> None:
        """Keep the gates' parameters in their range."""
        self.log_alpha.data.clamp_(math.log(1e-2), math.log(1e2))


class Dense(Gated):
    """A linear layer with gates on its inputs."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__((inputs, outputs), outputs, 1)

    def forward(self, h: Tensor) -> Tensor:
        """Return [B, outputs] for h [B, inputs]."""
        return h.mm(self.gated_weight()).add_(self.bias)


class Convolution(Gated):
    """A 5 x 5 convolution with gates on its filters; in training it adds no bias, as in the original."""

    def __init__(self, channels: int, filters: int, positions: int):
        super().__init__((filters, channels, 5, 5), filters, positions)

    def forward(self, images: Tensor) -> Tensor:
        """Return [B, filters, H - 4, W - 4] for images [B, channels, H, W]."""
        return F.conv2d(images, self.gated_weight())

    def penalty_of_bias(self) -> Tensor:
        """The part of the penalty that the bias has: it goes with its filter."""
        return (self.open() * (0.5 * DECAY * self.bias.pow(2) + PRICE)).sum()


def lenet5() -> nn.Sequential:
    """The network 20-50-500 with gates."""
    return nn.Sequential(
        *(Convolution(1, 20, 576), nn.ReLU(), nn.MaxPool2d(2), Convolution(20, 50, 64), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), Dense(800, 500), nn.ReLU(), Dense(500, 10)),
    )


class L0Loop(Loop):
    """The program's training loop."""

    def __init__(self, data: MNIST, batches: int):
        super().__init__(lenet5(), data, 100, batches)
        self.layers = [layer for layer in self.network if isinstance(layer, Gated)]
        self.losses, self.wrong, self.expected = [], [], []

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Train on one batch and note what the program notes."""
        scores = self.network(images)
        loss = F.cross_entropy(scores, labels) + sum(layer.penalty() for layer in self.layers) / IMAGES
        self.wrong.append((scores.data.topk(1)[1][:, 0] != labels).float().mean().item())
        self.losses.append(loss.item())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for layer in self.layers:
            layer.constrain()
        self.expected.append([layer.expected() for layer in self.layers])
