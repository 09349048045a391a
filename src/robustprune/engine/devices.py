"""The devices that a cell can train on."""

import torch

from robustprune.errors import StudyError


def check_device(device: str, precision: str) -> None:
    """Raise StudyError for a device that torch does not have, and for a precision that it does not offer."""
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise StudyError(f"device: {device!r} is no device of this package; expected cpu, cuda or cuda:<number>")
    if kind == "cuda" and not torch.cuda.is_available():
        raise StudyError(f"device: {device} was asked for, but this torch sees no GPU; set device: cpu")
    check_precision(device, precision)


def check_precision(device: str, precision: str) -> None:
    """Raise StudyError for a precision that a device does not offer, whether or not this machine has the device."""
    if not device.startswith("cuda") and precision != "float32":
        raise StudyError(f"training.precision: {precision} needs a GPU, device is {device}; use float32")


def use_exact_float32() -> None:
    """Switch TF32 off, so that float32 products and convolutions of a GPU have 24 bits, not 11."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
