"""Labels in tables and figures, made of the display names in study/titles.py."""

from robustprune.study.titles import ARCHITECTURES, DATASETS, INITIALIZATIONS

GATES = {
    "bernoulli": r"keep probability $\theta$",
    "l0_hc": r"test gate $\hat{z}$",
    "l0_arm": r"keep probability $\pi$",
    "generalized_dropout": r"keep probability $\theta$",
    "beta_bernoulli": r"keep probability E[$\pi$]",
    "sbp": r"mean gate E[$\theta$]",
    "bmrs_n": r"mean gate E[$\theta$]",
    "bmrs_u": r"mean gate E[$\theta$]",
    "vib": r"mean gate $\mu$",
    "bc_gnj": r"mean gate $\mu$",
    "bc_ghs": r"mean gate E[$z$]",
    "ss_ig": "inclusion probability",
    "slimming": r"scale $\gamma$",
    "d_gating": r"product of gates $\gamma$",
}
"""The gate that a method records over the epochs, in the notation of its paper."""
BUDGETS = {"epochs": "at equal epochs", "macs": "within the MACs of dense training"}


def network_title(dataset: str, architecture: str, track: str | None = None) -> str:
    """Return the heading of one comparison, e.g. "LeNet-300-100 on MNIST, track full"; tracks are never mixed.

    track: None for a heading of several tracks.
    """
    title = f"{ARCHITECTURES.get(architecture, architecture)} on {DATASETS.get(dataset, dataset)}"
    return title if track is None else f"{title}, track {track}"


def budget_title(budget: str) -> str:
    """Return what a comparison holds equal, e.g. "at equal epochs"."""
    return BUDGETS.get(budget, budget)


def heading_of_budget(dataset: str, architecture: str, track: str, budget: str) -> str:
    """Return the heading of one comparison at one budget."""
    return f"{network_title(dataset, architecture, track)}, {budget_title(budget)}"


def initialization_title(name: str) -> str:
    """Return the name of an initialization in captions, e.g. "He normal"."""
    return INITIALIZATIONS.get(name, name)


def is_keep_probability(method: str) -> bool:
    """Return whether the gates that a method records are keep probabilities of Bernoulli gates."""
    return GATES.get(method, "").startswith(("keep probability", "inclusion probability"))


def gate_label(method: str) -> str:
    """Return the y label of a method's gates; "gate" for methods without an entry in GATES."""
    return GATES.get(method, "gate")
