"""Import of torchvision's data set classes, also with a CPU build of torch.

`import torchvision` works where torch and torchvision come from one build. With a CPU build of torch and a torchvision
compiled against CUDA, its operators fail to load and the import ends with "operator torchvision::nms does not exist".
The data sets need no operators, so the missing schemas are then declared (not implemented) and the import is repeated.
They must not be declared before: with a matching build a second registration aborts the process.
"""

import importlib
import sys
from types import ModuleType

import torch

MISSING_OPERATOR = "torchvision::nms"
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: torch.library.Library | None = None  # the declared schemas are dropped with this object


def import_datasets() -> ModuleType:
    """Return the module torchvision.datasets; declare missing operators where the first import fails."""
    try:
        return importlib.import_module("torchvision.datasets")
    except RuntimeError as error:
        if MISSING_OPERATOR not in str(error):
            raise
    global _declared
    _declared = library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # left behind by the failed import
    return importlib.import_module("torchvision.datasets")
