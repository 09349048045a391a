"""The worked numbers of docs/baselines.md 16.2 and 16.4."""

import pytest
import torch

from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters

MLP = {  # kept: (params, MACs)
    "784-300-100": (266610, 266200),
    "97-71-33": (9674, 9560),
    "266-88-33": (26773, 26642),
    "219-214-100": (69590, 69266),
    "278-98-13": (28769, 28648),
    "311-86-14": (28200, 28090),
    "512-114-72": (67492, 67296),
    "784-500-300": (545810, 545000),
    "245-160-55": (48775, 48550),
    "434-174-78": (90130, 89868),
}
LENET5 = {
    "20-50-800-500": (431080, 2293000),
    "5-10-76-16": (2792, 153376),
    "8-13-88-13": (4118, 282874),
    "7-13-208-16": (5984, 249888),
    "9-18-65-25": (6212, 390675),
    "20-25-45-462": (38927, 1113410),
    "17-32-329-75": (39584, 1140625),
    "3-18-284-283": (84941, 212802),
    "3-12-192-500": (102500, 201800),
    "3-12-800-500": (406500, 505800),
}


def counts(name, units):
    arch = architecture(name)
    return arch, dict(zip([slot.name for slot in arch.slots], map(int, units.split("-")), strict=True))


@pytest.mark.parametrize(
    ("name", "units", "expected"),
    [("lenet_300_100", *item) for item in MLP.items()] + [("lenet5", *item) for item in LENET5.items()],
)
def test_worked_numbers(name, units, expected):
    arch, values = counts(name, units)
    assert (parameters(arch, values), macs(arch, values)) == expected


@pytest.mark.parametrize(
    ("name", "removed", "expected"),
    [
        ("lenet_300_100", {"input": 1}, (300, 300)),
        ("lenet_300_100", {"fc1": 1}, (885, 884)),
        ("lenet_300_100", {"fc2": 1}, (311, 310)),
        ("lenet5", {"conv1": 1}, (1276, 94400)),
        ("lenet5", {"conv2": 1, "flat": 16}, (8501, 40000)),
        ("lenet5", {"flat": 1}, (500, 500)),
        ("lenet5", {"fc1": 1}, (811, 810)),
    ],
)
def test_effect_of_one_removal(name, removed, expected):
    arch = architecture(name)
    dense = arch.units()
    left = {slot: count - removed.get(slot, 0) for slot, count in dense.items()}
    assert parameters(arch, dense) - parameters(arch, left) == expected[0]
    assert macs(arch, dense) - macs(arch, left) == expected[1]


def test_counts_are_those_of_the_module(make_network):
    from robustprune.engine.compaction import extract
    from robustprune.networks.plain import plain_network

    for name in ("lenet_300_100", "lenet5"):
        network = make_network(name, replicates=1)
        plain = plain_network(network.architecture, *extract(network, 0))
        assert sum(p.numel() for p in plain.parameters()) == parameters(network.architecture, plain.units)


def test_expected_counts_are_differentiable():
    arch = architecture("lenet_300_100")
    units = {slot: torch.tensor(float(n), requires_grad=True) for slot, n in arch.units().items()}
    macs(arch, units).backward()
    assert units["fc1"].grad.item() == 884
