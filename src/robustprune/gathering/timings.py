"""Estimates of training time, from the times of `make bench`."""

import json
import math
from functools import cache
from pathlib import Path

from robustprune.errors import StudyError
from robustprune.files import read_text
from robustprune.gathering.shared import images_of, network_named
from robustprune.networks.architecture import Architecture
from robustprune.networks.size import macs
from robustprune.starts import scratch_b
from robustprune.study.cells import Cell
from robustprune.study.roles import METHOD_UNDER_STUDY
from robustprune.study.titles import ARCHITECTURES
from robustprune.study.training_settings import LONGEST

PRUNED = {
    "lenet_300_100": {"input": 200, "fc1": 110, "fc2": 60},
    "lenet5": {"conv1": 10, "conv2": 18, "flat": 100, "fc1": 60},
}
"""Units of the networks whose steps `make bench` times as pruned."""
TITLES = {name: ARCHITECTURES[name] for name in PRUNED}
"""Display names of the timed networks, which the names of the times contain."""
TIMED_REPLICATES = 5
TIMED_BATCH = 128
# for that share of the epochs a step costs what a dense one costs: fitted to the seconds of the shipped study, and for
# methods that it lacks their share of the MACs of dense training in an older one
DENSE_SHARE = {"dense": 1.0, "slimming": 0.5, "bc_gnj": 0.7}
DENSE_SHARE |= dict.fromkeys(("vib", "sbp", "bmrs_n", "bmrs_u", "beta_bernoulli", "group_lasso", "d_gating"), 0.1)
DENSE_SHARE |= dict.fromkeys(("generalized_dropout", "l0_hc"), 0.05)
DENSE_SHARE |= dict.fromkeys(("magnitude", "taylor", "random", "l0_arm"), 0.2)
DENSE_SHARE_OF_OTHERS = 0.8
# the same in epochs, for methods that remove units at the start, whatever the width and the number of epochs
DENSE_EPOCHS = {"bernoulli": 3.0}
SPENDING = 2.3
"""Most times as long as dense training that a method takes to spend the same MACs: 1.8 to 2.3 in the shipped study."""
SIDE_BY_SIDE = 1.5
"""Factor on the time of a cell while every core runs one: cells share caches and execution units."""

Timings = dict[str, float]
TIMINGS_FILES = (Path("benchmarks/latest.json"), Path("results/reference/bench.json"))
"""Times of this machine, which `make bench` writes, and the shipped ones."""


def timings_file() -> Path | None:
    """Return the first of TIMINGS_FILES that exists below the working directory, or None."""
    return next((path for path in TIMINGS_FILES if path.exists()), None)


