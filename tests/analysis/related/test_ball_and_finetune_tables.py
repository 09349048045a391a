"""Tables of balls, from runs on digits to the verdicts, by the commands that the rules run; verdicts by hand."""

import numpy as np
import pandas as pd
import pytest
import yaml

from robustprune.analysis.related.ball import ABOVE, BELOW, BETWEEN, beside, expected, together
from robustprune.analysis.related.finetune import above_zero, finetune, helps
from robustprune.analysis.statistics import Estimate
from robustprune.analysis.verdicts.decision import ANSWERS, NO, NOT_APPLICABLE, TOO_FEW, UNDECIDED, YES, all_yes
from robustprune.cli import main
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study

METHOD = {"price": 1e-3, "drift": 0.02, "ball": {"norm": "free"}}
STUDY = {
    "results": "runs",
    "related": True,
    "training": {"epochs": 3, "batch_size": 64},
    "strengths": {
        "dense": {"dense": {}},
        "bernoulli": {
            "free": METHOD,
            "nudged": METHOD | {"drift": 0.02002},
            "tight": METHOD | {"ball": {"norm": "mars", "radius": 0.001}},
            "loose": METHOD | {"ball": {"norm": "mars", "radius": 10.0}},
        },
        "finetune": {
            "pruned_free": {"of": "bernoulli/free"},
            "pruned_mars_1_8": {"of": "bernoulli/free", "ball": {"norm": "mars", "radius": 0.125}},
            "pruned_mars_1_16": {"of": "bernoulli/free", "ball": {"norm": "mars", "radius": 0.0625}},
            "dense_free": {"of": "dense/dense"},
            "dense_mars_1_16": {"of": "dense/dense", "ball": {"norm": "mars", "radius": 0.0625}},
        },
    },
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"bernoulli": ["free", "nudged", "tight", "loose"], "dense": ["dense"]},
            "widths": [1],
            "replicates": 3,
        },
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {
                "finetune": ["pruned_free", "pruned_mars_1_8", "pruned_mars_1_16", "dense_free", "dense_mars_1_16"]
            },
            "variants": {
                "n50": {"training": {"examples": 50, "epochs": 2, "batch_size": 10}},
                "n200": {"training": {"examples": 200, "epochs": 1, "batch_size": 10}},
            },
            "replicates": 3,
        },
    ],
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables of a finished study: name -> numbers, and the root."""
    folder = tmp_path_factory.mktemp("balls")
    root, config = folder / "results", folder / "study.yaml"
    config.write_text(yaml.safe_dump(STUDY | {"root": str(root), "data": {"directory": str(folder / "data")}}))
    assert main(["prepare", "digits", "--directory", str(folder / "data")]) == 0
    for key in sorted(study_cells(load_study(config)), key=lambda key: "finetune" in key):
        assert main(["train", "--config", str(config), "--cell", key]) == 0
    assert main(["collect", "--config", str(config)]) == 0
    assert main(["related", "--config", str(config)]) == 0
    names = ["ball", "finetune", "imbalance", "tradeoff"]
    assert main(["tables", "--source", str(root), "--output", str(folder / "tables"), "--names", *names]) == 0
    return {name: pd.read_csv(folder / "tables" / f"{name}.csv") for name in names}, root, folder / "tables"


def test_every_table_is_made(tables):
    assert all(len(table) and "failed" not in table for table in tables[0].values())
    moved = pd.read_parquet(tables[1] / "moved.parquet")
    assert set(moved["method"]) == {"bernoulli", "finetune"}
    assert set(moved[moved["state"] == "left"]["strength"]) <= {"free", "nudged", "tight", "loose"}
    assert "finetune" not in set(tables[0]["imbalance"]["method"])


def test_a_tight_ball_binds_and_a_loose_one_changes_nothing(tables):
    table = tables[0]["ball"].set_index(["run", "slot"])
    assert table.loc[("mars 0.001", "fc1"), "boundary"] > 90
    assert table.loc[("mars 10", "fc1"), "boundary"] == 0
    # never outside: the same run as the free one, bit by bit
    for name in ("error", "units"):
        assert table.loc[("mars 10", "all"), name] == table.loc[("free", "all"), name]
    assert table.loc[("mars 10", "fc2"), "jaccard"] == 1
    assert (table.loc[("mars 0.001", "all"), "beside_median"], table.loc[("mars 10", "all"), "beside_median"]) == (
        BELOW,
        ABOVE,
    )
    assert table.loc[("mars 10", "all"), "changed"] == NO
    assert table.loc[("mars 10", "all"), "as_expected"] == YES
    assert table.loc[("all", "all"), "as_expected"] in ANSWERS
    moved = table["moved_kept"]
    assert 0 < moved["mars 0.001", "fc1"] < moved["free", "fc1"]


def test_rows_of_fine_tuning(tables):
    table = tables[0]["finetune"]
    cells = table[table["error"].notna()]
    assert len(cells) == 10
    assert cells["images"].tolist() == ["50"] * 5 + ["200"] * 5
    assert cells[cells["norm"] == "free"]["gain"].isna().all()
    bound = cells[cells["radius"] == 0.0625]
    free = cells[cells["norm"] == "free"].set_index(["source", "images"])
    for row in bound.itertuples():
        assert row.gain == pytest.approx(free.loc[(row.source, row.images), "error"] - row.error, abs=1e-7)
        assert row.share <= 0.0625 * 1.01
    judged = table[table["contrast"].notna()]
    assert judged["helps_few"].notna().sum() == 1
    assert judged["needs_more"].notna().sum() == 2
    assert set(judged["images"]) == {"50 - 200", "50", "200"}


def test_contrasts_are_paired_by_network(tables):
    from robustprune.analysis.read import read_detailed_runs

    runs = read_detailed_runs(tables[1])
    own = runs[runs["method"] == "finetune"]
    errors = {key: cell.set_index("replicate")["error_test_percent"] for key, cell in own.groupby("strength")}
    few = errors["pruned_free_n50"] - errors["pruned_mars_1_8_n50"]
    most = errors["pruned_free_n200"] - errors["pruned_mars_1_8_n200"]
    found = finetune(runs, 0.95).table
    row = found[found["helps_few"].notna()].iloc[0]
    assert row["contrast"] == pytest.approx(float((few - most).mean()))
    pruned = errors["pruned_mars_1_16_n50"] - errors["pruned_free_n50"]
    dense = errors["dense_mars_1_16_n50"] - errors["dense_free_n50"]
    row = found[found["needs_more"].notna() & (found["images"] == "50")].iloc[0]
    assert row["contrast"] == pytest.approx(float((pruned - dense).mean()))


def test_verdicts_of_fine_tuning():
    above, below, wide, unknown = (
        Estimate(1, 0.5, 1.5, 5),
        Estimate(-1, -1.5, -0.5, 5),
        Estimate(0, -1, 1, 5),
        Estimate(1, np.nan, np.nan, 2),
    )
    assert [above_zero(one) for one in (above, below, wide, unknown)] == [YES, NO, UNDECIDED, TOO_FEW]
    assert helps(above, above) == YES
    assert helps(above, below) == helps(below, above) == NO
    assert helps(above, wide) == UNDECIDED
    assert helps(unknown, wide) == TOO_FEW


def test_verdicts_of_balls():
    assert [beside(radius, [0.3, 0.6]) for radius in (0.2, 0.4, 0.7)] == [BELOW, BETWEEN, ABOVE]
    assert beside(0.5, [np.nan, 0.6]) == BETWEEN
    assert together([NO, YES, TOO_FEW]) == YES
    assert together([NO, UNDECIDED]) == UNDECIDED
    assert together([NO, NO]) == NO
    assert [expected(BELOW, YES), expected(ABOVE, NO), expected(BELOW, NO), expected(ABOVE, YES)] == [YES, YES, NO, NO]
    assert expected(BETWEEN, YES) == NOT_APPLICABLE
    assert expected(BELOW, UNDECIDED) == UNDECIDED
    assert all_yes([NOT_APPLICABLE, YES]) == YES
    assert all_yes([YES, NO, UNDECIDED]) == NO
    assert all_yes([NOT_APPLICABLE]) == NOT_APPLICABLE
