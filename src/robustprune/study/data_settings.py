"""Where data sets are kept and fetched from."""

from pydantic import Field

from robustprune.study.names import FolderName
from robustprune.study.strict import Strict


class DataSettings(Strict):
    """Folder and mirrors of the data sets."""

    directory: FolderName = Field("data", description="folder of prepared data sets (never committed)")
    mirrors: tuple[str, ...] = Field(
        ("../shared/data", "torchvision"),
        description="tried in order: a folder (as torchvision lays it out), a URL of such a folder, or 'torchvision'",
    )
