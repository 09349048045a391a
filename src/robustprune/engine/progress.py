"""Progress of a cell: a bar on a terminal, one line per epoch in a log, with the units kept so far and an ETA."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

from robustprune.engine.training import Training


class Progress:
    """Context manager around a cell's epochs that are left."""

    def __init__(self, training: Training, resumed: bool):
        self.cell, self.first, self.epochs = training.cell, training.epoch, training.epochs
        self.started = time.perf_counter()
        self.terminal = sys.stderr.isatty()
        if resumed:
            print(f"{self.cell.key}: resumed after epoch {self.first}", file=sys.stderr, flush=True)
        self.bar = tqdm(total=self.epochs, initial=self.first, unit="epoch", disable=not self.terminal)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.close()

    def show(self, training: Training) -> None:
        """Report the epoch that just ended."""
        units = kept_so_far(training)
        rows = training.history.rows[-self.cell.replicates :]
        loss = sum(row["train_loss"] for row in rows) / len(rows)
        self.bar.set_postfix_str(f"kept {units}, loss {loss:.4f}", refresh=False)
        self.bar.update()
        if not self.terminal:
            spent = time.perf_counter() - self.started
            left = spent / (training.epoch - self.first) * (self.epochs - training.epoch)
            print(
                f"{self.cell.key}: epoch {training.epoch}/{self.epochs}, kept {units}, "
                f"loss {loss:.4f}, {spent:.0f} s, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )


def kept_so_far(training: Training) -> str:
    """Mean units per slot over replicates, e.g. 183-109-58."""
    return "-".join(f"{count.double().mean():.0f}" for count in training.network.counts().values())
