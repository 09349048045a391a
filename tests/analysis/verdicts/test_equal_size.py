"""Errors at equal size: closed forms, coverage, and the answers that follow from them."""

import numpy as np
import pytest
from scipy import stats

from robustprune.analysis.statistics import holm
from robustprune.analysis.verdicts.effect import Effect
from robustprune.analysis.verdicts.equal_size import (
    AtSize,
    better_than,
    better_than_all,
    difference_at,
    local_slope,
    not_worse,
)

KNOWN = Effect(-0.5, 0.0, 4, 5)


def at(errors, log_sizes, slope=KNOWN, seeds=None):
    seeds = np.arange(len(errors)) if seeds is None else np.asarray(seeds)
    return AtSize(seeds, np.asarray(log_sizes, float), np.asarray(errors, float), slope)


def test_the_slope_is_that_of_the_strengths_around_the_target():
    sizes = [[8.0, 8.2, 8.1], [10.0, 10.0, 10.3], [11.0, 11.2, 11.1], [13.0, 13.0, 13.0]]
    errors = [[3.0, 3.1, 3.2], [2.0, 2.1, 2.2], [1.5, 1.6, 1.5], [1.4, 1.4, 1.4]]
    found = local_slope(sizes, errors, 10.5)
    assert found.value == pytest.approx((np.mean(errors[2]) - np.mean(errors[1])) / 1.0)
    parts = [np.var(np.array(errors[i]) - found.value * np.array(sizes[i]), ddof=1) / 3 for i in (1, 2)]
    assert found.error == pytest.approx(np.sqrt(sum(parts)) / 1.0)
    assert local_slope(sizes, errors, 20.0).value == pytest.approx((1.4 - np.mean(errors[2])) / (13 - 11.1))
    assert local_slope(sizes, errors, 8.05) == local_slope(sizes, errors, 9.0)
    with pytest.raises(ValueError, match="two strengths"):
        local_slope(sizes[:1], errors[:1], 8.0)
    with pytest.raises(ValueError, match="two strengths"):
        local_slope([sizes[0], sizes[0]], errors[:2], 8.0)


def test_sizes_that_lie_close_together_give_no_slope():
    """10.04 is nearest above the target, but its error differs by noise only: over 0.04 that would be a slope of 2."""
    sizes = [[9.0, 9.1, 9.2], [10.0, 10.01, 9.99], [10.04, 10.05, 10.03], [11.0, 11.0, 11.1]]
    errors = [[2.0, 2.1, 2.0], [1.5, 1.6, 1.7], [1.6, 1.7, 1.7], [1.2, 1.2, 1.3]]
    close = local_slope(sizes, errors, 10.02)
    apart = local_slope(sizes, errors, 10.02, 0.1)
    assert close.value > 1
    assert apart.value == pytest.approx((np.mean(errors[3]) - np.mean(errors[0])) / (np.mean(sizes[3]) - 9.1))
    assert apart.error < close.error / 10
    one_side = local_slope(sizes[1:], errors[1:], 10.02, 0.1)
    assert one_side.value == pytest.approx((np.mean(errors[3]) - 1.6) / (np.mean(sizes[3]) - 10.0))
    with pytest.raises(ValueError, match="two strengths"):
        local_slope(sizes[1:3], errors[1:3], 10.02, 0.1)


def test_networks_are_paired_by_seed():
    """The order of the rows does not count, nor do seeds that one of them lacks: pairs use the smaller n."""
    flat = Effect(0.0, 0.0, 4, 5)
    ten = at(np.arange(10) / 10, [10.0] * 10, flat)
    three = at([0.75, 0.15, 0.05], [10.0] * 3, flat, seeds=[7, 1, 0])
    found = difference_at(10.0, ten, three)
    assert (found.value, found.n) == (pytest.approx(-0.05), 3)
    assert not_worse(10.0, ten, {"three": three}).answer == "yes", "the other seven are no unknown networks"


def test_at_its_own_size_the_difference_is_the_paired_t_test():
    rng = np.random.default_rng(5)
    first, second = rng.normal(1.6, 0.1, 5), rng.normal(1.7, 0.1, 5)
    flat = Effect(0.0, 0.0, 4, 5)
    found = difference_at(10.0, at(first, [10.0] * 5, flat), at([*second[:4], np.nan], [10.0] * 5, flat))
    expected = stats.ttest_rel(first[:4], second[:4])
    assert (found.p, found.n) == (pytest.approx(expected.pvalue), 4)
    assert found.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)))


