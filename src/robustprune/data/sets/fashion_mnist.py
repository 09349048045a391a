"""Fashion-MNIST: articles of clothing (Xiao et al., 2017)."""

from robustprune.data.torchvision_reader import TorchvisionReader

DATASET = TorchvisionReader("FashionMNIST", train_count=60_000)
