"""The table at equal size: closed forms of differences and ratios, families, and what is missing."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store
from scipy import stats

from robustprune.analysis.equal_size import equal_size
from robustprune.analysis.read import CELL
from robustprune.analysis.statistics import holm
from robustprune.analysis.tables import write_tables
from robustprune.analysis.verdicts.decision import NO, UNDECIDED
from robustprune.analysis.verdicts.effect import mean_of, weighted
from robustprune.analysis.verdicts.equal_size import local_slope

TARGET = 26_000
NOISE = np.array([-0.02, 0.01, 0.03, 0.0, -0.02, 0.04])
SLOPES = {"bernoulli": -0.5, "vib": -0.4, "sbp": -0.3}
KEYS = {"bernoulli": "c_3e_4", "vib": "kappa_1e_4", "sbp": "kl_1e1"}
OFFSETS = {"bernoulli": 1.60, "vib": 1.62, "sbp": 2.0}
SIZES = {"bernoulli": 27_000, "vib": 25_000, "sbp": 26_000}


def noise(method, count):
    """Turned by the method's place, so that pairs differ."""
    return np.roll(NOISE, list(KEYS).index(method))[:count]


def rows(method, count, strength, size, error, **values):
    """Networks of one cell; sizes differ by a percent, errors by noise."""
    one = made_up(methods=(method,), widths=(1.0,), initializations=("he_normal",))
    runs = (
        one[0]
        .rename(columns={"operating_point": "point"})
        .merge(one[1].drop(columns="status"), on=[*CELL, "replicate"])
    )
    runs = pd.concat([runs.iloc[:1]] * count, ignore_index=True)
    added = noise(method, count)
    own = {"replicate": range(count), "seed": range(count), "strength": strength, "device": "cpu", "threads": 1}
    own |= {"params_kept": size * np.exp(0.01 * np.arange(count)), "error_test_percent": error + added}
    return runs.assign(**own, error_valid_percent=error + added, **values)


def study(target="at_size", params=TARGET, counts=(6, 6, 3), **values):
    asked = {"operating_point": True, "point": target, "target_params": params}
    parts = []
    for (method, key), count in zip(KEYS.items(), counts, strict=True):
        given = rows(method, count, key, SIZES[method], OFFSETS[method], **(asked | values))
        macs = 100 * (2 if method == "vib" else 3) ** (method != "bernoulli") * np.exp(0.1 * noise(method, count))
        parts.append(given.assign(train_macs=macs))
    runs = pd.concat(parts, ignore_index=True)
    point = runs["method"].map(lambda method: f"c_{target}" if method == "bernoulli" else target)
    return runs.assign(point=point)


def search():
    """Two strengths of every method, at half and twice the target, on a straight line; one more that collapsed."""
    parts = []
    for method, slope in SLOPES.items():
        form = KEYS[method].partition("_")[0]
        for key, factor in (("1e_9", 0.5), ("1e_8", 2.0)):
            parts.append(rows(method, 3, f"{form}_{key}", TARGET * factor, 1.6 + slope * np.log(factor)))
        parts.append(rows(method, 3, f"{form}_5e_9", TARGET * 0.8, 60.0, status="collapsed"))
    return pd.concat(parts, ignore_index=True)


def table_of(runs, searched=None, level=0.95):
    return equal_size(runs, level, searched).table.set_index("baseline")


def slope_of(method):
    own = search()
    own = own[(own["method"] == method) & (own["status"] == "ok")]
    groups = [group for _, group in own.groupby("strength")]
    return local_slope(
        [np.log(g["params_kept"]) for g in groups], [g["error_valid_percent"] for g in groups], np.log(TARGET)
    )


def moved(runs, method, seeds):
    """Errors at the target, and the mean distance of the networks from it."""
    own = runs[runs["method"] == method].set_index("seed").loc[seeds]
    distance = np.log(TARGET) - np.log(own["params_kept"])
    return own["error_test_percent"] + slope_of(method).value * distance, distance.mean()