def test_a_larger_network_is_charged_for_its_size():
    """Twice the size at -0.5 points per unit of log size: 0.35 points."""
    small, large = at([1.6, 1.7, 1.8], np.log([100.0] * 3)), at([1.5, 1.6, 1.7], np.log([200.0] * 3))
    found = difference_at(np.log(100.0), small, large)
    assert found.value == pytest.approx(0.1 - 0.5 * np.log(2))
    unsure = at([1.5, 1.6, 1.8], np.log([200.0] * 3), Effect(-0.5, 0.2, 4, 5))
    wider = difference_at(np.log(100.0), small, unsure)
    seeds = np.std([0.1, 0.1, 0.0], ddof=1) / np.sqrt(3)
    assert wider.error == pytest.approx(np.hypot(seeds, 0.2 * np.log(2)))


def test_the_difference_covers_its_level():
    """Curves of a known slope, sizes that vary with the seed, and errors that vary with the size."""
    rng, draws, target, covered, ignored = np.random.default_rng(6), 250, 10.0, 0, 0
    for _ in range(draws):
        methods = []
        for slope, centre, offset in ((-0.6, 10.2, 0.1), (-0.3, 9.7, 0.0)):
            sizes = [place + 0.05 * rng.standard_normal(5) for place in (9.5, centre, 10.6)]
            errors = [1.6 + offset + slope * (own - target) + 0.1 * rng.standard_normal(5) for own in sizes]
            fitted = local_slope([sizes[0], sizes[2]], [errors[0], errors[2]], target)
            methods.append(at(errors[1], sizes[1], fitted))
        low, high = difference_at(target, *methods).interval(0.9)
        covered += low <= 0.1 <= high
        bare = [at(m.error, m.log_size, Effect(m.slope.value, 0.0, 4, 5)) for m in methods]
        low, high = difference_at(target, *bare).interval(0.9)
        ignored += low <= 0.1 <= high
    assert 0.85 < covered / draws < 0.96
    assert ignored < covered


def test_not_worse_than_any_and_better_than_some():
    noise = np.array([-0.02, 0.0, 0.01, 0.02, -0.01])
    ours = at(1.6 + noise, [10.0] * 5)
    noises = ([0.01, -0.01, 0.02, 0.0, -0.02], [0.0, 0.02, -0.02, 0.01, -0.01])
    alike, worse = (at(mean + np.array(own), [10.0] * 5) for mean, own in zip((1.6, 1.9), noises, strict=True))
    better = at(1.3 + np.array(noises[0]), [10.0] * 5)
    assert not_worse(10.0, ours, {"alike": alike, "worse": worse}).answer == "yes"
    assert not_worse(10.0, ours, {"alike": alike, "better": better}).answer == "no"
    lost = at([np.nan, *alike.error[1:]], [10.0] * 5)
    assert not_worse(10.0, ours, {"lost": lost}).answer == "undecided"
    found = better_than(10.0, ours, {"alike": alike, "worse": worse})
    assert found["worse"][0].value == pytest.approx(-0.3)
    assert [p for _, p in found.values()] == pytest.approx(holm([effect.p for effect, _ in found.values()]))
    assert found["worse"][1] < 0.001 < found["alike"][1]


@pytest.mark.parametrize(
    ("lead", "spread", "answer"),
    [
        *((0.5, 0.01, "yes"), (0.05, 0.01, "yes"), (0.0, 0.01, "no"), (-0.05, 0.01, "no")),
        *((0.03, 0.08, "undecided"), (0.05, 0.5, "cannot be decided at this n")),
    ],
)
def test_better_than_all(lead, spread, answer):
    """A lead of any size that is seen over every other; no where one of 0.1 points over one of them is excluded."""
    noise = spread * np.array([-1.0, 1.0, -1.0, 1.0, 0.0, 0.0])
    mine, far = (at(1.5 + shift + noise, [10.0] * 6) for shift in (-lead, 2.0))
    assert better_than_all(10.0, mine, {"near": at([1.5] * 6, [10.0] * 6), "far": far}).answer == answer


def test_a_small_certain_lead_over_one_is_no_reason_for_a_no():
    """It is better than `near`, by less than 0.1 points; of `noisy` nothing can be said."""
    noise = np.array([-1.0, 1.0, -1.0, 1.0, 0.0, 0.0])
    mine, near = (at(1.5 + shift + 0.005 * noise, [10.0] * 6) for shift in (-0.03, 0.0))
    near = near.of(np.array([1, 0, 3, 2, 4, 5]))  # seeds follow
    noisy = at(1.7 + 0.4 * noise, [10.0] * 6)
    assert better_than_all(10.0, mine, {"near": near}).answer == "yes"
    both = better_than_all(10.0, mine, {"near": near, "noisy": noisy})
    assert both.answer == "cannot be decided at this n"
    assert len(both.comparisons) == 2
    assert better_than_all(10.0, mine, {}).answer == "not applicable"
