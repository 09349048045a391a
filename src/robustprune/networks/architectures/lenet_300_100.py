"""LeNet-300-100: two hidden layers on 784 pixels (LeCun et al., 1998)."""

from robustprune.networks.architecture import Architecture, Layer, Slot

ARCHITECTURE = Architecture(
    "lenet_300_100",
    (Slot("input", 784, hidden=False), Slot("fc1", 300), Slot("fc2", 100)),
    (Layer("fc1", "input", "fc1"), Layer("fc2", "fc1", "fc2"), Layer("fc3", "fc2", None)),
)
