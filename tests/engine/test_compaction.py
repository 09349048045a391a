"""Masked and compacted networks must compute the same function, and go on training the same way."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robustprune.engine.compaction import compact, extract, selection, surviving
from robustprune.engine.training import Training
from robustprune.networks.architecture import architecture
from robustprune.networks.plain import plain_network
from robustprune.networks.stacked import Gated, every_unit
from robustprune.study.training_settings import TrainingSettings

KEEP = {
    "lenet_300_100": {"input": 0.25, "fc1": 0.3, "fc2": 0.5},
    "lenet5": {"conv1": 0.5, "conv2": 0.4, "flat": 0.3, "fc1": 0.1},
}


def random_removal(network, seed=0):
    """Different units, and different numbers of them, in every replicate."""
    generator = torch.Generator().manual_seed(seed)
    shares = KEEP[network.architecture.name]
    spread = torch.linspace(0.7, 1.3, network.replicates).unsqueeze(1)
    return {
        slot: torch.rand(places.shape, generator=generator) > shares[slot] * spread
        for slot, places in network.kept.items()
    }


def mask_gate(alive):
    def gate(slot, h):
        mask = alive[slot].to(h.dtype).unsqueeze(1)
        return h * mask.view(mask.shape + (1,) * (h.dim() - 3))

    return gate


def compacted(network, remove):
    alive, _ = surviving(network.architecture, network.kept, remove, dict)
    return compact(network, selection(alive)), alive


def restrict(images, kept):
    """Input features that a compacted network reads, padding as zero."""
    columns = [images[r][:, places.clamp_min(0)] * (places >= 0) for r, places in enumerate(kept)]
    return torch.stack(columns)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_compaction_is_exact(make_network, name, dtype, tolerance):
    network = make_network(name, dtype=dtype)
    images = torch.rand(3, 300, 784, dtype=dtype, generator=torch.Generator().manual_seed(1))
    small, alive = compacted(network, random_removal(network))
    with torch.no_grad():
        masked = network.forward(images, Gated(mask_gate(alive)))
        read = restrict(images, small.kept["input"]) if "input" in small.kept else images
        assert (small.forward(read) - masked).abs().max() < tolerance
        for replicate in range(3):
            weights, kept = extract(small, replicate)
            plain = plain_network(network.architecture, weights, kept)
            assert (plain(images[replicate]) - masked[replicate]).abs().max() < tolerance
            assert all(len(indices) == int(alive[slot][replicate].sum()) for slot, indices in kept.items())


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_compaction_twice_is_compaction_once(make_network, name):
    network = make_network(name)
    first, second = random_removal(network, 0), random_removal(network, 1)
    once, _ = compacted(network, {slot: first[slot] | second[slot] for slot in first})
    half, _ = compacted(network, first)
    again = {
        slot: torch.where(half.kept[slot] >= 0, second[slot].gather(1, half.kept[slot].clamp_min(0)), False)
        for slot in second
    }
    twice, _ = compacted(half, again)
    for slot in once.kept:
        assert torch.equal(once.kept[slot], twice.kept[slot])
    for key, tensor in once.parameters.items():
        assert torch.equal(tensor, twice.parameters[key])


@pytest.mark.parametrize(
    ("name", "optimizer"), [("lenet_300_100", "adam"), ("lenet5", "adam"), ("lenet_300_100", "sgd"), ("lenet5", "sgd")]
)
def test_training_goes_on_the_same_after_compaction(digits, make_cell, name, optimizer):
    """The optimizer's moments and step count move along: five further steps equal those of the masked network."""
    training = TrainingSettings(epochs=2, batch_size=64, l2=1e-5, optimizer=optimizer)
    cell = make_cell("dense", name, replicates=2, training=training)
    small, masked = (Training(cell, digits, dtype=torch.float64) for _ in range(2))
    for training in (small, masked):
        training.batches.start_epoch()
        for _ in range(3):
            training.step()
    remove = random_removal(small.network)
    alive, _ = surviving(small.architecture, small.network.kept, remove, dict)
    assert small.remove(remove)
    masked.method.gate = mask_gate(alive)
    for training in (small, masked):
        for _ in range(5):
            training.step()
    chosen = selection(alive)
    expected = compact(masked.network, chosen)
    for key, tensor in small.network.parameters.items():
        torch.testing.assert_close(tensor, expected.parameters[key], rtol=0, atol=1e-10)


