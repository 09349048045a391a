"""Units, layers or both, and the hypotheses on sections, from made-up networks with known answers."""

import numpy as np
import pandas as pd
import pytest
from made_up_depths import losses, networks, stored
from scipy import stats

from robustprune.analysis.layers.hypotheses import (
    FAILED,
    HELD,
    HYPOTHESES,
    NOT_RUN,
    UNDECIDED,
    Part,
    hypothesis_rows,
    outcome,
)
from robustprune.analysis.layers.hypotheses import layers_hypotheses as sheet_of
from robustprune.analysis.layers.joint import joint, joint_rows
from robustprune.analysis.layers.latency import correlations
from robustprune.analysis.tables import write_tables

LOST = {"status": "failed", "units_kept": None, "params_kept": None, "error_test_percent": None}
DENSE = {"method": "dense", "strength": "dense", "settings": {}, "error_valid_percent": [1.9, 2.0, 2.1]}


def cost(nu, r):
    return {"cost": "complexity", "nu": nu, "r": r, "reference": "standard"}


def a_joint_study(*, joint_macs=(40000, 41000, 42000), errors=(2.0, 2.1, 2.2)):
    """Depth 4: units alone, layers alone, and both at r = 0 and 0.5; dense errs 2.0 % on validation images."""
    both = {"track": "joint", "error_valid_percent": 2.1}
    return pd.concat(
        [
            networks(4, [4, 4, 4], **DENSE),
            networks(4, [4, 4, 4], track="full", strength="units", settings=cost(0.2, 0), inner=30).assign(
                error_valid_percent=2.0, macs_kept=[50000, 51000, 52000]
            ),
            networks(4, [1, 1, 1], track="layers", strength="layers", error_valid_percent=2.2),
            networks(4, [0, 0, 0], track="layers", strength="none", error_valid_percent=3.0),
            networks(4, [3, 3, 3], strength="thin", settings=cost(0.2, 0), inner=20, **both).assign(
                macs_kept=list(joint_macs), error_test_percent=list(errors)
            ),
            networks(4, [1, 1, 1], strength="wide", settings=cost(0.2, 0.5), inner=50, **both).assign(
                macs_kept=[45000, 46000, 47000], error_test_percent=[2.0, 2.1, 2.2]
            ),
        ],
        ignore_index=True,
    )


def test_the_fewest_macs_within_the_bound_are_chosen():
    cells = a_joint_study()
    table = joint_rows(cells, 0.95).set_index("strength")
    assert list(table.index) == ["units", "none", "layers", "thin", "wide"]  # by track, then MACs
    assert table["bound"].unique() == pytest.approx([2.2])
    assert table["within"].to_dict() == {"units": True, "none": False, "layers": True, "thin": True, "wide": True}
    assert table.index[table["chosen"]].tolist() == ["units", "layers", "thin"]
    row = table.loc["wide"]
    assert (row.nu, row.r, row.kept, row.kept_mean, row.inner_width, row.n) == (0.2, 0.5, "1 (3)", 1, 50, 3)
    assert (row.macs, row.train_macs_percent, row.latency_ms) == (46000, 50, pytest.approx(0.15))
    assert table.loc["layers", "params"] == 99610
    assert np.isnan(table.loc["none", "inner_width"])
    page = joint(cells, 0.95).html()
    assert "residual MLP on MNIST, starting depth 4" in page
    assert "<strong>layers</strong>" in page


def test_a_strength_with_a_failed_network_is_not_chosen():
    cells = a_joint_study()
    cells.loc[(cells["strength"] == "thin") & (cells["replicate"] == 0), "status"] = "collapsed"
    table = joint_rows(cells, 0.95).set_index("strength")
    assert table.index[table["chosen"]].tolist() == ["units", "layers", "wide"]
    assert table.loc["thin", "not_ok"] == 1


def test_without_validation_images_nothing_is_chosen():
    cells = a_joint_study().assign(error_valid_percent=None)
    table = joint_rows(cells, 0.95)
    assert len(table) == 5
    assert not table["chosen"].any()
    assert "nothing is chosen" in joint(cells, 0.95).caption
    assert joint_rows(networks(4, [1, 1, 1]), 0.95).empty  # no track joint, no table


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], NOT_RUN),
        (["yes", "yes"], HELD),
        (["yes", "no", "undecided"], FAILED),
        (["yes", "cannot be decided at this n"], UNDECIDED),
        (["yes", "undecided"], UNDECIDED),
    ],
)
def test_an_outcome_needs_every_part(answers, expected):
    assert outcome([Part(answer, "") for answer in answers]) == expected


def judged(cells, name):
    history = losses(cells) if "train_loss" in cells else None
    rows = hypothesis_rows(cells, history)
    assert list(rows["hypothesis"]) == list(HYPOTHESES)
    row = rows.set_index("hypothesis").loc[name]
    return row.outcome, row.evidence


