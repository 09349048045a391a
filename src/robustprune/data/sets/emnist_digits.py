"""EMNIST, its part of handwritten digits (Cohen et al., 2017)."""

from robustprune.data.torchvision_reader import TorchvisionReader

DATASET = TorchvisionReader("EMNIST", train_count=240_000, split="digits")
