"""Shared fixtures: tiny data with the shape of the real data, random networks of both architectures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustprune.data.datasets import Dataset, load
from robustprune.initialization import initial_parameters
from robustprune.methods.parts.base import Method
from robustprune.networks.architecture import architecture
from robustprune.networks.stacked import StackedNetwork, every_unit
from robustprune.study.cells import Cell
from robustprune.study.data_settings import DataSettings
from robustprune.study.training_settings import TrainingSettings

SETTINGS = {
    "bernoulli": {"price": 2e-3},
    "magnitude": {"target": 0.2},
    "l0_hc": {"l0_lambda": 0.1},
    "l0_arm": {"l0_lambda": 0.1},
    "generalized_dropout": {"b": 20.0},
    "vib": {"kappa": 1e-4, "pretrain": 0.0},
    "sbp": {"pretrain": 0.0},
    "bmrs_n": {"pretrain": 0.0},
    "bmrs_u": {"pretrain": 0.0},
    "beta_bernoulli": {"pretrain": 0.0},
    "taylor": {"target": 0.2},
    "random": {"target": 0.2},
    "cafo": {"target": 0.2, "images": 200},
    "slimming": {"target": 0.2},
    "group_lasso": {"group_lambda": 0.1},
    "d_gating": {"group_lambda": 1e-3},
    "bc_gnj": {"warm_up": 0.0},
    "bc_ghs": {"warm_up": 0.0},
}
TRACKS = {"ss_ig": "hidden"}  # methods that do not gate every slot
REPOSITORY = Path(__file__).parents[1]


def after(method: Method, step: int):
    """What a method asks to remove after this training step (from 1), of a network that it does not look at."""
    method.moment = replace(method.moment, step=step)
    return method.after_step(None)


def pytest_collection_modifyitems(items):
    """Keep modules that run pipelines or a browser whole, since they make things once, and begin with them."""

    def long(item):
        return item.get_closest_marker("workflow") is not None or "in_a_browser" in item.path.name

    for item in filter(long, items):
        item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=long, reverse=True)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Dataset:
    return load("digits", DataSettings(directory=str(tmp_path_factory.mktemp("data"))))


@pytest.fixture
def make_cell():
    def make(method="bernoulli", architecture="lenet_300_100", epochs=2, replicates=2, batch_size=64, **values) -> Cell:
        settings = SETTINGS.get(method, {})
        training = TrainingSettings(epochs=epochs, batch_size=batch_size, l2=1e-5)
        defaults = {"dataset": "digits", "strength": "key", "settings": settings, "training": training}
        values = {**defaults, "track": TRACKS.get(method, "full"), **values}
        return Cell(method=method, architecture=architecture, replicates=replicates, **values)

    return make


@pytest.fixture
def make_network():
    def make(name: str, replicates: int = 3, dtype=torch.float64, width: float = 1.0) -> StackedNetwork:
        arch = architecture(name)
        units = arch.units(width)
        generators = [torch.Generator().manual_seed(seed) for seed in range(replicates)]
        parameters = initial_parameters(arch, units, "pytorch_default", generators, dtype)
        return StackedNetwork(arch, parameters, every_unit(units, replicates))

    return make
