"""Stacked networks of one hidden layer: padding, independence, and what counts as a fit."""

import pytest
import torch

from robustprune.experiments.smallest_width.shallow import Stack, fit
from robustprune.initialization.examples import Examples


@pytest.fixture(scope="module")
def examples() -> Examples:
    drawn = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (150, 20), dtype=torch.uint8, generator=drawn)
    return Examples(images, torch.randint(0, 10, (150,), generator=drawn))


def test_networks_beside_others_train_as_they_do_alone(examples):
    widths, seeds, rates = [2, 3, 5], [0, 4], [1e-3, 1e-2]
    together = fit("a", examples, widths, seeds, rates, 30, torch.float64)
    assert together.loss.shape == (2, 2, 3)
    for place in [(0, 0, 0), (1, 1, 1), (1, 0, 2)]:
        rate, seed, width = rates[place[0]], seeds[place[1]], widths[place[2]]
        alone = fit("a", examples, [width], [seed], [rate], 30, torch.float64)
        assert float(alone.loss) == pytest.approx(float(together.loss[place]), abs=1e-5)
        assert float(alone.wrong) == float(together.wrong[place])
    assert len(together.loss.unique()) == together.loss.numel()


def test_padded_weights_stay_at_zero(examples):
    stack = Stack("a", [0], [2, 5], 20, torch.float32)
    optimizer = torch.optim.Adam(stack.parameters, lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        scores = stack.scores(examples.images[:16].float().unsqueeze(0) / 255)
        scores.square().sum().backward()
        optimizer.step()
    first = stack.first.view(1, 2, 5, 20)
    assert not bool(first[0, 0, 2:].any())
    assert not bool(stack.second[0, 0, :, 2:].any())
    assert not bool(stack.first_bias.view(1, 2, 5)[0, 0, 2:].any())
    assert bool(first[0, 0, :2].all())


def test_scores_are_those_of_each_network(examples):
    stack = Stack("a", [0, 1], [2, 3], 20, torch.float64)
    images = examples.images[:4].double().expand(2, 4, 20) / 255
    stack.second_bias.data.normal_()
    stack.first_bias.data.normal_()
    first, second = stack.first.view(2, 2, 3, 20), stack.second
    bias = stack.first_bias.view(2, 2, 3)
    for seed in range(2):
        for place, width in enumerate([2, 3]):
            hidden = (images[seed] @ first[seed, place, :width].T + bias[seed, place, :width]).relu()
            expected = hidden @ second[seed, place, :, :width].T + stack.second_bias[seed, place]
            assert torch.allclose(stack.scores(images)[seed, place], expected)


def test_the_same_seeds_give_the_same_result_and_others_another(examples):
    first, second = (fit("a", examples, [4], [0], [1e-2], 20) for _ in range(2))
    assert torch.equal(first.loss, second.loss)
    assert not torch.equal(first.loss, fit("b", examples, [4], [0], [1e-2], 20).loss)


def test_errors_are_counted_over_all_images_and_training_ends_when_all_fit():
    """Two images that any network tells apart: fitted at the first check; contradictory labels never."""
    images = torch.zeros(4, 20, dtype=torch.uint8)
    images[2:, :10] = 255
    easy = fit("a", Examples(images, torch.tensor([3, 3, 7, 7])), [16], [0], [0.05], 400)
    assert (float(easy.wrong), float(easy.fitted)) == (0, 40)
    never = fit("a", Examples(images, torch.tensor([3, 5, 7, 7])), [16], [0], [0.05], 40)
    assert float(never.wrong) == 1
    assert bool(never.fitted.isnan().all())


def test_scores_that_are_not_finite_count_as_no_fit(examples):
    found = fit("a", examples, [3], [0, 1], [1e-3, 1e39], 20)
    assert bool(found.wrong[1].isnan().all())
    assert bool(found.wrong[0].isfinite().all())