def depths(kept, **more):
    return [networks(depth, counts, **more) for depth, counts in kept.items()]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({1: [1] * 3, 2: [1] * 3, 4: [1] * 3, 8: [1] * 3}, HELD),
        ({1: [1] * 3, 2: [2] * 3, 4: [4] * 3, 8: [4] * 3}, FAILED),
        ({1: [1] * 2, 4: [1] * 2}, UNDECIDED),
        ({4: [1] * 3}, NOT_RUN),
    ],
)
def test_h1_is_the_equivalence_over_starting_depths(kept, expected):
    found, evidence = judged(pd.concat(depths(kept)), "H1")
    assert found == expected
    if expected == FAILED:
        assert evidence == "c3e_2: -3.00 sections at depth 1, he_normal: no"


def test_h2_is_the_equivalence_over_initializations():
    cells = [networks(4, [1] * 5), networks(4, [1, 1, 1, 2, 1], initialization="orthogonal")]
    assert judged(pd.concat(cells), "H2")[0] == HELD
    far = networks(4, [4] * 5, initialization="orthogonal")
    assert judged(pd.concat([cells[0], far]), "H2")[0] == FAILED


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({4: [1] * 3, 8: [1] * 3}, HELD),
        ({4: [4] * 3, 8: [1] * 3}, FAILED),
        ({4: [1, 2, 3], 8: [1] * 3}, UNDECIDED),
        ({0: [0] * 3}, NOT_RUN),
    ],
)
def test_h1b_compares_with_the_price_optimal_depth(kept, expected):
    known = {0: 0.07, 1: 0.03, 2: 0.015}
    cells = [networks(d, [d] * 3, **DENSE | {"train_loss": [loss] * 3}) for d, loss in known.items()]
    cells += [own.assign(train_loss=0.5) for own in depths(kept)]
    assert judged(pd.concat(cells, ignore_index=True), "H1b")[0] == expected


def test_h1b_counts_the_failed_networks_of_its_own_start_only():
    known = {0: 0.07, 1: 0.03, 2: 0.015}
    start = {"initialization": "orthogonal"}
    cells = [networks(d, [d] * 3, **DENSE | {"train_loss": [loss] * 3}) for d, loss in known.items()]
    cells += [networks(d, [d] * 3, **DENSE | start | {"train_loss": [loss] * 3}) for d, loss in known.items()]
    own = [networks(4, [1] * 5, **{"train_loss": 0.5, **more}) for more in ({}, start)]
    own[1].loc[own[1]["replicate"] == 1, list(LOST)] = [*LOST.values()]
    found, evidence = judged(pd.concat([*cells, *own], ignore_index=True), "H1b")
    assert found == UNDECIDED
    assert "depth 4, he_normal: 1.00 kept, 1 asked for: yes" in evidence
    assert "depth 4, orthogonal: 1.00 kept, 1 asked for: undecided" in evidence


def test_a_no_of_h1b_is_judged_at_the_level_of_all_its_comparisons():
    known = {0: 0.07, 1: 0.06, 2: 0.055}
    cells = [networks(d, [d] * 3, **DENSE | {"train_loss": [loss] * 3}) for d, loss in known.items()]
    cells += [networks(d, [2, 2, 3], train_loss=0.5) for d in (4, 8, 16)]
    found, evidence = judged(pd.concat(cells, ignore_index=True), "H1b")
    assert found == UNDECIDED  # alone, the interval of each lies outside the margin
    assert evidence.count("2.33 kept, 0 asked for: undecided") == 3


def test_a_start_without_an_interval_of_its_optimum_cannot_be_decided():
    known = {0: 0.03, 1: 0.03}
    cells = [networks(d, [d] * 2, **DENSE | {"train_loss": [loss] * 2}) for d, loss in known.items()]
    found, evidence = judged(pd.concat([*cells, networks(4, [0] * 3, train_loss=0.5)], ignore_index=True), "H1b")
    assert (found, evidence) == (
        UNDECIDED,
        "c3e_2, depth 4, he_normal: 0.00 kept, 0 asked for: cannot be decided at this n",
    )


def test_h5_is_not_held_where_networks_failed():
    cells = a_joint_study(errors=(2.1, 2.1, 2.1)).reset_index(drop=True)
    cells.loc[cells["strength"] == "wide", "error_test_percent"] = 2.1
    wide = cells[cells["strength"] == "wide"]
    cells = pd.concat([cells, wide.assign(replicate=wide["replicate"] + 3)], ignore_index=True)
    assert judged(cells, "H5")[0] == HELD
    cells.loc[(cells["strength"] == "wide") & (cells["replicate"] == 5), list(LOST)] = [*LOST.values()]
    assert judged(cells, "H5")[0] == UNDECIDED


@pytest.mark.parametrize(
    ("errors", "expected"),
    [([2.0, 2.1, 2.2], HELD), ([2.3, 2.4, 2.51], FAILED), ([1.8, 2.1, 2.6], UNDECIDED)],
)
def test_h3_compares_with_training_from_scratch_by_seed(errors, expected):
    pruned = networks(4, [1] * 3, error_test_percent=errors)
    scratch = networks(4, [1] * 3, method="scratch_e", start_of="bernoulli/c3e_2", settings={"of": "bernoulli/c3e_2"})
    scratch["error_test_percent"] = [2.0, 2.1, 2.2]
    found, evidence = judged(pd.concat([pruned, scratch.iloc[::-1]]), "H3")
    assert found == expected
    assert evidence.startswith(f"c3e_2, depth 4, he_normal: {np.mean(errors) - 2.1:+.2f} points")


