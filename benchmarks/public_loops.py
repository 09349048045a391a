"""Whole pruned networks against the inner loops of public programs, which prune one network in 200 epochs each."""

from collections.abc import Iterator

import public_l0
import public_l0_arm
from reference import Reference
from timing import Timing, duration, paired, ratio, summary

from robustprune.gathering.timings import TITLES

PUBLIC = {
    "lenet_300_100": ("L0-ARM", public_l0_arm.ArmLoop, public_l0_arm.EPOCHS, ">= 100"),
    "lenet5": ("L0", public_l0.L0Loop, public_l0.EPOCHS, ">= 50"),
}
"""Per network: name of the program, its loop, the epochs that it runs by default, and the bound."""


def public_rows(name: str, ours: Timing, epochs: int, reference: Reference) -> Iterator[dict]:
    """Rows for a network: seconds of the program's epoch, and how many times cheaper a pruned network of ours is.

    ours: a whole pruned network in reference epochs, trained for `epochs` epochs. The program's loop is timed in turn
    with the reference, too. The second ratio grants it as few epochs as ours has.
    """
    program, loop_of, published, bound = PUBLIC[name]
    loop = loop_of(reference.loader.dataset, reference.batches)
    pairs = paired(loop, reference, budget=6.0, least=12)
    theirs = [(part * loop.calls_per_epoch, other * reference.calls_per_epoch) for part, other in pairs]
    yield duration(f"public {program}: {TITLES[name]} epoch", summary([seconds for seconds, _ in theirs]))
    in_reference = summary([seconds / other for seconds, other in theirs])
    label = f"{TITLES[name]} pruned network ({epochs} epochs), times cheaper than public {program}"
    yield ratio(f"target: {label} ({published} epochs)", in_reference.times(published).over(ours), bound)
    yield ratio(f"{label} at {epochs} epochs", in_reference.times(epochs).over(ours))
