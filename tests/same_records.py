"""Prove that two checkouts of this repository write the same records: python tests/same_records.py A B

Every method trains short cells in both checkouts. Then record.json (without provenance and times), history.parquet,
gates.npz and networks.safetensors are compared exactly. Each cell is killed once, after a checkpoint in the middle, and
resumed by another process, so a checkpoint that loses something shows as well. The exit status is 1 where anything
differs. The checkouts may arrange their modules differently.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Container
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from record_differences import HISTORY, RECORD, comparable, differences, only_one_has

Values = dict[str, Any]

REPOSITORY = Path(__file__).resolve().parents[1]
MIRRORS = (str(REPOSITORY.parent / "shared" / "data"), "torchvision")
REPLICATES = 2
WIDTH = 64  # of the column of cells
IMAGES = 10_000  # of MNIST's 60,000, so that all cells take minutes

MNIST: Values = {"dataset": "mnist", "architecture": "lenet_300_100", "training": {"epochs": 3, "l2": 1e-5}}
CONVOLUTIONAL_MNIST: Values = {**MNIST, "architecture": "lenet5"}
DIGITS: Values = {
    "dataset": "digits",
    "architecture": "lenet5",
    "width": 0.5,
    "training": {"epochs": 6, "batch_size": 32, "l2": 1e-5},
}


@dataclass(frozen=True)
class Variant:
    """Settings of a method on LeNet-300-100 and MNIST, what differs on LeNet-5 and digits, and fields of the cell."""

    settings: Values = field(default_factory=dict)
    digits: Values = field(default_factory=dict)
    cell: Values = field(default_factory=dict)


HIDDEN: Values = {"track": "hidden"}
FAST: Values = {"gate_learning_rate": 3e-2}
FAST_DIGITS: Values = {"gate_learning_rate": 0.1}
EARLY: Values = {"patience": 1, **FAST}
EARLIEST: Values = EARLY | FAST_DIGITS

# Strengths are high and gates fast, so that units leave within these few epochs.
METHODS: dict[str, dict[str, Variant]] = {
    "bernoulli": {
        "trapezoid": Variant({"price": 2e-3, "drift": 6e-3}, {"price": 1e-3, "drift": 2e-2}),
        "first_order": Variant(
            {"price": 2e-3, "drift": 6e-3, "estimator": "first_order"}, {"price": 3e-4, "drift": 2e-2}
        ),
        "fisher": Variant({"price": 2e-3, "drift": 6e-3, "estimator": "fisher"}, {"price": 3e-4, "drift": 2e-2}),
        "complexity": Variant({"cost": "complexity", "nu": 1.0, "drift": 6e-3}, {"nu": 0.2, "drift": 2e-2}),
        "complexity_hidden": Variant(
            {"cost": "complexity", "nu": 1.0, "drift": 6e-3}, {"nu": 0.2, "drift": 2e-2}, HIDDEN
        ),
        "fixed": Variant({"price": 2e-3, "drift": 6e-3, "prior": "fixed"}, {"price": 1e-3, "drift": 2e-2}),
        "by_slot": Variant(
            {"price": {"fc1": 2e-3, "fc2": 1e-3}, "drift": 6e-3},
            {"price": {"conv1": 1e-3, "conv2": 2e-3, "fc1": 1e-3}, "drift": 2e-2},
            HIDDEN,
        ),
    },
    "dense": {"dense": Variant(), "tuning": Variant(cell={"training": {"images": "tuning"}})},
    "magnitude": {
        "l1": Variant({"target": 0.1}),
        "l2_macs": Variant({"target": 0.2, "norm": "l2", "measure": "macs", "shape": "linear"}),
    },
    "cafo": {"cafo": Variant({"target": 0.2, "events": 2, "images": 500})},
    "taylor": {"taylor": Variant({"target": 0.1})},
    "random": {
        "target": Variant({"target": 0.1}),
        "units": Variant(
            {"units": {"input": 400, "fc1": 100, "fc2": 50}},
            {"units": {"conv1": 5, "conv2": 15, "flat": 100, "fc1": 80}},
        ),
    },
    "slimming": {"slimming": Variant({"target": 0.2})},
    "group_lasso": {"group_lasso": Variant({"group_lambda": 0.3, "patience": 1}, {"group_lambda": 0.1})},
    "d_gating": {
        "d_gating": Variant({"group_lambda": 1e-3, **EARLY}, {"group_lambda": 1e-3, **FAST_DIGITS}),
    },
    "l0_hc": {
        "per_batch": Variant({"l0_lambda": 0.2, **EARLY}, {"l0_lambda": 0.01, **FAST_DIGITS}),
        "per_sample": Variant({"l0_lambda": 0.2, "per_sample": True, **EARLY}, {"l0_lambda": 0.01, **FAST_DIGITS}),
    },
    "l0_arm": {"l0_arm": Variant({"l0_lambda": 0.1, **EARLY}, {"l0_lambda": 0.02})},
    "generalized_dropout": {"generalized_dropout": Variant({"b": 3.0, **EARLY}, {"b": 2.0})},
    "beta_bernoulli": {"beta_bernoulli": Variant({"kl_scale": 10.0, **FAST}, {"kl_scale": 0.3, **FAST_DIGITS})},
    "sbp": {"sbp": Variant({"kl_scale": 10.0, **FAST_DIGITS}, {"kl_scale": 3.0})},
    "bmrs_n": {
        "exact": Variant({"kl_scale": 30.0, **EARLIEST}),
        "public_code": Variant({"kl_scale": 10.0, "criterion": "public_code", **EARLIEST}, {"kl_scale": 3.0}),
    },
    "bmrs_u": {"bmrs_u": Variant({"kl_scale": 10.0, **EARLIEST}, {"kl_scale": 3.0})},
    "vib": {"vib": Variant({"kappa": 1e-3, **FAST}, FAST_DIGITS)},
    "bc_gnj": {"bc_gnj": Variant({"kl_scale": 1.0, **EARLY}, {"kl_scale": 1.0, **FAST_DIGITS})},
    "bc_ghs": {"bc_ghs": Variant({"kl_scale": 1.0, **EARLIEST}, {"kl_scale": 0.1})},
    "ss_ig": {"ss_ig": Variant({"kl_scale": 0.1, **EARLY}, {"kl_scale": 0.03, **FAST_DIGITS}, HIDDEN)},
    "ticket": {"ticket": Variant({"of": "bernoulli/trapezoid"})},
    "random_ticket": {"random_ticket": Variant({"of": "magnitude/l1"})},
    "scratch_e": {"scratch_e": Variant({"of": "bernoulli/trapezoid"})},
    "finetune": {"finetune": Variant({"of": "magnitude/l1", "ball": {"norm": "mars", "radius": 0.5}})},
    "scratch_b": {"scratch_b": Variant({"of": "magnitude/l1", "cap": 1.5}, {"cap": None})},
    "width_uniform": {
        "width_uniform": Variant({"of": "magnitude/l1"}),
        "hidden": Variant({"of": "bernoulli/by_slot"}, cell=HIDDEN),
    },
}
# The exact estimator makes two passes per gate and needs a tiny network; two initializations read training images.
SPECIAL: list[Values] = [
    {
        **DIGITS,
        **{"architecture": "lenet_300_100", "track": "hidden", "width": 0.05, "method": "bernoulli"},
        **{"strength": "exact", "settings": {"price": 5e-3, "drift": 2e-2, "estimator": "exact"}},
    },
    {**DIGITS, "method": "dense", "strength": "fuse", "initialization": "fuse"},
    {**DIGITS, "method": "dense", "strength": "mmd", "initialization": "mmd", "width": 0.1},
]
# fixed: its gates stay open until they are rounded; exact: the criterion finds nothing to remove
MAY_KEEP_ALL = {"dense/dense", "dense/tuning", "dense/fuse", "dense/mmd", "bernoulli/fixed", "bmrs_n/exact"}


def cells() -> list[Values]:
    """Every cell as the fields of Cell."""
    everything = [(method, key) for method, variants in METHODS.items() for key in variants]
    networks = [(MNIST, everything), (DIGITS, everything)]
    networks.append((CONVOLUTIONAL_MNIST, [("bernoulli", "trapezoid"), ("vib", "vib")]))
    made = [_cell(network, method, key) for network, chosen in networks for method, key in chosen]
    return [{"replicates": REPLICATES, **values} for values in made + SPECIAL]


def _cell(network: Values, method: str, key: str) -> Values:
    variant = METHODS[method][key]
    settings = variant.settings | (variant.digits if network is DIGITS else {})
    training = network["training"] | variant.cell.get("training", {})
    return {**network, **variant.cell, "training": training, "method": method, "strength": key, "settings": settings}


def name_of(values: Values) -> str:
    """The folder of a cell, e.g. mnist/lenet5-full/vib/vib."""
    network = f"{values['dataset']}/{values['architecture']}-{values.get('track', 'full')}"
    return f"{network}/{values['method']}/{values['strength']}"


def source_of(values: Values) -> str | None:
    """The folder of the cell whose networks a control starts from, None for other methods."""
    of = values.get("settings", {}).get("of")
    return of and name_of({**values, "method": of.split("/")[0], "strength": of.split("/")[1]})


def selected(methods: list[str] | None) -> list[Values]:
    """The cells of these methods (all without any) and those that their controls start from; controls last."""
    wanted = [values for values in cells() if not methods or values["method"] in methods]
    needed = {name_of(values) for values in wanted} | {source_of(values) for values in wanted}
    return sorted((values for values in cells() if name_of(values) in needed), key=lambda v: source_of(v) is not None)


def enter(checkout: Path) -> None:
    """Let this process import the package of that checkout."""
    sys.path.insert(0, str(checkout / "src"))
    package = importlib.import_module("robustprune")
    if not Path(package.__file__).is_relative_to(checkout):
        raise RuntimeError(f"robustprune comes from {package.__file__}, not from {checkout}")
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    implementation = first_of("Checkpoint", "robustprune.engine.checkpoint", "robustprune.checkpoint")
    sys.modules[implementation.__module__].INTERVAL_SECONDS = 0.0  # a checkpoint after every epoch
    engine()
    torch.optim.Adam([torch.zeros(1)])  # the first optimizer and table import much: once here, not in every child
    importlib.import_module("pyarrow.parquet")
    importlib.import_module("tqdm").tqdm.get_lock()  # a child that made it would leave a semaphore behind


def first_of(name: str, *modules: str) -> Any:
    """The attribute `name` of the first of the modules that has it."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ModuleNotFoundError, AttributeError):
            continue
    raise ImportError(f"{name} is in none of {', '.join(modules)}")


