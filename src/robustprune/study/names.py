"""Names that a configuration uses: data sets, architectures, tracks, initializations, strength keys, widths."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from robustprune import registry
from robustprune.errors import nearest

SCHEMES = ("he_normal", "xavier_uniform", "lecun_normal", "orthogonal", "pytorch_default", "fuse", "mmd")
Track = Literal["full", "hidden"]
Budget = Literal["epochs", "macs"]
"""What ends training."""


def split_initialization(key: str) -> tuple[str, float]:
    """Split "he_normal_x0.3" into its scheme and gain factor ("he_normal", 0.3).

    Raises ValueError for an unknown scheme or a gain that is not a positive number.
    """
    parts = re.fullmatch(r"(.*?)(?:_x([0-9.]+))?", key)
    scheme, gain = parts.groups() if parts else (key, None)
    if scheme not in SCHEMES:
        raise ValueError(f"unknown initialization {key!r}{nearest(scheme, SCHEMES)}, each also with a gain: _x0.3")
    if gain is None:
        return scheme, 1.0
    try:
        value = float(gain)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise ValueError(f"initialization {key!r}: the gain after _x must be a positive number")
    return scheme, value


def _initialization(key: str) -> str:
    split_initialization(key)
    return key


def _known(kind: registry.Kind) -> AfterValidator:
    """Return a validator of names of that kind, in the package or the plug-in folder (robustprune.registry)."""

    def check(name: str) -> str:
        if not registry.known(kind, name):
            raise ValueError(registry.unknown(kind, name))
        return name

    return AfterValidator(check)


def _described(kind: registry.Kind, *examples: str) -> Any:
    description = f"a file of {registry.FOLDERS[kind]} in the package, or of {kind}s in the plug-in folder"
    return Field(description=description, examples=list(examples))


def _strength_key(key: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", key):
        raise ValueError(f"strength key {key!r} may hold only letters, digits and _ (it becomes a folder name)")
    return key


DatasetName = Annotated[
    str, _known("dataset"), _described("dataset", "mnist", "fashion_mnist", "kmnist", "emnist_digits", "digits")
]
ArchitectureName = Annotated[str, _known("architecture"), _described("architecture", "lenet_300_100", "lenet5")]
Initialization = Annotated[str, AfterValidator(_initialization)]
StrengthKey = Annotated[str, AfterValidator(_strength_key)]
Width = Annotated[float, Field(gt=0, le=64)]
