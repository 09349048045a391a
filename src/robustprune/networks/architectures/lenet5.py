"""LeNet-5 as in Caffe: 20 and 50 filters of 5 x 5 without padding, each pooled 2 x 2, then 500 units."""

from robustprune.networks.architecture import Architecture, Layer, Slot

ARCHITECTURE = Architecture(
    "lenet5",
    (
        Slot("conv1", 20),
        Slot("conv2", 50),
        Slot("flat", 800, hidden=False, parent="conv2", positions=16),
        Slot("fc1", 500),
    ),
    (
        Layer("conv1", None, "conv1", kernel=5, positions=24 * 24),
        Layer("conv2", "conv1", "conv2", kernel=5, positions=8 * 8),
        Layer("fc1", "flat", "fc1"),
        Layer("fc2", "fc1", None),
    ),
)
