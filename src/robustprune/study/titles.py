"""Display names of data sets, architectures and initializations; others are shown by their key."""

ARCHITECTURES = {
    "lenet_300_100": "LeNet-300-100",
    "lenet5": "LeNet-5",
    "mlp_300": "MLP 784-300-10",
    "mlp_residual": "residual MLP",
    "lenet5_residual": "residual LeNet-5",
}
DATASETS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "kmnist": "KMNIST",
    "emnist_digits": "EMNIST digits",
    "digits": "8x8 digits",
}
INITIALIZATIONS = {"he_normal": "He normal"}
