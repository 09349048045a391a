"""Iterative magnitude pruning: scores, schedule, budgets (docs/baselines.md section 11)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods.parts.base import incoming_norm
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.schedule import ScheduleSettings, remove_to_budget
from robustprune.networks.architecture import architecture
from robustprune.networks.size import parameters
from robustprune.networks.stacked import every_unit
from robustprune.starts.parts.registry import check_cell


def left_over(arch, kept, remove, replicate=0):
    """Unit counts after a removal, channels and features following each other."""
    from robustprune.engine.compaction import surviving

    alive, _ = surviving(arch, kept, remove, dict)
    return {slot: int(mask[replicate].sum()) for slot, mask in alive.items()}


def test_norms_are_of_incoming_weights_without_bias(make_network):
    network = make_network("lenet5", replicates=1)
    with torch.no_grad():
        network.parameters["conv2.weight"][0, 7] = 0.5
        network.parameters["conv2.bias"][0, 7] = 100
        network.parameters["fc1.weight"][0, :, 3] = -2.0
    assert incoming_norm(network, "conv2")[0, 7].item() == pytest.approx(0.5 * 20 * 25)
    assert incoming_norm(network, "conv2", 2)[0, 7].item() == pytest.approx(0.25 * 20 * 25)
    assert incoming_norm(network, "flat")[0, 3].item() == pytest.approx(2.0 * 500)


def test_schedule_at_forty_epochs_is_that_of_the_specification():
    """Five epochs dense, twenty events half an epoch apart, then fine-tuning."""
    schedule = ScheduleSettings(target=0.1)
    steps = 40 * 468
    numbers = {step: schedule.event(Moment(step, steps, 468)) for step in range(1, steps + 1)}
    events = {step: number for step, number in numbers.items() if number}
    assert list(events.values()) == list(range(1, 21))
    assert min(events) == 5 * 468 + 234
    assert max(events) == 15 * 468
    assert schedule.budget(20, 1000) == pytest.approx(100)
    assert schedule.budget(10, 1000) == pytest.approx(100 + 900 / 8)
    assert ScheduleSettings(target=0.1, shape="linear").budget(10, 1000) == pytest.approx(550)


def test_a_short_run_still_reaches_the_last_event():
    schedule = ScheduleSettings(target=0.1)
    assert [schedule.event(Moment(step, 16, 4)) for step in range(1, 17)].index(20) == 5


@given(name=st.sampled_from(["lenet_300_100", "lenet5"]), share=st.floats(0.005, 1.0), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_budgets_are_met_to_one_unit(name, share, seed):
    """At most the budget, and one unit more would have been over it; no slot is ever emptied."""
    arch = architecture(name)
    kept = every_unit(arch.units(0.5), 1)
    generator = torch.Generator().manual_seed(seed)
    scores = {slot: torch.rand(places.shape, generator=generator) for slot, places in kept.items()}
    budget = share * parameters(arch, arch.units(0.5))
    remove = remove_to_budget(arch, kept, scores, budget)
    units = left_over(arch, kept, remove)
    assert min(units.values()) >= 1
    assert parameters(arch, units) <= budget or sum(units.values()) <= len(units) + 3
    dearest = 8501 if name == "lenet5" else 885
    assert parameters(arch, units) > budget - dearest


def test_lower_scores_go_first_whatever_the_order_of_units():
    """Permutation invariance: the kept set follows the scores, not the positions."""
    arch = architecture("lenet_300_100")
    kept = every_unit(arch.units(), 1)
    generator = torch.Generator().manual_seed(0)
    scores = {slot: torch.rand(places.shape, generator=generator) for slot, places in kept.items()}
    order = torch.randperm(300, generator=generator)
    shuffled = {**scores, "fc1": scores["fc1"][:, order]}
    first = remove_to_budget(arch, kept, scores, 30_000)["fc1"]
    second = remove_to_budget(arch, kept, shuffled, 30_000)["fc1"]
    assert torch.equal(first[:, order], second)
    gone = first[0]
    assert scores["fc1"][0, gone].max() <= scores["fc1"][0, ~gone].min()


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5"])
def test_training_ends_at_the_target(digits, make_cell, name):
    training = Training(make_cell("magnitude", name, epochs=4, settings={"target": 0.15}), digits)
    while not training.finished:
        training.run_epoch()
    for replicate in range(2):
        units = {slot: int(count[replicate]) for slot, count in training.network.counts().items()}
        dense = parameters(training.architecture, training.units)
        assert 0.13 * dense < parameters(training.architecture, units) <= 0.15 * dense


def test_settings_that_contradict_each_other_are_named(make_cell):
    settings_ = {"target": 0.1, "warm_up": 0.5, "prune_until": 0.4}
    with pytest.raises(StudyError, match=r"strengths.magnitude.key: warm_up 0.5 must end before prune_until 0.4"):
        check_cell(make_cell("magnitude", settings=settings_))
