"""MNIST: handwritten digits (LeCun et al., 1998)."""

from robustprune.data.torchvision_reader import TorchvisionReader

DATASET = TorchvisionReader("MNIST", train_count=60_000)
