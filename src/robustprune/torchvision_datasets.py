"""torchvision's data set classes, importable beside a CPU build of torch.

The registry's torchvision is compiled against CUDA; with a CPU torch its operators fail to load and
`import torchvision` stops at "operator torchvision::nms does not exist". Only the data sets are needed
here, so the missing operator schemas are declared (never implemented) before the import.
"""

import torch

_library = None
if not hasattr(torch.ops.torchvision, "nms"):
    _library = torch.library.Library("torchvision", "DEF")
    _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchvision.datasets import EMNIST, KMNIST, MNIST, FashionMNIST  # noqa: E402

CLASSES = {"mnist": MNIST, "fashion_mnist": FashionMNIST, "kmnist": KMNIST, "emnist_digits": EMNIST}
