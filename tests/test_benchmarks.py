"""The benchmarks' arithmetic: what holds, what a power law's exponent is, that sizes asked for are sizes timed."""

import sys

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from engine import Steps, kept_units, prune, training_of
from floors import step_floor, step_flops
from scaling import exponents, points
from timing import Timing, entry, paired, ratio, summary, timed

from robustprune.gathering.plan import PRUNED
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs


def test_targets_hold_or_not():
    assert entry("a", 2.4, "ratio", 0.0, "<= 2.5")["holds"] is True
    assert entry("a", 2.6, "ratio", 0.0, "<= 2.5")["holds"] is False
    assert entry("a", 4.4, "ratio", 0.0, ">= 4.5")["holds"] is False
    assert entry("a", 4.4, "ratio", 0.0)["holds"] is None
    row = ratio("a", summary([2.0, 1.9, 2.1]), ">= 2")
    assert (row["value"], row["holds"], row["spread"]) == (2.0, True, pytest.approx(0.1))
    assert (Timing(3.0, 0.3) + Timing(1.5, 0.4)).times(2) == Timing(9.0, 1.0)
    turns = []
    assert len(paired(lambda: turns.append("a"), lambda: turns.append("b"), budget=0.0, least=3)) == 3
    assert "".join(turns) == "abababab"
    assert summary([1.0, 2.0, 3.0, 4.0, 100.0]) == Timing(3.0, 2.0)


def test_exponents_of_a_power_law():
    rows = [
        {"axis": "width", "method": "dense", "width": w, "seconds": 3 * w**1.7, "memory_mib": 50 * w**0.4}
        for w in (0.5, 1, 2, 4, 8)
    ]
    law = exponents(pd.DataFrame(rows)).iloc[0]
    assert law["seconds_exponent"] == pytest.approx(1.7)
    assert law["memory_mib_exponent"] == pytest.approx(0.4)
    assert law["seconds_standard_error"] == pytest.approx(0, abs=1e-9)
    assert {point["axis"] for point in points()} == {"width", "replicates", "images"}


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_steps_are_timed_at_the_sizes_asked_for(digits, name):
    training = prune(training_of(digits, "bernoulli", name, 2, {"price": 1e-3}, dataset="digits"), [PRUNED[name]] * 2)
    assert {slot: count.tolist() for slot, count in training.network.counts().items()} == {
        slot: [count] * 2 for slot, count in PRUNED[name].items()
    }
    assert timed(Steps(training), budget=0.0).seconds > 0
    kept = kept_units(architecture(name), PRUNED[name])
    if "flat" in kept:
        assert len(np.unique(kept["flat"] // 16)) == PRUNED[name]["conv2"]


def test_floor_grows_with_the_work():
    """A dense step needs ten times the operations of the pruned one, and its products at least twice the time."""
    arch = architecture("lenet_300_100")
    dense, pruned = arch.units(), PRUNED["lenet_300_100"]
    assert step_flops(macs(arch, dense)) == 6 * 128 * 266200
    assert step_floor(arch, dense).seconds > 2 * step_floor(arch, pruned).seconds
