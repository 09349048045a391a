"""784 pixels, a stream of 100 units, `depth` sections of 100 units on it, 10 classes.

Widths scale the stream and the sections. Without sections it is the chain 784-100-10.
"""

from robustprune.networks.architecture import Architecture, Layer, OfAnyDepth, Slot
from robustprune.networks.sections import bottlenecks

UNITS = 100


def _build(depth: int) -> Architecture:
    names = [f"block{number}" for number in range(1, depth + 1)]
    slots, layers = bottlenecks(names, "stem", UNITS)
    return Architecture(
        "mlp_residual",
        (Slot("input", 784, hidden=False), Slot("stem", UNITS), *slots),
        (Layer("stem", "input", "stem"), *layers, Layer("head", "stem", None)),
    )


ARCHITECTURE = OfAnyDepth(_build)
