"""The count of training arithmetic is that of the matrix products that a step really computes."""

import pytest
from torch.utils.flop_counter import FlopCounterMode

from robustprune.engine.arithmetic import dense_training_macs
from robustprune.engine.training import Training
from robustprune.methods.bc_gnj import BCGNJ

FORWARD, FIRST = 266200, 784 * 300
STEPS = {
    "dense": 3 * FORWARD - FIRST,
    "magnitude": 3 * FORWARD - FIRST,
    "group_lasso": 3 * FORWARD - FIRST,
    "slimming": 3 * FORWARD,  # factors of the pixels are trained
    "bernoulli": 3 * FORWARD,
    "l0_hc": 3 * FORWARD,
    "l0_arm": 4 * FORWARD - FIRST,  # one more pass; its gates get no gradient through the layers
    "bc_gnj": 6 * FORWARD,
}


def first_step(cell, data) -> tuple[Training, int]:
    """A training after one step, and the multiply-accumulates that torch saw."""
    training = Training(cell, data)
    training.batches.start_epoch()
    with FlopCounterMode(display=False) as counter:
        training.step()
    training.arithmetic.count_step()
    return training, counter.get_total_flops() // 2


@pytest.mark.parametrize(("method", "expected"), STEPS.items())
def test_a_step_costs_the_products_that_it_computes(digits, make_cell, monkeypatch, method, expected):
    monkeypatch.setattr(BCGNJ, "second_products", True, raising=False)
    training, seen = first_step(make_cell(method, replicates=1), digits)
    assert training.arithmetic.total.tolist() == [64 * expected]
    assert seen == 64 * expected


def test_pixels_without_gates_get_no_gradient(digits, make_cell):
    training, seen = first_step(make_cell("bernoulli", replicates=1, track="hidden"), digits)
    assert training.arithmetic.total.tolist() == [seen] == [64 * (3 * FORWARD - FIRST)]


def test_a_convolved_image_gets_no_gradient(digits, make_cell):
    """torch's own count is higher here: the first layer computes windows of all four pooled positions at once."""
    training, _ = first_step(make_cell("bernoulli", "lenet5", replicates=1), digits)
    assert training.arithmetic.total.tolist() == [64 * (3 * 2293000 - 24 * 24 * 25 * 20)]


def test_second_products_count_while_gates_are_sampled_only(digits, make_cell, monkeypatch):
    monkeypatch.setattr(BCGNJ, "second_products", True, raising=False)
    cell = make_cell("bc_gnj", replicates=1, settings={"pretrain": 0.5, "warm_up": 0.0})
    assert first_step(cell, digits)[0].arithmetic.total.tolist() == [64 * (3 * FORWARD - FIRST)]


def test_dense_training_is_counted_in_the_same_way(digits, make_cell):
    cell = make_cell("dense", epochs=1, replicates=1)
    training = Training(cell, digits)
    training.run_epoch()
    assert training.arithmetic.total[0] == dense_training_macs(cell, len(digits.train_labels))