def test_a_difference_is_that_of_errors_moved_along_each_curve():
    runs = study()
    table = table_of(runs, search())
    for baseline, count in (("vib", 6), ("sbp", 3)):
        (first, near), (second, far) = (moved(runs, name, range(count)) for name in ("bernoulli", baseline))
        row = table.loc[baseline]
        assert row["difference"] == pytest.approx((first - second).mean())
        assert (row["n"], row["difference_n"]) == (count, count)
        parts = [mean_of(first - second), slope_of("bernoulli"), slope_of(baseline)]
        half = weighted([1, near, -far], parts).half_width(0.95)
        assert row["difference_high"] - row["difference"] == pytest.approx(half)
        assert row["difference"] - row["difference_low"] == pytest.approx(half)
    mean_size = np.log(27_000) + 0.025
    assert table.loc["vib", "moved_percent"] == pytest.approx(100 * (TARGET / np.exp(mean_size) - 1))
    assert table.loc["vib", "baseline_params"] == pytest.approx(np.mean(25_000 * np.exp(0.01 * np.arange(6))))


def test_verdicts_are_those_of_one_baseline_and_of_all():
    table = table_of(study(), search())
    assert table["not_worse"].to_dict() == {"vib": "yes", "sbp": "yes"}
    assert set(table["not_worse_than_all"]) == {"yes"}
    assert table["better"].to_dict() == {"vib": "no", "sbp": "yes"}
    worse = study()
    worse.loc[worse["method"] == "bernoulli", "error_test_percent"] += 0.25
    table = table_of(worse, search())
    assert table["not_worse"].to_dict() == {"vib": "no", "sbp": "yes"}
    assert set(table["not_worse_than_all"]) == {"no"}


def test_families_of_error_macs_and_seconds_are_adjusted_apart():
    runs = study()
    table = table_of(runs, search())
    costs = []
    for baseline, count in (("vib", 6), ("sbp", 3)):
        one, other = (
            runs[runs["method"] == name].iloc[:count]["train_macs"].to_numpy() for name in ("bernoulli", baseline)
        )
        found = stats.ttest_rel(np.log(one), np.log(other))
        costs.append(found.pvalue)
        assert table.loc[baseline, "macs_ratio"] == pytest.approx(np.exp(np.mean(np.log(one) - np.log(other))))
        ends = table.loc[baseline, ["macs_ratio_low", "macs_ratio_high"]]
        assert list(np.log(ends.astype(float))) == pytest.approx(list(found.confidence_interval(0.95)))
    assert list(table["macs_p_holm"]) == pytest.approx(list(holm(costs)))
    assert table["macs_ratio"].to_numpy() == pytest.approx([0.5, 1 / 3], rel=0.01)


def test_seconds_of_a_cell_are_one_measurement_and_of_one_device():
    runs = study()
    runs.loc[runs["method"] == "vib", "train_seconds"] = 8.0
    runs.loc[runs["method"] == "sbp", "device"] = "cuda"
    table = table_of(runs, search())
    assert table.loc["vib", "seconds_ratio"] == pytest.approx(0.25)
    assert table.loc["vib", ["seconds_ratio_low", "seconds_p_holm"]].isna().all()
    assert np.isnan(table.loc["sbp", "seconds_ratio"])
    runs.loc[runs["method"] == "vib", "train_seconds"] = 8.0 * np.exp(NOISE)
    table = table_of(runs, search())
    assert table.loc["vib", "seconds_ratio_low"] < 0.25 < table.loc["vib", "seconds_ratio_high"]
    assert table.loc["vib", "seconds_p_holm"] < 0.001