@cache
def engine() -> tuple[Any, Any]:
    """Cell and run_cell, imported before any process is forked."""
    return (
        first_of("Cell", "robustprune", "robustprune.study.cells", "robustprune.cells"),
        first_of("run_cell", "robustprune", "robustprune.engine.running", "robustprune.running"),
    )


@cache
def dataset(name: str, directory: str) -> Any:
    """The first images of a prepared data set, read once per process."""
    load = first_of("load", "robustprune.data.datasets", "robustprune.data")
    settings = first_of("DataSettings", "robustprune.study.config", "robustprune.config")
    data = load(name, settings(directory=directory, mirrors=MIRRORS))
    indices = {part: (chosen := getattr(data, part))[chosen < IMAGES] for part in ("tuning", "validation")}
    parts = ("train_images", "train_labels", "test_images", "test_labels")
    return replace(data, **indices, **{part: getattr(data, part)[:IMAGES] for part in parts})


def run(values: Values, root: Path, directory: str) -> float:
    """Train a cell in two processes, the first of which is killed; returns the processor seconds of both.

    Raises RuntimeError with the end of the log where either ends otherwise than it should.
    """
    dataset(values["dataset"], directory)  # before the fork, so that the children share it
    middle, total = values["training"]["epochs"] // 2, 0.0
    for stop, expected in ((middle, -signal.SIGKILL), (None, 0)):
        status, seconds = _in_child(values, root, directory, middle, stop)
        total += seconds
        if status != expected:
            lines = (root / name_of(values) / "log").read_text().strip().splitlines() or ["nothing logged"]
            part = f"until epoch {middle}" if stop else f"resumed after epoch {middle}"
            raise RuntimeError(f"{part}: ended with status {status} instead of {expected}; {lines[-1]}")
    return total


