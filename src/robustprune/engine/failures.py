"""The rule for an exception during training (docs/protocol.md B14).

A numerical failure belongs to the result: the networks of the cell are recorded as diverged. It is an exception of the
types NUMERICAL while a loss or a weight is not finite. Any other exception fails the job: a programming error (a typo
in a method), memory, disk, input and output. Then no record is written, the command ends with status 1 and its last
line names the reason. Without an exception a loss that is not finite is noted by Training and ends in `diverged`, too.
"""

import torch

from robustprune.engine.training import Training

NUMERICAL = (RuntimeError, ValueError, ArithmeticError)
"""Types of the exceptions that torch and Python raise for NaN and infinities."""
NEVER = (torch.OutOfMemoryError, NotImplementedError, RecursionError)
"""Subtypes of these that have other causes."""


def numerical_failure(error: Exception, training: Training | None) -> str | None:
    """Return the reason for the record of a numerical failure, or None where the exception fails the job."""
    if training is None or not isinstance(error, NUMERICAL) or isinstance(error, NEVER):
        return None
    numbers = [training.loss, *training.network.parameters.values(), *training.method.parameters.values()]
    if all(bool(tensor.detach().isfinite().all()) for tensor in numbers):
        return None
    return f"training stopped at numbers that are not finite: {one_line(error)}"


def one_line(error: BaseException) -> str:
    """Return type and message of an exception in one line of at most 500 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