def test_h3_pairs_no_networks_of_other_seeds():
    scratch = networks(4, [1] * 3, method="scratch_e", start_of="bernoulli/c3e_2", settings={"of": "bernoulli/c3e_2"})
    found, _ = judged(pd.concat([networks(4, [1] * 3), scratch.assign(seed=scratch["seed"] + 50)]), "H3")
    assert found == UNDECIDED


@pytest.mark.parametrize(
    ("macs", "expected"),
    [((40000, 41000, 42000), HELD), ((60000, 61000, 62000), FAILED), ((30000, 50000, 99000), UNDECIDED)],
)
def test_h4_compares_macs_with_units_alone_and_layers_alone(macs, expected):
    """Layers alone has 99,400 MACs, units alone 50,000 to 52,000; `wide` must not be chosen in place of `thin`."""
    cells = a_joint_study(joint_macs=macs)
    cells = cells[cells["strength"] != "wide"]
    found, evidence = judged(cells, "H4")
    assert found == expected
    assert "against full" in evidence
    assert "against layers" in evidence


def test_h4_is_undecided_where_a_kind_of_pruning_misses_the_bound():
    cells = a_joint_study()
    cells.loc[cells["strength"] == "layers", "error_valid_percent"] = 3.0
    found, evidence = judged(cells, "H4")
    assert found == UNDECIDED
    assert "depth 4: no strength within the bound on track layers: undecided" in evidence
    assert judged(cells[cells["track"] != "joint"], "H4")[0] == NOT_RUN


@pytest.mark.parametrize(
    ("inner", "errors", "expected"),
    [(20, (2.0, 2.1, 2.2), UNDECIDED), (20, (2.1, 2.1, 2.1), HELD), (20, (3.0, 3.1, 3.2), FAILED)],
)
def test_h5_needs_fewer_and_wider_sections_at_the_same_error(inner, errors, expected):
    cells = a_joint_study(errors=errors)
    if errors == (2.1, 2.1, 2.1):
        cells.loc[cells["strength"] == "wide", "error_test_percent"] = 2.1
    found, evidence = judged(cells, "H5")
    assert found == expected
    assert "r 0.5 against 0: -2.00 sections: yes" in evidence
    assert "+30.0 units in a section: yes" in evidence


def test_h5_does_not_hold_where_sections_get_narrower():
    cells = a_joint_study()
    narrow = networks(4, [1] * 3, strength="wide", track="joint", settings=cost(0.2, 0.5), inner=10)
    found, _ = judged(pd.concat([cells[cells["strength"] != "wide"], narrow]), "H5")
    assert found == FAILED


def timed(latencies, inner):
    """Cells of 1 to 5 sections; `inner` units make the MACs, `latencies` the times."""
    return pd.concat(
        [
            networks(8, [d] * 3, strength=f"s{d}", inner=width, inference_ms_kept_batch1=ms)
            for d, width, ms in zip(range(1, 6), inner, latencies, strict=True)
        ]
    )


def test_h6_compares_rank_correlations():
    by_depth = timed([0.1, 0.2, 0.3, 0.4, 0.5], [100, 40, 30, 15, 4])  # MACs fall as depth grows
    assert judged(by_depth, "H6")[0] == HELD
    by_macs = timed([0.5, 0.4, 0.3, 0.2, 0.1], [100, 40, 30, 15, 4])
    assert judged(by_macs, "H6")[0] == FAILED
    alike = timed([0.1, 0.2, 0.3, 0.4, 0.5], [100] * 5)
    assert judged(alike, "H6")[0] == UNDECIDED
    assert judged(alike[alike["strength"].isin(["s1", "s2"])], "H6")[0] == NOT_RUN
    found = correlations(timed([0.1, 0.3, 0.2, 0.4, 0.5], [100, 40, 30, 15, 4]))
    assert found.cells == 5
    assert found.depth == pytest.approx(stats.spearmanr([1, 2, 3, 4, 5], [0.1, 0.3, 0.2, 0.4, 0.5])[0])


def test_tables_are_written_from_one_folder(tmp_path):
    cells = a_joint_study().assign(train_loss=0.1)
    stored(tmp_path, cells, losses(cells))
    write_tables(tmp_path, tmp_path / "tables", names=["joint", "layers_hypotheses"])
    assert pd.read_csv(tmp_path / "tables" / "joint.csv")["chosen"].sum() == 3
    table = pd.read_csv(tmp_path / "tables" / "layers_hypotheses.csv")
    assert table["hypothesis"].tolist() == list(HYPOTHESES)
    assert "B23" in sheet_of(cells, 0.95).caption
