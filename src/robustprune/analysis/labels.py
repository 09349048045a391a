"""Labels of tables and figures, made from the display names in study/titles.py; the names of gates."""

from robustprune.study.titles import ARCHITECTURES, DATASETS, INITIALIZATIONS

GATES = {
    "bernoulli": r"keep probability $\theta$",
    "l0_hc": r"test gate $\hat{z}$",
    "l0_arm": r"keep probability $\pi$",
    "generalized_dropout": r"keep probability $\theta$",
    "beta_bernoulli": r"mean gate E[$\pi$]",
    "sbp": r"mean gate E[$\theta$]",
    "bmrs_n": r"mean gate E[$\theta$]",
    "bmrs_u": r"mean gate E[$\theta$]",
    "vib": r"mean gate $\mu$",
    "bc_gnj": r"mean gate $\mu$",
    "bc_ghs": r"mean gate E[$z$]",
    "ss_ig": "inclusion probability",
    "slimming": r"scale $\gamma$",
}
"""The gate that a method records over the epochs, in the words of its own paper."""


def network_title(dataset: str, architecture: str, track: str) -> str:
    """Heading of one comparison, e.g. "LeNet-300-100 on MNIST, track full"; tracks are never mixed."""
    return f"{ARCHITECTURES.get(architecture, architecture)} on {DATASETS.get(dataset, dataset)}, track {track}"


def initialization_title(name: str) -> str:
    """An initialization as captions write it: "He normal"."""
    return INITIALIZATIONS.get(name, name)


def gate_label(method: str) -> str:
    """What the y axis of a method's gates says; "gate" for a method that is new here."""
    return GATES.get(method, "gate")
