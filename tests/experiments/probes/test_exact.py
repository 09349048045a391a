"""Exact values of gates: against two whole forward passes a gate, with convolutions and without."""

import pytest
import torch

from robustprune.experiments.probes.exact import exact_values, sampled, some_of
from robustprune.methods.parts.estimators import spread
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import Gated

IMAGES = 30


@pytest.fixture(params=["lenet_300_100", "lenet5"])
def case(request, make_network, digits):
    """A network, random gates of which half are closed for good, and a sample of four gates a slot."""
    network = make_network(request.param, replicates=2, width=0.2)
    generator = torch.Generator().manual_seed(0)
    theta = {
        slot: torch.rand(kept.shape, generator=generator, dtype=torch.float64)
        * (torch.rand(kept.shape, generator=generator) > 0.5)
        for slot, kept in network.kept.items()
    }
    wanted = {slot: some_of(values >= 0, 4, generator) for slot, values in theta.items()}
    images = digits.train_images[:IMAGES].double() / 255
    return network, theta, wanted, images, digits.train_labels[:IMAGES]


@torch.no_grad()
def by_two_passes(network, gates, slot, unit, images, labels):
    """DL [R] of one unit, by passes through the whole network."""
    losses = []
    for value in (1, 0):
        own = {name: xi.clone() for name, xi in gates.items()}
        own[slot][:, :, unit] = value
        hooks = Gated(lambda name, h, own=own: h * spread(own[name], h))
        scores = network.forward(images.expand(network.replicates, -1, -1), hooks)
        losses.append(cross_entropy(scores, labels.expand(network.replicates, -1)).mean(1))
    return losses[0] - losses[1]


def test_values_are_those_of_two_whole_passes(case):
    network, theta, wanted, images, labels = case
    sample = sampled(network, theta, wanted)
    # what is closed and not asked for is left out
    assert sample.network.places()["fc1"] < network.places()["fc1"]
    rounded = {slot: (values > 0.5).double().unsqueeze(1).expand(-1, IMAGES, -1) for slot, values in theta.items()}
    for slot, (slope, _) in exact_values(sample, images, labels, None).items():
        units = sample.units(slot)
        for replicate, own in enumerate(units.tolist()):
            found, asked = {unit for unit in own if unit >= 0}, set(wanted[slot][replicate].nonzero().ravel().tolist())
            # a channel without a feature, and a feature without its channel, are worth nothing and left out
            assert found == asked or (slot in ("conv2", "flat") and found < asked)
            for number, unit in enumerate(own):
                if unit < 0:
                    continue
                expected = by_two_passes(network, rounded, slot, unit, images, labels)[replicate]
                assert float(slope[replicate, number]) == pytest.approx(float(expected), abs=1e-12)


def test_drawn_gates_that_cannot_vary_are_rounded_ones(case):
    network, theta, wanted, images, labels = case
    fixed = {slot: (values > 0.5).double() for slot, values in theta.items()}
    sample = sampled(network, fixed, wanted)
    generator = torch.Generator().manual_seed(1)
    still = exact_values(sample, images, labels, None)
    for slot, (slope, error) in exact_values(sample, images, labels, generator).items():
        torch.testing.assert_close(slope, still[slot][0])
        torch.testing.assert_close(error, still[slot][1])


def test_the_error_is_that_of_the_mean_over_images(case):
    network, theta, wanted, images, labels = case
    sample = sampled(network, theta, wanted)
    one_by_one = [
        torch.cat([slope for slope, _ in exact_values(sample, images[i : i + 1], labels[i : i + 1], None).values()], 1)
        for i in range(IMAGES)
    ]
    expected = torch.stack(one_by_one).std(0) / IMAGES**0.5
    errors = torch.cat([error for _, error in exact_values(sample, images, labels, None).values()], 1)
    torch.testing.assert_close(errors, expected, rtol=1e-6, atol=1e-12)


def test_some_of_takes_no_more_than_there_are():
    mask = torch.tensor([[True, True, True, False], [False, False, True, False]])
    chosen = some_of(mask, 2, torch.Generator().manual_seed(0))
    assert chosen.sum(1).tolist() == [2, 1]
    assert not (chosen & ~mask).any()
