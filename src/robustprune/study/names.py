"""Names that a configuration uses: data sets, architectures, initializations, strength keys, folders, devices, ..."""

import os
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from robustprune import registry
from robustprune.errors import nearest

SCHEMES = ("he_normal", "xavier_uniform", "lecun_normal", "orthogonal", "pytorch_default", "fuse", "mmd")
Track = Literal["full", "hidden", "layers", "joint"]
"""Which slots may be pruned: all units, hidden units; layers: whole sections only; joint: units and sections."""
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


def _folder(name: str) -> str:
    """Return a folder without doubled slashes, `./` and `~`; paths of Snakemake are compared as text."""
    folder = os.path.normpath(os.path.expanduser(name)) if name else ""
    if not folder or folder.startswith("-") or any(part in "{}" or not part.isprintable() for part in folder):
        raise ValueError(
            f"folder {name!r}: expected a name that is not empty, does not begin with - and holds no braces and no "
            "control characters"
        )
    return folder


def _device(name: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise ValueError(f"{name!r} is no device of this package; expected cpu, cuda or cuda:<number>")
    return name


DatasetName = Annotated[
    str, _known("dataset"), _described("dataset", "mnist", "fashion_mnist", "kmnist", "emnist_digits", "digits")
]
ArchitectureName = Annotated[
    str, _known("architecture"), _described("architecture", "lenet_300_100", "lenet5", "mlp_residual")
]
Initialization = Annotated[str, AfterValidator(_initialization)]
FolderName = Annotated[str, AfterValidator(_folder)]
DeviceName = Annotated[str, AfterValidator(_device)]
StrengthKey = Annotated[str, AfterValidator(_strength_key)]
Width = Annotated[float, Field(gt=0, le=64)]
Depth = Annotated[int, Field(ge=0, le=64, description="sections per stream")]
