"""LeNet-5 with `depth` sections behind each of its hidden layers: 3 x 3 convolutions behind conv1 and conv2, linear
layers behind fc1. A section has as many units as its stream. Without sections it is LeNet-5.
"""

from robustprune.networks.architecture import Architecture, Layer, OfAnyDepth, Slot
from robustprune.networks.sections import bottlenecks

KERNEL = 3


def _build(depth: int) -> Architecture:
    def behind(stream: str, units: int, side: int) -> tuple[list[Slot], list[Layer]]:
        names = [f"{stream}_block{number}" for number in range(1, depth + 1)]
        return bottlenecks(names, stream, units, KERNEL if side > 1 else 1, side**2)

    (slots_1, layers_1), (slots_2, layers_2), (slots_3, layers_3) = (
        behind("conv1", 20, 12),
        behind("conv2", 50, 4),
        behind("fc1", 500, 1),
    )
    return Architecture(
        "lenet5_residual",
        (
            Slot("conv1", 20),
            *slots_1,
            Slot("conv2", 50),
            *slots_2,
            Slot("flat", 800, hidden=False, parent="conv2", positions=16),
            Slot("fc1", 500),
            *slots_3,
        ),
        (
            Layer("conv1", None, "conv1", kernel=5, positions=24 * 24),
            *layers_1,
            Layer("conv2", "conv1", "conv2", kernel=5, positions=8 * 8),
            *layers_2,
            Layer("fc1", "flat", "fc1"),
            *layers_3,
            Layer("fc2", "fc1", None),
        ),
    )


ARCHITECTURE = OfAnyDepth(_build)
