"""One hidden layer of 300 units on 784 pixels, the shallow network of docs/related.md 4."""

from robustprune.networks.architecture import Architecture, Layer, Slot

ARCHITECTURE = Architecture(
    "mlp_300",
    (Slot("input", 784, hidden=False), Slot("fc1", 300)),
    (Layer("fc1", "input", "fc1"), Layer("fc2", "fc1", None)),
)
