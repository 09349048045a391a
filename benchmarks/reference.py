"""What a user would write: nn.Sequential, torchvision's MNIST with ToTensor, a shuffling DataLoader, Adam."""

import shutil
import tempfile
from pathlib import Path

import torch
from timing import Timing, timed
from torch import nn

from robustprune.data.torchvision_import import import_datasets

MNIST = import_datasets().MNIST
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
    from torchvision.transforms import ToTensor  # importable only after import_datasets

    return MNIST(folder, train=True, download=True, transform=ToTensor())


class Loop:
    """A training loop over torchvision's MNIST on one thread; a call trains `batches` batches."""

    def __init__(self, network: nn.Module, data: MNIST, batch_size: int, batches: int):
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        self.loader = torch.utils.data.DataLoader(data, batch_size=batch_size, shuffle=True)
        self.batches = batches
        self.iterator = iter(())

    def __call__(self) -> None:
        """Train that many batches."""
        for _ in range(self.batches):
            self.step(*self._next())

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Train on one batch."""
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.network(images), labels).backward()
        self.optimizer.step()

    def _next(self) -> tuple[torch.Tensor, torch.Tensor]:
        for batch in self.iterator:
            return batch
        self.iterator = iter(self.loader)
        return next(self.iterator)

    def epoch(self) -> Timing:
        """Seconds of an epoch, from a third of it."""
        part = timed(self, least=len(self.loader) // self.batches // 3, budget=0.0)
        return part.times(self.calls_per_epoch)

    @property
    def calls_per_epoch(self) -> float:
        """How many calls make an epoch."""
        return len(self.loader) / self.batches


class Reference(Loop):
    """The program's training loop."""

    def __init__(self, architecture: str, data: MNIST, batches: int = 10):
        super().__init__(NETWORKS[architecture](), data, 128, batches)
