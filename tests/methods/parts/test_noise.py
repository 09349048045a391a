"""Gate noise: the published SplitMix64 numbers, the right frequencies, streams that do not see their neighbours."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from robustprune.methods.parts.noise import GOLDEN, Noise, _mix


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_numbers_are_those_of_splitmix64():
    """The first five outputs for seed 1234567, as Vigna's reference implementation prints them."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    counters = (torch.arange(1, 6) * GOLDEN).view(1, 5)
    bits, scratch = torch.empty(1, 1, 5, dtype=torch.int64), torch.empty(1, 1, 5, dtype=torch.int64)
    _mix(counters, torch.tensor(1234567).view(1, 1, 1), bits, scratch)
    assert [number % 2**64 for number in bits.flatten().tolist()] == published


@given(st.floats(0, 1), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_gates_are_drawn_with_probability_theta(theta, seed):
    count = 20_000
    xi = Noise([stream(seed)], {"fc1": 5}).bernoulli(torch.full((1, 5), theta), {"fc1": 5}, count)["fc1"]
    assert set(xi.unique().tolist()) <= {0.0, 1.0}
    deviation = abs(xi.mean().item() - theta)
    variance = max(theta * (1 - theta), 1 / 65536)  # theta is resolved to 1/65536
    assert deviation <= 5.5 * math.sqrt(variance / (5 * count)) + 1 / 65536
    if theta in (0.0, 1.0):
        assert deviation == 0


def test_neighbouring_gates_examples_and_draws_are_uncorrelated():
    noise = Noise([stream(0), stream(1)], {"input": 40, "fc1": 24})
    theta, units = torch.full((2, 64), 0.5), {"input": 40, "fc1": 24}
    draws = torch.stack([torch.cat(list(noise.bernoulli(theta, units, 500).values()), 2) for _ in range(4)]) - 0.5
    for a, b in (
        (draws[:, :, :, 1:], draws[:, :, :, :-1]),  # gates
        (draws[:, :, 1:], draws[:, :, :-1]),  # examples
        (draws[1:], draws[:-1]),  # draws
        (draws[:, :1], draws[:, 1:]),  # replicates
    ):
        assert abs((4 * a * b).mean().item()) < 5 / math.sqrt(a.numel())


@pytest.mark.parametrize("batch", [33, 9000])
def test_a_replicate_draws_the_same_whoever_is_beside_it(batch):
    """Also when a slot shrinks: its units keep their places in the stream; and in pieces as in one."""
    units = {"input": 12, "fc1": 10}
    alone, beside = Noise([stream(1)], units), Noise([stream(1), stream(2)], units)
    for places in (10, 7, 7):
        first, second = torch.rand(2, places), torch.rand(2, 10)
        first[0, 6:] = 0  # padding of the first replicate
        one = alone.bernoulli(torch.cat([first[:1, :6], second[:1]], 1), {"input": 6, "fc1": 10}, batch)
        two = beside.bernoulli(torch.cat([first, second], 1), {"input": places, "fc1": 10}, batch)
        assert torch.equal(one["input"][0], two["input"][0, :, :6])
        assert torch.equal(one["fc1"][0], two["fc1"][0])
        assert not two["input"][0, :, 6:].any()


def test_uniform_and_normal_numbers_have_their_distribution():
    """Kolmogorov-Smirnov against scipy's; and draws of odd sizes use up whole words."""
    noise = Noise([stream(3)], {"input": 7, "fc1": 5})
    for draw, law in ((noise.uniform, "uniform"), (noise.normal, "norm")):
        numbers = draw({"input": 7, "fc1": 5}, 4000, torch.float64)
        assert {slot: tuple(part.shape) for slot, part in numbers.items()} == {
            "input": (1, 4000, 7),
            "fc1": (1, 4000, 5),
        }
        values = torch.cat(list(numbers.values()), 2)
        assert kstest(values.flatten().numpy(), law).pvalue > 1e-3
        flat = values.flatten(0, 1)
        correlation = torch.corrcoef(flat.T) - torch.eye(12, dtype=torch.float64)
        assert correlation.abs().max() < 5 / math.sqrt(4000)
    assert noise.position.item() == 2 * 4000 * (4 + 3)