def test_each_baseline_is_judged_at_the_level_of_the_family():
    """14 points above the margin by a little: outside at the level of one comparison, not at that of many (B8)."""
    runs, baselines = study(counts=(6, 6, 6)), []
    for number in range(14):
        own = runs[runs["method"] == "vib"].assign(method=f"other{number}")
        baselines.append(own)
    runs = pd.concat([runs[runs["method"] == "bernoulli"], *baselines], ignore_index=True)
    searched = search()
    curves = [searched[searched["method"] == "vib"].assign(method=f"other{number}") for number in range(14)]
    searched = pd.concat([searched, *curves], ignore_index=True)
    better = runs["method"] == "other3"
    runs.loc[better, "error_test_percent"] -= 0.16
    row = equal_size(runs, 0.95, searched).table.set_index("baseline").loc["other3"]
    alone = study(counts=(6, 6, 6))
    alone.loc[alone["method"] == "vib", "error_test_percent"] -= 0.16
    assert table_of(alone[alone["method"] != "sbp"], search()).loc["vib", "not_worse"] == NO
    assert row["not_worse"] == row["not_worse_than_all"] == UNDECIDED


def test_every_budget_and_target_is_a_family_of_its_own():
    runs = pd.concat([study(), study(budget="macs"), study(target="at_size_60k", params=60_000)])
    sheet = equal_size(runs, 0.95, search())
    headings = [heading for heading, _ in sheet.sections]
    network = "LeNet-300-100 on MNIST, track full"
    assert headings == [
        f"{network}, at equal epochs, at_size: bernoulli c_3e_4",
        f"{network}, within the MACs of dense training, at_size: bernoulli c_3e_4",
        f"{network}, at equal epochs, at_size_60k: bernoulli c_3e_4",
    ]
    assert len(sheet.table) == 6
    own = sheet.table.set_index(["budget", "target", "baseline"])
    assert np.isnan(own.loc[("macs", "at_size", "vib"), "difference"]), "the search had no curve at this budget"
    assert own.loc[("macs", "at_size", "vib"), "macs_ratio"] == pytest.approx(0.5, rel=0.01)


def test_a_target_in_error_compares_costs_only():
    row = table_of(study(target="at_error", params=None), search()).loc["vib"]
    assert row[["difference", "p_holm", "not_worse", "not_worse_than_all", "better"]].isna().all()
    assert row["macs_ratio"] == pytest.approx(0.5, rel=0.01)


def test_without_a_search_the_table_says_so(tmp_path):
    sheet = equal_size(study(), 0.95)
    assert sheet.table["difference"].isna().all()
    assert sheet.table["not_worse"].isna().all()
    assert "no runs of the search beside these tables" in sheet.caption
    assert "no runs of the search" not in equal_size(study(), 0.95, search()).caption
    store(tmp_path, made_up())
    write_tables(tmp_path, tmp_path / "tables", names=["equal_size"])
    page = (tmp_path / "tables" / "equal_size.html").read_text()
    assert "There are no operating points of a search in these tables." in page
    assert "could not be made" not in page


def test_a_lost_network_is_no_yes():
    runs = study()
    lost = runs.index[(runs["method"] == "vib") & (runs["seed"] == 2)]
    runs.loc[lost, ["params_kept", "error_test_percent"]] = np.nan
    row = table_of(runs, search()).loc["vib"]
    assert (row["n"], row["not_worse"]) == (5, "undecided")


def test_a_variant_of_the_method_has_a_family_of_its_own_and_others_are_no_baselines():
    mine, theirs = (study().query(f"method == '{name}'") for name in ("bernoulli", "vib"))
    mine = mine.assign(strength="sgd_3e_4", point="sgd_at_size", variant="SGD")
    theirs = theirs.assign(strength="fast_3e_4", variant="fast")
    sheet = equal_size(pd.concat([study(), mine, theirs], ignore_index=True), 0.95, search())
    assert [heading.split(": ")[1] for heading, _ in sheet.sections] == ["bernoulli c_3e_4", "bernoulli sgd_3e_4 (SGD)"]
    assert sheet.table["baseline_strength"].tolist() == [KEYS["vib"], KEYS["sbp"]] * 2
