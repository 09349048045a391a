"""What a job would refuse, found before any job starts."""

from collections.abc import Iterable

from robustprune.engine.batches import check_batch
from robustprune.engine.devices import check_precision
from robustprune.errors import StudyError
from robustprune.gathering.shared import images_of, network_named, valid_settings
from robustprune.initialization import FROM_DATA
from robustprune.starts.parts.control import FreshControl
from robustprune.starts.parts.registry import find_start, start_names
from robustprune.study.cells import Cell
from robustprune.study.names import split_initialization

NO_FOLDERS = ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
"""Names that Windows keeps for devices, in any case of letters."""


def check_folders(cells: Iterable[Cell]) -> None:
    """Raise StudyError for cells that cannot have folders of their own on every system."""
    keys: dict[str, str] = {}
    for cell in cells:
        other = keys.setdefault(cell.key.lower(), cell.key)
        if other != cell.key:
            raise StudyError(
                f"{cell.key} and {other} differ in upper and lower case only and would share a folder on macOS and "
                "Windows; give one strength another key"
            )
        if cell.strength.lower() in NO_FOLDERS:
            raise StudyError(
                f"{cell.key}: Windows knows no folder {cell.strength}; give the strength another key, such as "
                f"{cell.strength}_"
            )


def check_job(cell: Cell, device: str) -> None:
    """Raise StudyError for a cell of the package's methods that cannot be trained with its settings.

    Whether this machine has the device is not checked: the jobs may run on others.
    """
    valid_settings(cell)
    check_precision(device, cell.training.precision)
    check_examples(cell)
    if (images := images_of(cell)) is not None:
        check_batch(cell, images)
    scheme, _ = split_initialization(cell.initialization)
    if scheme in FROM_DATA and cell.method in start_names():
        _check_whole_images(cell, scheme)


def check_examples(cell: Cell) -> None:
    """Raise StudyError for a choice of more images than there are."""
    images, asked = images_of(cell), cell.training.examples
    if images is not None and asked is not None and images < asked:
        raise StudyError(f"{cell.key}: training.examples: {asked} exceeds the {images} training images")


def _check_whole_images(cell: Cell, scheme: str) -> None:
    """Raise StudyError for new weights from images where the network keeps a part of each image only."""
    network = network_named(cell.architecture, cell.depth)
    pruned = [slot.name for slot in network.slots if not slot.hidden and slot.name in network.gated(cell.track)]
    if pruned and issubclass(find_start(cell.method), FreshControl):
        raise StudyError(
            f"{cell.key}: initialization {scheme} needs whole images, but {cell.method} keeps a part of slot "
            f"{pruned[0]}; give controls another initialization"
        )
