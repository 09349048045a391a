"""The inner loop of the public L0-ARM program (Li and Ji; leo-yangli/l0-arm), written anew.

Layers as in models/layer/ARMDense.py, network and its two forward passes as in models/MLP.py, a step as in main.py with
the defaults of config.py: batch 128, Adam, one noise value per gate and batch, averaged parameters. Left out:
TensorBoard, printing, validation and saving.
"""

import torch
import torch.nn.functional as F
from reference import MNIST, Loop
from torch import Tensor, nn

EPOCHS = 200  # max_epoch of config.py
IMAGES = 60_000
DECAY, PRICE = 60_000 * 5e-4, 0.1  # MLP.py multiplies weight_decay by the number of images; lambas of an MLP
SLOPE = 7.0  # k
AVERAGE = 0.999  # beta_ema


class ArmDense(nn.Module):
    """A linear layer with binary gates on its inputs, whose gradient two forward passes estimate."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        nn.init.kaiming_normal_(self.weight, mode="fan_out")
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.phi = nn.Parameter(torch.empty(inputs).normal_(0.0, 1e-2 / SLOPE))
        self.noise = torch.empty(0)
        self.antithetic = False

    def open(self) -> Tensor:
        """The probability [inputs] that a gate is 1."""
        return torch.sigmoid(SLOPE * self.phi)

    def forward(self, h: Tensor) -> Tensor:
        """Return [B, outputs] for h [B, inputs]; the antithetic pass has the noise of the pass before."""
        share, gates = self.open().detach().expand_as(h), torch.zeros_like(h)
        if self.antithetic:
            gates[self.noise > 1 - share] = 1.0
        else:
            self.noise = torch.rand(h.shape[1]).expand_as(h)
            gates[self.noise < share] = 1.0
        return (h * gates).mm(self.weight) + self.bias

    def estimate(self, antithetic: Tensor, plain: Tensor) -> None:
        """Set the gradient of phi from the losses of both passes; that of the penalty is added to it later."""
        self.phi.grad = SLOPE * ((antithetic - plain) * (self.noise - 0.5)).mean(dim=0)

    def penalty(self) -> Tensor:
        """The expected L2 and L0 penalty of the layer."""
        share = self.open()
        weights = share * (0.5 * DECAY * self.weight.pow(2)).sum(1)
        return PRICE * share.sum() * len(self.bias) + weights.sum() + (0.5 * DECAY * self.bias.pow(2)).sum()

    def expected(self) -> tuple[Tensor, Tensor]:
        """The expected operations per image and the expected number of parameters."""
        units = self.open().sum().data
        return 2 * units * len(self.bias), (units + 1) * len(self.bias)


def lenet_300_100() -> nn.Sequential:
    """The network 784-300-100 with gates."""
    return nn.Sequential(
        *(nn.Flatten(), ArmDense(784, 300), nn.ReLU(), ArmDense(300, 100), nn.ReLU(), ArmDense(100, 10))
    )


class ArmLoop(Loop):
    """The program's training loop."""

    def __init__(self, data: MNIST, batches: int):
        super().__init__(lenet_300_100(), data, 128, batches)
        self.layers = [layer for layer in self.network if isinstance(layer, ArmDense)]
        self.averages = [parameter.data.clone() for parameter in self.network.parameters()]
        self.losses, self.wrong, self.expected = [], [], []

    def pass_through(self, images: Tensor, antithetic: bool) -> Tensor:
        """Class scores [B, 10] of one of the two passes."""
        for layer in self.layers:
            layer.antithetic = antithetic
        return self.network(images)

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Train on one batch and note what the program notes."""
        self.optimizer.zero_grad()
        scores = self.pass_through(images, antithetic=False)
        antithetic = F.cross_entropy(self.pass_through(images, antithetic=True).data, labels)
        plain = F.cross_entropy(scores.data, labels)
        for layer in self.layers:
            layer.estimate(antithetic, plain)
        loss = F.cross_entropy(scores, labels) + sum(layer.penalty() for layer in self.layers) / IMAGES
        loss.backward()
        self.optimizer.step()
        self.losses.append(loss.item())
        self.wrong.append((scores.data.topk(1)[1][:, 0] != labels).float().mean().item())
        self.expected.append([layer.expected() for layer in self.layers])
        for average, parameter in zip(self.averages, self.network.parameters(), strict=True):
            average.mul_(AVERAGE).add_((1 - AVERAGE) * parameter.data)
