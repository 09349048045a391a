"""Kept width beside smallest width: the two readings of the same strength, the verdicts, the figure."""

import json

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up, store
from matplotlib import pyplot as plt

from robustprune.analysis.figures import draw_figure
from robustprune.analysis.figures.smallest_width import smallest_width
from robustprune.analysis.read import read_collected, read_detailed_runs
from robustprune.analysis.related.kept_widths import SAME_PRICE, SAME_PRIOR, kept_widths
from robustprune.analysis.related.smallest_width import (
    NOTHING,
    RANDOM,
    TRUE,
    below,
    fewer,
    slower,
    smallest_width_table,
)
from robustprune.analysis.statistics import Estimate
from robustprune.analysis.verdicts.decision import NO, TOO_FEW, UNDECIDED, YES

EXPONENTS = {"true": 0.3, "random": 0.7}


def searched(examples=(100, 1000, 10_000)) -> pd.DataFrame:
    """Widths N ** exponent, at which all three seeds fit with the larger rate and none does with the smaller."""
    rows = []
    for labels, exponent in EXPONENTS.items():
        for count in examples:
            own = {"dataset": "mnist", "labels": labels, "examples": count, "steps_factor": 1.0, "steps": 1000}
            fitting = round(count**exponent)
            for width in (fitting // 2, fitting):
                for seed in range(3):
                    for rate in (1e-3, 1e-2):
                        wrong = 0 if width == fitting and rate == 1e-2 else 3 + seed
                        rows.append({**own, "width": width, "seed": seed, "learning_rate": rate, "wrong": wrong})
    return pd.DataFrame(rows)


def study(folder, exponent=0.1, error_train=0.5):
    """Networks that keep 20 N ** exponent units: at one price, and at prices in proportion to 1 / N."""
    tables = [[], [], [], []]
    for count in (100, 1000, 10_000, 60_000):
        for name, price in (("c", 3e-4), ("g", 18 / count)):
            if name == "g" and count == 60_000:
                continue
            parts = made_up(methods=("bernoulli",), widths=(1.0,), initializations=("he_normal",))
            for at, part in enumerate(parts):
                tables[at].append(part.assign(architecture="mlp_300", strength=f"{name}_n{count}"))
            kept = round(20 * count**exponent) - (5 if name == "g" else 0)
            tables[0][-1]["units_start"] = "784-300"
            tables[0][-1]["units_kept"] = [f"100-{kept + seed}" for seed in (-1, 0, 1)]
            tables[0][-1]["error_train_percent"] = error_train
            training = json.loads(tables[1][-1]["training"].iloc[0]) | {"examples": count, "epochs": 10}
            tables[1][-1]["training"] = json.dumps(training)
            tables[1][-1]["settings"] = json.dumps({"price": price})
            tables[1][-1]["variant"] = f"n{count}"
    history = tables[2][0].drop(columns=["units_fc2"])
    return store(folder, (pd.concat(tables[0]), pd.concat(tables[1]), history, pd.concat(tables[3])))


def test_both_readings_share_the_cell_of_most_images(tmp_path):
    found = kept_widths(read_detailed_runs(study(tmp_path)))
    counts = found.groupby("reading")["examples"].agg(lambda own: sorted(set(own))).to_dict()
    assert counts == {SAME_PRICE: [100, 1000, 10_000, 60_000], SAME_PRIOR: [100, 1000, 10_000, 60_000]}
    own = found[found["examples"] == 1000].groupby("reading")["kept"].mean()
    assert own[SAME_PRICE] - own[SAME_PRIOR] == 5
    most = found[found["examples"] == 60_000].groupby("reading")["kept"].mean()
    assert most[SAME_PRICE] == most[SAME_PRIOR]
    assert found[found["examples"] == 1000]["steps"].iloc[0] == 1000 // 128 * 10


def test_the_table_has_a_row_per_number_of_images_and_verdicts(tmp_path):
    sheet = smallest_width_table(read_detailed_runs(study(tmp_path)), 0.95, searched())
    table = sheet.table
    units = table[table["series"] == TRUE].set_index("examples")["units"].dropna()
    assert units.to_dict() == {100: 4, 1000: 8, 10_000: 16}
    row = table[(table["series"] == RANDOM) & (table["examples"] == 1000)].iloc[0]
    assert (row["units"], row["rate"], row["wrong_below"]) == (126, 1e-2, 3)
    assert row["floor"] == pytest.approx(12.57, abs=0.01)
    slopes = table[table["slope"].notna()].set_index("series")
    assert slopes.loc[RANDOM, "slope"] == pytest.approx(0.7, abs=0.01)
    assert slopes.loc[SAME_PRICE, "slope"] == pytest.approx(0.1, abs=0.01)
    assert slopes.loc[SAME_PRICE, "slower"] == slopes.loc[SAME_PRIOR, "slower"] == YES
    # needed for 60,000 by slope 0.3: 27; the method keeps 60
    needed = table[table["needed"].notna()].iloc[0]
    assert needed["needed"] == pytest.approx(60_000**0.3, rel=0.05)
    assert (needed["fewer"], needed["units"]) == (NO, 60)


def test_without_the_cell_of_all_images_nothing_is_judged_by_another(tmp_path):
    runs = read_detailed_runs(study(tmp_path))
    fewer = runs[~runs["training"].str.contains("60000")]
    assert len(fewer) < len(runs)
    assert kept_widths(fewer).empty


def test_networks_that_are_not_ok_are_counted(tmp_path):
    runs = read_detailed_runs(study(tmp_path))
    runs.loc[0, "status"] = "collapsed"
    runs.loc[1, ["status", "units_kept"]] = ["diverged", None]
    table = smallest_width_table(runs, 0.95, searched()).table
    kept = table[table["series"] == SAME_PRICE].dropna(subset="not_ok")
    assert kept[kept["slower"].notna()]["not_ok"].tolist() == [2]  # of all numbers of images
    kept = kept[kept["slower"].isna()]
    assert kept["not_ok"].sum() == 2
    assert kept[kept["not_ok"] > 0]["n"].sum() == 2


def test_slopes_of_smallest_widths_are_over_all_their_images_and_those_of_verdicts_over_shared_ones(tmp_path):
    widths = searched()
    widths.loc[(widths["labels"] == "true") & (widths["examples"] == 10_000), "width"] *= 2
    widths = widths[(widths["labels"] == "true") | (widths["examples"] < 10_000)]
    table = smallest_width_table(read_detailed_runs(study(tmp_path)), 0.95, widths).table
    slopes = table[table["slope"].notna()].groupby("series", sort=False)["slope"].first()
    assert slopes[TRUE] == pytest.approx(np.log10(32 / 4) / 2)
    kept = [round(20 * count**0.1) for count in (100, 1000)]  # random labels have no more
    assert slopes[SAME_PRICE] == pytest.approx(np.log10(kept[1] / kept[0]), abs=1e-3)


def test_params_stand_beside_units(tmp_path):
    table = smallest_width_table(read_detailed_runs(study(tmp_path)), 0.95, searched()).table
    at_thousand = table[table["examples"] == 1000].set_index("series")["params"]
    assert at_thousand[RANDOM] == 795 * round(1000**0.7) + 10
    assert at_thousand[SAME_PRICE] == pytest.approx(1001, abs=1)


def test_a_width_that_grows_faster_is_no(tmp_path):
    sheet = smallest_width_table(read_detailed_runs(study(tmp_path, exponent=1.1)), 0.95, searched())
    assert set(sheet.table["slower"].dropna()) == {NO}


def test_without_searches_or_without_networks_there_is_what_there_is(tmp_path):
    runs = read_detailed_runs(study(tmp_path))
    assert set(smallest_width_table(runs, 0.95).table["series"]) == {SAME_PRICE, SAME_PRIOR}
    assert set(smallest_width_table(runs.iloc[:0], 0.95, searched()).table["series"]) == {TRUE, RANDOM}
    assert NOTHING in smallest_width_table(runs.iloc[:0], 0.95).caption


def test_verdicts_follow_the_intervals():
    low, high, wide = Estimate(1, 0.9, 1.1, 3), Estimate(2, 1.9, 2.1, 3), Estimate(2, 1, 3, 3)
    unknown = Estimate(1, np.nan, np.nan, 2)
    assert [below(low, high), below(high, low), below(low, wide), below(unknown, low)] == [YES, NO, UNDECIDED, TOO_FEW]
    few = pd.Series({300: 0.5, 1000: 0.0})
    assert [slower(low, high, few), slower(high, low, few), slower(unknown, high, few)] == [YES, NO, TOO_FEW]
    assert slower(low, high, few + 0.1) == UNDECIDED  # most networks collapsed at 300 images
    near = Estimate(1.25, 1.2, 1.3, 3)
    assert below(low, near) == YES
    assert slower(low, near, few) == UNDECIDED  # less than LEAST_DIFFERENCE apart
    wrong, none, some = Estimate(0.5, 0.4, 0.6, 3), Estimate(0, 0, 0, 3), Estimate(0.1, -0.1, 0.3, 3)
    assert fewer(low, wrong, high) == YES
    assert fewer(low, none, high) == NO  # every label fits
    assert fewer(low, some, high) == UNDECIDED
    assert fewer(high, wrong, low) == NO
    assert fewer(low, none, unknown) == NO  # no image is wrong, whatever is known of the width
    assert fewer(low, unknown, high) == fewer(unknown, wrong, high) == TOO_FEW


def test_the_figure_has_a_line_per_series_and_the_extrapolated_width(tmp_path):
    folder = study(tmp_path)
    searched().to_parquet(folder / "smallest_width.parquet")
    figure = smallest_width(read_collected(folder), 0.95)
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert {TRUE, RANDOM, SAME_PRICE, SAME_PRIOR, "the same, extrapolated", "counting floor"} == set(labels)
    plt.close(figure)
    collected = read_collected(folder)
    dearest = collected.runs["strength"].eq("c_n100")
    for most in (False, True):
        some = collected.runs["replicate"] < 1 + most
        collected.runs["status"] = collected.runs["status"].mask(some & dearest, "collapsed")
        figure = smallest_width(collected, 0.95)
        assert ("most networks collapsed" in figure.axes[0].get_legend_handles_labels()[1]) == most
        plt.close(figure)
    assert len(draw_figure("smallest_width", folder, tmp_path / "figures")) == 3
    (folder / "smallest_width.parquet").rename(tmp_path / "kept.parquet.away")
    assert draw_figure("smallest_width", folder, tmp_path / "without")
