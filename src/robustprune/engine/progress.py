"""Progress of a cell: a bar on a terminal, or a log line per epoch, with kept units and the time left."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

from robustprune.engine.training import Training


class Progress:
    """Context manager around the remaining epochs of a cell."""

    def __init__(self, training: Training, resumed: bool):
        self.cell, self.first, self.begun = training.cell, training.epoch, training.moment.progress
        self.epochs = training.budget.epochs if training.budget.macs is None else None
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
            progress = training.moment.progress
            left = spent / (progress - self.begun) * max(0.0, 1 - progress)
            of = f"/{self.epochs}" if self.epochs else f", {min(1, progress):.0%} of the budget"
            print(
                f"{self.cell.key}: epoch {training.epoch}{of}, kept {units}, "
                f"loss {loss:.4f}, {spent:.0f} s, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )


def kept_so_far(training: Training) -> str:
    """Return the mean units per slot over replicates, e.g. 183-109-58."""
    return "-".join(f"{count.double().mean():.0f}" for count in training.network.counts().values())
