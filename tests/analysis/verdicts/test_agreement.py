"""The Jaccard index, and what chance alone gives."""

from itertools import combinations

import numpy as np
import pytest

from robustprune.analysis.verdicts.agreement import above_chance, jaccard, jaccard_by_chance, mean_agreement


def test_jaccard():
    assert jaccard([1, 1, 0, 0], [1, 0, 1, 0]) == pytest.approx(1 / 3)
    assert np.isnan(jaccard([0, 0], [0, 0]))


@pytest.mark.parametrize(("total", "first", "second"), [(6, 2, 3), (5, 4, 3), (6, 0, 2), (4, 4, 4), (7, 1, 1)])
def test_chance_is_the_mean_over_all_subsets(total, first, second):
    subsets = [[set(own) for own in combinations(range(total), count)] for count in (first, second)]
    index = [len(a & b) / len(a | b) for a in subsets[0] for b in subsets[1]]
    assert jaccard_by_chance(total, first, second) == pytest.approx(np.mean(index))


def test_chance_of_pixels_is_that_of_random_draws():
    rng = np.random.default_rng(7)
    draws = [jaccard(*(rng.permutation(784) < count for count in (180, 200))) for _ in range(2000)]
    chance = jaccard_by_chance(784, 180, 200)
    assert chance == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(2000))
    assert chance == pytest.approx(0.138, abs=0.002)
    assert np.isnan(jaccard_by_chance(784, 0, 0))


def test_above_chance_is_zero_for_chance_and_one_for_the_same_units():
    rng = np.random.default_rng(8)
    kept = np.array([rng.permutation(784) < 180 for _ in range(40)])
    found = mean_agreement(kept, corrected=True)
    assert found.mean == pytest.approx(0, abs=0.005)
    assert above_chance(kept[0], kept[0]) == 1
    assert np.isnan(above_chance(np.ones(9), np.ones(9)))
    assert mean_agreement(kept).mean == pytest.approx(jaccard_by_chance(784, 180, 180), abs=0.003)


def test_only_pairs_of_different_groups_count():
    kept = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]])
    assert mean_agreement(kept, [1, 1, 2, 2]).mean == pytest.approx(1 / 3)
    assert mean_agreement(kept).mean == pytest.approx((2 + 4 / 3) / 6)
    assert np.isnan(mean_agreement(kept, [1, 1, 1, 1]).mean)
    assert np.isnan(mean_agreement(kept[:2]).low)
    assert mean_agreement(kept[:2]).mean == 1


def test_the_jackknife_covers_its_level():
    """Five networks that each keep a common core and a share of the rest, which varies from network to network."""
    rng = np.random.default_rng(9)

    def networks(count):
        share = rng.uniform(0.1, 0.5, (count, 1))
        return (rng.random((count, 100)) < share) | (np.arange(100) < 30)

    true = np.mean([jaccard(*networks(2)) for _ in range(4000)])
    found = [mean_agreement(networks(5), confidence=0.9) for _ in range(300)]
    assert np.mean([own.low <= true <= own.high for own in found]) > 0.84
