"""What a user would write: nn.Sequential, torchvision's MNIST with ToTensor, a shuffling DataLoader, Adam."""

import shutil
import tempfile
import time
from pathlib import Path

import torch
from timing import Timing, summary
from torch import nn

from robustprune.torchvision_datasets import MNIST

PARTS = 3  # an epoch's thirds are the repetitions

NETWORKS = {
    "lenet_300_100": lambda: nn.Sequential(
        *(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))
    ),
    "lenet5": lambda: nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
    ),
}


def mnist(mirror: Path) -> MNIST:
    """torchvision's own MNIST; from a copy of the mirror's files if it has them (it wants to unpack beside them)."""
    folder = Path(tempfile.mkdtemp(prefix="robustprune-bench-"))
    if (mirror / "MNIST" / "raw").is_dir():
        shutil.copytree(mirror / "MNIST" / "raw", folder / "MNIST" / "raw", copy_function=shutil.copyfile)
    from torchvision.transforms import ToTensor  # importable only after robustprune.torchvision_datasets

    return MNIST(folder, train=True, download=True, transform=ToTensor())


def reference_epoch(architecture: str, data: MNIST) -> Timing:
    """Seconds of one training epoch; the spread is that of its thirds, times three."""
    network = NETWORKS[architecture]()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(data, batch_size=128, shuffle=True)
    batches, times = len(loader), []
    started = time.perf_counter()
    for number, (images, labels) in enumerate(loader, start=1):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        if number % (batches // PARTS) == 0 and len(times) < PARTS:
            times.append(time.perf_counter() - started)
            started = time.perf_counter()
    return summary(times).times(batches / (batches // PARTS))