def test_padding_stays_zero(digits, make_cell):
    cell = make_cell("bernoulli", "lenet5", epochs=2)
    training = Training(cell, digits)
    training.batches.start_epoch()
    training.step()
    training.remove(random_removal(training.network))
    training.batches.start_epoch()
    training.run_epoch()
    for layer in training.architecture.layers:
        weight = training.network.parameters[f"{layer.name}.weight"]
        for slot, dim in ((layer.writes, 1), (layer.reads, 2)):
            if slot:
                padded = training.network.kept[slot] < 0
                assert padded.any()
                assert weight.transpose(1, dim)[padded].abs().max() == 0
    for slot, theta in training.method.gates().items():
        assert (theta[training.network.kept[slot] < 0] == 0).all()


def test_features_follow_their_channel_and_back():
    arch = architecture("lenet5")
    kept = every_unit(arch.units(), 1)
    remove = {slot: torch.zeros_like(places, dtype=torch.bool) for slot, places in kept.items()}
    remove["conv2"][0, 3] = True  # its 16 features go
    remove["flat"][0, 16 * 7 : 16 * 8] = True  # filter 7 goes with its features
    alive, guarded = surviving(arch, kept, remove, dict)
    assert not alive["flat"][0, 48:64].any()
    assert not alive["conv2"][0, 7]
    assert alive["conv2"].sum() == 48
    assert alive["flat"].sum() == 48 * 16
    assert not guarded.any()


def test_last_unit_of_a_slot_stays_and_is_reported():
    arch = architecture("lenet5")
    kept = every_unit(arch.units(), 2)
    remove = {slot: torch.zeros_like(places, dtype=torch.bool) for slot, places in kept.items()}
    remove["conv2"][1] = True
    remove["fc1"][1] = True
    scores = {slot: torch.rand(places.shape) for slot, places in kept.items()}
    alive, guarded = surviving(arch, kept, remove, lambda: scores)
    assert guarded.tolist() == [False, True]
    assert alive["conv2"][1].nonzero().item() == scores["conv2"][1].argmax().item()
    assert alive["fc1"][1].nonzero().item() == scores["fc1"][1].argmax().item()
    assert alive["flat"][1].sum() == 16


def test_features_of_a_removed_filter_cannot_be_the_guarded_ones():
    """All features asked for, and the filter of the best one too: a feature of another filter must stay."""
    arch = architecture("lenet5")
    kept = every_unit(arch.units(), 1)
    remove = {"flat": torch.ones(1, 800, dtype=torch.bool), "conv2": torch.zeros(1, 50, dtype=torch.bool)}
    remove["conv2"][0, 5] = True
    scores = {"flat": torch.rand(1, 800)}
    scores["flat"][0, 5 * 16] = 2.0
    alive, guarded = surviving(arch, kept, remove, lambda: scores)
    assert guarded.item()
    assert alive["flat"].sum() == 1
    assert alive["conv2"].sum() == 1
    assert alive["conv2"].nonzero()[0, 1] == alive["flat"].nonzero()[0, 1] // 16 != 5


@given(seed=st.integers(0, 10_000), name=st.sampled_from(["lenet_300_100", "lenet5"]))
@settings(max_examples=25, deadline=None)
def test_selection_keeps_order_and_counts(seed, name):
    arch = architecture(name)
    generator = torch.Generator().manual_seed(seed)
    kept = every_unit(arch.units(0.5), 3)
    remove = {
        slot: torch.rand(places.shape, generator=generator) < torch.rand(3, 1, generator=generator)
        for slot, places in kept.items()
    }
    alive, _ = surviving(arch, kept, remove, dict)
    chosen = selection(alive)
    for slot, mask in alive.items():
        taken = chosen.take(kept[slot], slot)
        assert taken.shape[1] == mask.sum(1).max()
        for replicate in range(3):
            real = taken[replicate][chosen.valid[slot][replicate]]
            assert torch.equal(real, mask[replicate].nonzero().flatten())


def test_weights_below_the_normal_numbers_are_left_out_of_results(make_network):
    """They take no part in any score but slow a CPU's products down."""
    network = make_network("lenet_300_100", replicates=1, dtype=torch.float32)
    with torch.no_grad():
        network.parameters["fc1.weight"][0, :, 3] = 1e-40
    weights, _ = extract(network, 0)
    assert (weights["fc1.weight"][:, 3] == 0).all()
    assert (weights["fc1.weight"][:, 4] != 0).all()
