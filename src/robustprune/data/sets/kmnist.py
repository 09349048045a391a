"""Kuzushiji-MNIST: cursive Japanese characters (Clanuwat et al., 2018)."""

from robustprune.data.torchvision_reader import TorchvisionReader

DATASET = TorchvisionReader("KMNIST", train_count=60_000)