def read_timings(path: Path) -> Timings:
    """Return name -> value of a benchmark file; raises StudyError where it is missing or of another kind."""
    try:
        return {entry["name"]: entry["value"] for entry in json.loads(read_text(path))}
    except FileNotFoundError:
        hint = f"make it with `make bench` in a clone, or name another with --bench (the clone's {TIMINGS_FILES[1]})"
        raise StudyError(f"{path}: no such file; {hint}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StudyError(f"{path}: not a file of `make bench` ({error}); make it again") from None


def cell_seconds(cell: Cell, timings: Timings) -> float | None:
    """Return the estimated seconds of a cell's training on an otherwise idle core.

    None for methods without a benchmark and data sets of unknown size. The model: dense steps for a share of the
    epochs, then pruned steps. The estimate is right within a factor of 1.5, for timed architectures.
    """
    method, network = "dense" if cell.source_key else cell.method, network_named(cell.architecture, cell.depth)
    timed = _timed(network)
    labels = [f"{method}: {TITLES[timed.name]} {size} step, R={TIMED_REPLICATES}" for size in ("dense", "pruned")]
    if not all(label in timings for label in labels):
        return None
    images = images_of(cell)
    if images is None:
        return None
    whole, pruned = (timings[label] * _scale(network) for label in labels)
    plain = min(whole, timings.get(labels[0].replace(method, "dense", 1), math.inf) * _scale(network))
    start = _step_of_start(network, cell.width, whole, pruned, plain)
    dense_epochs, pruned_epochs = _epochs(cell, network)
    milliseconds = (dense_epochs * start + pruned_epochs * pruned) * _passes(cell, network)
    if cell.budget == "macs":
        of_dense = cell.training.epochs * _step_of_start(network, cell.width, plain, plain, plain)
        milliseconds = min(milliseconds, SPENDING * of_dense)
    milliseconds *= cell.training.batch_size / TIMED_BATCH
    return (images // cell.training.batch_size) * milliseconds / 1000 * cell.replicates


def _passes(cell: Cell, network: Architecture) -> float:
    """Return the factor on a step in which a section is tried: one forward pass beside three of equal cost.

    On a CPU one section is tried per step, however many are left.
    """
    tried = cell.method == METHOD_UNDER_STUDY and cell.settings.get("estimator_layers", "flip") == "flip"
    return 4 / 3 if tried and network.section_gates(cell.track) else 1.0


@cache
def _timed(network: Architecture) -> Architecture:
    """Return the timed network that is most similar: with convolutions, or without."""
    return network_named("lenet5" if any(layer.kernel > 1 for layer in network.layers) else "lenet_300_100")


@cache
def _scale(network: Architecture) -> float:
    """Return the MACs of a network over those of the timed one, both at width 1."""
    timed = _timed(network)
    return macs(network, network.units()) / macs(timed, timed.units())


@cache
def _pruned_macs(network: Architecture) -> float:
    """Return the estimated MACs of a pruned network, in proportion to those of PRUNED."""
    timed = _timed(network)
    return macs(timed, PRUNED[timed.name]) * _scale(network)


@cache
def _macs(network: Architecture, width: float) -> int:
    return macs(network, network.units(width))


def _epochs(cell: Cell, network: Architecture) -> tuple[float, float]:
    """Return the number of epochs with dense steps and with pruned ones."""
    common = cell.training.epochs
    if cell.source_key:
        return (common, 0.0) if cell.budget == "macs" else (0.0, common * _times_as_long(cell, network))
    share = _dense_share(cell)
    if cell.budget == "macs":  # of dense training: the pruned network trains on until it has spent the rest
        ratio = _macs(network, cell.width) / _pruned_macs(network)
        return share * common, max(0.0, min((1 - share) * ratio, LONGEST - share)) * common
    return share * common, (1 - share) * common


def _dense_share(cell: Cell) -> float:
    """Return the share of the common epochs with dense steps; it is 1 in the ablation that removes no unit early."""
    if cell.settings.get("prior") == "fixed" and cell.settings.get("pi") is None:
        return 1.0
    if cell.method in DENSE_EPOCHS:
        return min(1.0, DENSE_EPOCHS[cell.method] / cell.training.epochs)
    return DENSE_SHARE.get(cell.method, DENSE_SHARE_OF_OTHERS)


def _times_as_long(cell: Cell, network: Architecture) -> float:
    """Return the factor on the epochs of a control: scratch_b trains as long as dense training costs, up to its cap.

    The size of its network is not known in advance; that of PRUNED is taken.
    """
    if cell.method != "scratch_b":
        return 1.0
    ratio = _macs(network, cell.width) / _pruned_macs(network)
    cap = scratch_b.ScratchBSettings.model_validate(cell.settings).cap
    return min(ratio, cap or math.inf)


def _step_of_start(network: Architecture, width: float, dense: float, pruned: float, plain: float) -> float:
    """Return the milliseconds of a step of the starting network of a width.

    plain: of dense training at width 1. Above width 1 this part is in proportion to the MACs, and what the method adds
    to the units, whose gates it draws and updates. Below they are on the line through the two timed sizes.
    """
    own, whole, small = _macs(network, width), _macs(network, 1.0), _pruned_macs(network)
    if own > whole:
        units = sum(network.units(width).values()) / sum(network.units().values())
        return plain * own / whole + (dense - plain) * units
    return max(pruned, pruned + (dense - pruned) * (own - small) / (whole - small))