def _in_child(values: Values, root: Path, directory: str, middle: int, stop: int | None) -> tuple[int, float]:
    """Fork a process that trains the cell; returns its exit status, negative for a signal, and processor seconds."""
    child = os.fork()
    if not child:
        _train(values, root, directory, middle, stop)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def _train(values: Values, root: Path, directory: str, middle: int, stop: int | None) -> NoReturn:
    """Train the cell; the process dies after `stop` epochs, or must have trained those after `middle` only."""
    folder = root / name_of(values)
    folder.mkdir(parents=True, exist_ok=True)
    status = 1
    try:
        with (folder / "log").open("a", buffering=1) as log:
            sys.stdout = sys.stderr = log
            try:
                trained = _run_cell(values, root, directory, stop)
                _check_resumed(folder, middle, trained)
                status = 0
            except BaseException:
                traceback.print_exc()
    finally:
        os._exit(status)  # never return into the process that was forked


def _run_cell(values: Values, root: Path, directory: str, stop: int | None) -> int:
    """Train the cell up to the kill, or to its end; returns how many epochs this process trained."""
    cell, run_cell = engine()
    folder, source = root / name_of(values), source_of(values)
    checkpoint, trained = folder / "checkpoint.pt", 0

    def after_epoch(training: Any) -> None:
        nonlocal trained
        trained += 1
        if trained == stop:
            if not checkpoint.exists():
                raise AssertionError("no checkpoint was written")
            os.kill(os.getpid(), signal.SIGKILL)

    data = dataset(values["dataset"], directory)
    run_cell(cell(**values), data, folder, checkpoint, "cpu", 1, root / source if source else None, after_epoch)
    return trained


