"""Imbalance of linear networks: conservation, and the bound on the rate at which the loss falls."""

from dataclasses import replace

import numpy as np
import pytest

from robustprune.analysis.theory.imbalance import (
    FALL,
    Moment,
    Regression,
    drawn_starts,
    drawn_task,
    imbalance,
    least_product,
)

FIRST = [[1, 2], [0, 1], [0.5, -1]]
SECOND = [[1, 0, 1], [0.5, 1, 0]]


@pytest.fixture(scope="module")
def drawn() -> tuple[Regression, Moment]:
    """Inputs, slopes of the targets and both layers, drawn in this order."""
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 64))
    targets = random.normal(size=(3, 4)) @ x
    first, second = random.normal(size=(12, 4)) * 0.8, random.normal(size=(3, 12)) * 0.3
    return Regression(x, targets), Moment(first, second)


def test_imbalance_and_its_bound_by_hand():
    matrix = imbalance(FIRST, SECOND)
    assert matrix.tolist() == [[3.75, 1.5, -2.5], [1.5, 0, -1], [-2.5, -1, 0.25]]
    assert np.linalg.eigvalsh(matrix)[::-1] == pytest.approx([5.623441, -0.508296, -1.115145], abs=1e-6)
    assert least_product(matrix, inputs=2, outputs=2) == pytest.approx(0.508296, abs=1e-6)
    first, second = np.array(FIRST), np.array(SECOND)
    actual = np.linalg.eigvalsh(first.T @ first)[0] + np.linalg.eigvalsh(second @ second.T)[0]
    assert actual == pytest.approx(1.815974, abs=1e-6)


def test_a_layer_wider_than_the_hidden_one_adds_nothing():
    assert least_product(np.diag([5.0, 4.0]), inputs=3, outputs=3) == 0
    assert least_product(np.diag([5.0, 4.0]), inputs=2, outputs=3) == 4
    assert least_product(-np.diag([5.0, 4.0]), inputs=3, outputs=2) == 4


def test_gradient_flow_conserves_the_imbalance_and_stays_below_the_bound(drawn):
    task, start = drawn
    ascending = np.linalg.eigvalsh(start.imbalance)
    assert task.smallest == pytest.approx(0.639490, abs=1e-6)
    assert (ascending[-4], -ascending[2]) == pytest.approx((2.110676, 0.296852), abs=1e-6)
    assert 2 * task.smallest * start.least_product == pytest.approx(3.079180, abs=1e-6)
    times, moments = task.flow(start, np.linspace(0, 2, 201))
    losses = np.array([task.loss(moment) for moment in moments])
    assert losses[0] == pytest.approx(15.590085, abs=1e-6)
    assert losses[-1] == pytest.approx(1.35163e-5, rel=1e-4)
    bound = task.bound(start, times)
    assert bound[-1] == pytest.approx(0.0329843, rel=1e-5)
    assert (losses[1:] <= bound[1:]).all()
    assert np.abs(moments[-1].imbalance - start.imbalance).max() < 1e-8


def test_weight_decay_shrinks_the_imbalance_by_its_own_factor(drawn):
    task, start = drawn
    end = replace(task, decay=0.1).flow(start, (0.0, 2.0))[1][-1]
    shrunk = np.linalg.norm(end.imbalance) / np.linalg.norm(start.imbalance)
    assert shrunk == pytest.approx(0.670320, abs=1e-6)
    assert end.imbalance == pytest.approx(start.imbalance * np.exp(-0.4), abs=1e-7)


def test_the_measured_rate_is_that_until_a_millionth_is_left(drawn):
    task, start = drawn
    rate = task.measured_rate(start)
    end = task.flow(start, (0.0, np.log(1 / FALL) / rate))[1][-1]
    assert task.loss(end) / task.loss(start) == pytest.approx(FALL, rel=1e-4)
    assert rate > 2 * task.smallest * start.least_product


def test_a_task_without_a_perfect_answer_has_a_smallest_loss(drawn):
    task, start = drawn
    noisy = replace(task, targets=task.targets + np.random.default_rng(1).normal(size=task.targets.shape))
    assert noisy.best > 0.1
    losses = [noisy.loss(moment) for moment in noisy.flow(start, (0.0, 1.0, 20.0))[1]]
    assert losses[1] <= noisy.bound(start, 1.0)
    assert losses[2] == pytest.approx(noisy.best, rel=1e-9)


def test_starts_differ_in_gain_by_equal_factors():
    gains, starts = zip(*drawn_starts(3, (0.3, 3.0)), strict=True)
    assert gains == pytest.approx((0.3, 0.9487, 3.0), abs=1e-4)
    sizes = [np.linalg.norm(start.first) / gain for gain, start in zip(gains, starts, strict=True)]
    assert np.ptp(sizes) < 0.3 * np.mean(sizes)
    assert drawn_task().best == pytest.approx(0, abs=1e-20)
