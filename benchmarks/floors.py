"""What the machine can do at best: its peak, and the products and convolutions of a training step alone."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from timing import Timing, timed
from torch import Tensor

from robustprune.networks.architecture import Architecture

BATCH = 128


def gemm_flops(size: int = 1024) -> tuple[float, float]:
    """Float32 operations per second of a square matrix product, and their spread."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    timing = timed(lambda: a @ b)
    rate = 2 * size**3 / timing.seconds
    return rate, rate * timing.spread / timing.seconds


def copy_bytes(mib: int = 64) -> tuple[float, float]:
    """Bytes per second of a copy (read and written) that no cache holds, and their spread."""
    source = torch.rand(mib << 18)
    target = torch.empty_like(source)
    timing = timed(lambda: target.copy_(source))
    rate = 2 * source.numel() * 4 / timing.seconds
    return rate, rate * timing.spread / timing.seconds


def floor_step(architecture: Architecture, units: Mapping[str, int], replicates: int = 5) -> Callable[[], None]:
    """A call that does, for all replicates, forward, weight gradient and (but for convolutions of the image) input
    gradient of every layer, and nothing else."""
    calls = []
    for layer in architecture.layers:
        fan_in = units[layer.reads] if layer.reads else 1
        fan_out = units[layer.writes] if layer.writes else architecture.classes
        if layer.kernel == 1:
            calls.append(_products(fan_in, fan_out, replicates))
        else:
            convolutions = _convolutions(fan_in, fan_out, layer.kernel, layer.positions, layer.reads is not None)
            calls += replicates * [convolutions]

    def step() -> None:
        for call in calls:
            call()

    return step


def products_apart(architecture: Architecture, units: Mapping[str, int], replicates: int = 5) -> Callable[[], None]:
    """A call that does the products of linear layers network by network, each at its own size in the padded tensors.

    Network r has r units less than `units` in every slot. A sum then does not depend on the sizes of the others.
    """
    calls = []
    for layer in architecture.layers:
        h, weight, upstream = _tensors(units[layer.reads], units.get(layer.writes, architecture.classes), replicates)
        cuts = [(h.shape[2] - r, weight.shape[1] - (r if layer.writes else 0)) for r in range(replicates)]
        calls.append(_apart(h, weight, upstream, cuts))

    def step() -> None:
        for call in calls:
            call()

    return step


def step_floor(architecture: Architecture, units: Mapping[str, int], replicates: int = 5) -> Timing:
    """Seconds of such a step per replicate."""
    return timed(floor_step(architecture, units, replicates)).times(1 / replicates)


def step_flops(macs: float) -> float:
    """Operations of a training step of one network: forward, and twice as many backward."""
    return 2 * 3 * BATCH * macs


def _tensors(fan_in: int, fan_out: int, replicates: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs [R, B, in], weights [R, out, in] and gradients of outputs [R, B, out]."""
    h, weight = torch.rand(replicates, BATCH, fan_in), torch.rand(replicates, fan_out, fan_in)
    return h, weight, torch.rand(replicates, BATCH, fan_out)


def _apart(h: Tensor, weight: Tensor, upstream: Tensor, cuts: Sequence[tuple[int, int]]) -> Callable[[], None]:
    def call() -> None:
        outputs, grad_h, grad_weight = (torch.zeros_like(tensor) for tensor in (upstream, h, weight))
        for r, (fan_in, fan_out) in enumerate(cuts):
            own, rows, grad = h[r, :, :fan_in], weight[r, :fan_out, :fan_in], upstream[r, :, :fan_out]
            torch.mm(own, rows.t(), out=outputs[r, :, :fan_out])
            torch.mm(grad, rows, out=grad_h[r, :, :fan_in])
            torch.mm(grad.t(), own, out=grad_weight[r, :fan_out, :fan_in])

    return call


def _products(fan_in: int, fan_out: int, replicates: int):
    h, weight, upstream = _tensors(fan_in, fan_out, replicates)

    def call() -> None:
        torch.bmm(h, weight.transpose(1, 2))
        torch.bmm(upstream, weight)
        torch.bmm(upstream.transpose(1, 2), h)

    return call


def _convolutions(fan_in: int, fan_out: int, kernel: int, positions: int, to_input: bool):
    side = int(positions**0.5)
    images, upstream = _channels_last(fan_in, side + kernel - 1), _channels_last(fan_out, side)
    weight = torch.rand(fan_out, fan_in, kernel, kernel).contiguous(memory_format=torch.channels_last)
    wanted = [to_input, True, False]

    def call() -> None:
        F.conv2d(images, weight)
        torch.ops.aten.convolution_backward(
            upstream, images, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted
        )

    return call


def _channels_last(channels: int, side: int) -> Tensor:
    """Twice as fast as the default layout for these convolutions on a CPU."""
    return torch.rand(BATCH, channels, side, side).contiguous(memory_format=torch.channels_last)