def _check_resumed(folder: Path, middle: int, trained: int) -> None:
    record = json.loads((folder / RECORD).read_text())
    reasons = [entry["reason"] for entry in record["replicates"] if entry["status"] == "diverged"]
    if reasons:
        raise AssertionError(f"the cell diverged: {reasons[0]}")
    epochs = record["epochs"] or record["cell"]["training"]["epochs"]
    if trained != epochs - middle:
        raise AssertionError(f"trained {trained} epochs instead of the last {epochs - middle} of {epochs}")


def command(checkout: Path, *arguments: str) -> str:
    """The output of a command of a checkout's own package."""
    return subprocess.run(
        [sys.executable, "-m", "robustprune.cli", *arguments],
        **{"cwd": checkout, "check": True, "text": True, "stdout": subprocess.PIPE},
        env={**os.environ, "PYTHONPATH": str(checkout / "src")},
    ).stdout


def units(folder: Path) -> tuple[str, str, str]:
    """Units of the first network at the start, after the last epoch and in the end."""
    entry = json.loads((folder / RECORD).read_text())["replicates"][0]
    history = pd.read_parquet(folder / HISTORY).query("replicate == 0").iloc[-1]
    last = "-".join(str(int(history[name])) for name in history.index if name.startswith("units_"))
    return entry["units_start"], last, entry["units_kept"] or entry["status"]


