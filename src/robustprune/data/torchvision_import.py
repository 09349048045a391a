"""torchvision's data set classes, importable beside a CPU build of torch too.

Where torch and torchvision come from one build, `import torchvision` works as it is. Where a CPU build of torch meets a
torchvision compiled against CUDA, its operators fail to load and the import stops at "operator torchvision::nms does
not exist". Only the data sets are needed here, so the missing schemas are then declared (never implemented) and the
import is tried again. They must not be declared first: beside a matching build a second registration aborts.
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


def import_datasets() -> ModuleType:
    """The module torchvision.datasets; declares torchvision's missing operators where its first import fails."""
    try:
        return importlib.import_module("torchvision.datasets")
    except RuntimeError as error:
        if MISSING_OPERATOR not in str(error):
            raise
    global _declared  # the schemas live as long as this object
    _declared = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        _declared.define(schema)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import left behind
    return importlib.import_module("torchvision.datasets")
