"""How long a study will take, from the times of `make bench`."""

import json
import math
from pathlib import Path

from robustprune.data.datasets import VALIDATION_SHARE, find_reader
from robustprune.errors import StudyError
from robustprune.networks.architecture import Architecture, architecture
from robustprune.networks.size import macs
from robustprune.starts import scratch_b
from robustprune.study.cells import Cell

TITLES = {"lenet_300_100": "LeNet-300-100", "lenet5": "LeNet-5"}
"""The networks whose steps `make bench` times, as its figures call them."""
PRUNED = {
    "lenet_300_100": {"input": 200, "fc1": 110, "fc2": 60},
    "lenet5": {"conv1": 10, "conv2": 18, "flat": 100, "fc1": 60},
}
"""Units of the networks whose steps `make bench` times as pruned."""
TIMED_REPLICATES = 5
TIMED_BATCH = 128
# share of dense training's multiply-accumulates that a method spends, about, over the strengths of the shipped sweep
# (train_macs / train_macs_dense of its runs.csv); steps cost what dense ones do for that share of the epochs
DENSE_SHARE = {"dense": 1.0, "slimming": 0.5, "generalized_dropout": 0.7, "bc_gnj": 0.7}
DENSE_SHARE |= dict.fromkeys(("magnitude", "taylor", "random"), 0.4)  # their MACs 0.3; sizes between cost more
DENSE_SHARE |= dict.fromkeys(("bmrs_n", "bmrs_u"), 0.6)
DENSE_SHARE_OF_OTHERS = 0.8
DENSE_SHARE_OF_CONTROLS = 0.0
# the same in epochs, for methods whose units go at the start, however wide it is and however long training goes on
DENSE_EPOCHS = {"bernoulli": 3.0}
SIDE_BY_SIDE = 1.5
"""How much longer a cell takes with one on every other core: neighbours share caches and execution units."""

Timings = dict[str, float]
TIMINGS_FILES = (Path("benchmarks/latest.json"), Path("results/reference/bench.json"))
"""Times of this machine, as `make bench` wrote them, and those that the repository ships."""


def timings_file() -> Path | None:
    """The first of TIMINGS_FILES that exists, seen from the working directory; None where none does."""
    return next((path for path in TIMINGS_FILES if path.exists()), None)


def read_timings(path: Path) -> Timings:
    """Name -> value of a benchmark file. Raises StudyError where it is missing or not one."""
    try:
        return {entry["name"]: entry["value"] for entry in json.loads(path.read_text())}
    except FileNotFoundError:
        hint = f"make it with `make bench` in a clone, or name another with --bench (the clone's {TIMINGS_FILES[1]})"
        raise StudyError(f"{path}: no such file; {hint}") from None
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise StudyError(f"{path}: not a file of `make bench` ({error}); make it again") from None


def cell_seconds(cell: Cell, timings: Timings) -> float | None:
    """Seconds of a cell's training on a quiet core; None for methods that the benchmark does not know and for data sets
    that do not tell how many images they have.

    A network that shrinks costs the dense step for a share of its epochs and a pruned one's step for the rest.
    Expect a factor of 1.5 either way; more for an architecture that was not timed itself.
    """
    method, timed = "dense" if cell.source_key else cell.method, _timed(architecture(cell.architecture))
    labels = [f"{method}: {TITLES[timed.name]} {size} step, R={TIMED_REPLICATES}" for size in ("dense", "pruned")]
    steps, images = [timings.get(label) for label in labels], find_reader(cell.dataset).train_count()
    if None in steps or images is None:
        return None
    whole, pruned = (milliseconds * _scale(cell) for milliseconds in steps)
    start = _step_of_start(cell, whole, pruned)
    share = DENSE_SHARE_OF_CONTROLS if cell.source_key else _dense_share(cell)
    if cell.training.images == "tuning":
        images -= images // VALIDATION_SHARE
    count = _epochs(cell) * (images // cell.training.batch_size)
    milliseconds = (share * start + (1 - share) * pruned) * cell.training.batch_size / TIMED_BATCH
    return count * milliseconds / 1000 * cell.replicates


def _timed(network: Architecture) -> Architecture:
    """The network whose steps were timed that is most like another: with convolutions, or without."""
    return architecture("lenet5" if any(layer.kernel > 1 for layer in network.layers) else "lenet_300_100")


def _scale(cell: Cell) -> float:
    """How many times the MACs of the timed network its own has; 1 for the timed ones themselves."""
    network = architecture(cell.architecture)
    timed = _timed(network)
    return macs(network, network.units()) / macs(timed, timed.units())


def _pruned_macs(cell: Cell) -> float:
    """MACs of the cell's pruned network, whose size is not known before: in proportion to those of PRUNED."""
    timed = _timed(architecture(cell.architecture))
    return macs(timed, PRUNED[timed.name]) * _scale(cell)


def _dense_share(cell: Cell) -> float:
    """Share of a method's epochs whose steps cost what dense ones do; without the hyper-prior no unit goes before the
    end."""
    if cell.settings.get("prior") == "fixed":
        return 1.0
    if cell.method in DENSE_EPOCHS:
        return min(1.0, DENSE_EPOCHS[cell.method] / cell.training.epochs)
    return DENSE_SHARE.get(cell.method, DENSE_SHARE_OF_OTHERS)


def _epochs(cell: Cell) -> float:
    """Epochs that are trained: scratch_b's are those that cost what dense training costs, up to its cap. The size that
    will be found is not known before; that of PRUNED stands in for it."""
    if cell.method != "scratch_b":
        return cell.training.epochs
    network = architecture(cell.architecture)
    ratio = macs(network, network.units(cell.width)) / _pruned_macs(cell)
    cap = scratch_b.ScratchBSettings.model_validate(cell.settings).cap
    return cell.training.epochs * min(ratio, cap or math.inf)


def _step_of_start(cell: Cell, dense: float, pruned: float) -> float:
    """Milliseconds of a step of the starting network: beyond width 1 in proportion to its MACs, below on the line
    through the two sizes that were timed."""
    network = architecture(cell.architecture)
    own, whole, small = macs(network, network.units(cell.width)), macs(network, network.units()), _pruned_macs(cell)
    if own > whole:
        return dense * own / whole
    return max(pruned, pruned + (dense - pruned) * (own - small) / (whole - small))