def report(
    values: Values, futures: list[Future], roots: list[Path], left_out: Container[str] = ()
) -> tuple[list[str], list[str]]:
    """Print the line of a cell; returns its differences, and keys of the record that only one checkout has."""
    name, seconds, found = name_of(values), [], []
    for letter, future in zip("AB", futures, strict=True):
        try:
            seconds.append(future.result())
        except Exception as error:
            found.append(f"{letter}: {type(error).__name__}: {error}")
    if found:
        print(f"{name:{WIDTH}} no result", flush=True)
        return [f"{name}: {line}" for line in found], []
    a, b = (root / name for root in roots)
    found = list(differences(a, b, left_out))
    start, last, kept = units(a)
    still = "" if last != start or f"{values['method']}/{values['strength']}" in MAY_KEEP_ALL else "  none left early"
    times = " ".join(f"{second:7.1f}" for second in seconds)
    print(
        f"{name:{WIDTH}} {start:>13} -> {last:>13} -> {kept:>13} {times}  {'no' if found else 'yes'}{still}", flush=True
    )
    return [f"{name}: {line}" for line in found], list(only_one_has(*(comparable(p / RECORD) for p in (a, b))))


def _submitted(pool: ProcessPoolExecutor, values: Values, root: Path, directory: str) -> Future:
    """The result to come of a cell: an error if a process of the pool has died (no memory, a kill)."""
    try:
        return pool.submit(run, values, root, directory)
    except BrokenProcessPool as error:
        lost: Future = Future()
        lost.set_exception(error)
        return lost


def compare(
    checkouts: list[Path], plan: list[Values], jobs: int, folder: Path, left_out: Container[str]
) -> tuple[list[str], list[str]]:
    """Train all cells in both checkouts; returns the differences and the keys that only one checkout writes."""
    roots, directory = [folder / letter for letter in "AB"], str(folder / "data")
    for name in sorted({values["dataset"] for values in plan}):
        command(checkouts[0], "prepare", name, "--directory", directory, "--mirrors", *MIRRORS)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = get_context("spawn")
    pools = [ProcessPoolExecutor(max(1, jobs // 2), context, enter, (checkout,)) for checkout in checkouts]
    found, keys = [], []
    print(f"{'cell':{WIDTH}} {'start':>13} -> {'last epoch':>13} -> {'kept':>13} {'CPU s A':>7} {'CPU s B':>7}  equal")
    for controls in (False, True):  # controls need the networks of the others
        wave = [values for values in plan if (source_of(values) is not None) == controls]
        runs = [
            [_submitted(pool, values, root, directory) for pool, root in zip(pools, roots, strict=True)]
            for values in wave
        ]
        for values, futures in zip(wave, runs, strict=True):
            lines, only = report(values, futures, roots, left_out)
            found += lines
            keys += only
    for pool in pools:
        pool.shutdown()
    return found, sorted(set(keys))


def unknown_methods(checkouts: list[Path]) -> list[str]:
    """Methods of a checkout that the table of this script lacks."""
    names = [(letter, command(checkout, "methods").split()) for letter, checkout in zip("AB", checkouts, strict=True)]
    return [
        f"{name}: a method of {letter} without cells in METHODS"
        for letter, own in names
        for name in own
        if name not in METHODS
    ]


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", type=Path, nargs=2, metavar="CHECKOUT", help="A, then B")
    parser.add_argument("--only", nargs="+", choices=METHODS, metavar="METHOD", help="only the cells of these methods")
    parser.add_argument(
        "--leave-out",
        nargs="+",
        default=(),
        metavar="FIELD",
        help="fields of a network's entry and columns that B computes in another way on purpose, e.g. train_macs",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=2,
        help="processes that train (default 2): half of them in each checkout, at least one",
    )
    arguments = parser.parse_args()
    checkouts = [checkout.resolve() for checkout in arguments.checkouts]
    found, plan = unknown_methods(checkouts), selected(arguments.only)
    with tempfile.TemporaryDirectory(prefix="same-records-") as folder:
        lines, keys = compare(checkouts, plan, arguments.jobs, Path(folder), arguments.leave_out)
    found += lines
    for line in keys:
        print(f"note: record.json: {line}")
    for line in found:
        print(f"DIFFERENT {line}")
    different = len({line.split(": ")[0] for line in found})
    print(f"{len(plan)} cells, {f'{different} differ' if found else 'all equal'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
