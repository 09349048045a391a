"""Which networks tables show: operating points are read, never guessed; what is missing is said."""

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from made_up_study import made_up, store

from robustprune.analysis.comparison import main_comparison, ranking
from robustprune.analysis.costs import inference_cost, training_cost
from robustprune.analysis.floors import floors
from robustprune.analysis.read import NETWORK, read_detailed_runs
from robustprune.analysis.robustness import robustness
from robustprune.analysis.select import of_one_budget, rule_of_strengths, standard, studied
from robustprune.analysis.sensitivity import sensitivity_seed, sensitivity_width
from robustprune.analysis.tables import TABLES, write_tables
from robustprune.analysis.tradeoff import tradeoff
from robustprune.errors import StudyError

STANDARD = {"widths": (1.0,), "initializations": ("he_normal",)}


def read(folder, *parts) -> pd.DataFrame:
    """Runs of several studies of made-up records in one folder."""
    store(folder, [pd.concat(tables) for tables in zip(*parts, strict=True)])
    return read_detailed_runs(folder)


def part(strength, operating_point, method="vib", **axes):
    tables = [table.assign(strength=strength) for table in made_up(methods=(method,), **axes)]
    tables[1]["operating_point"] = operating_point
    return tables


def test_tables_show_the_operating_point_though_another_strength_ran_from_more_starts(tmp_path):
    """A10: `a` from two starts was asked for as the operating point, `other` from three was not."""
    named = part("a", True, widths=(1.0, 2.0), initializations=("he_normal",))
    other = part("other", False, widths=(0.5, 1.0, 2.0), initializations=("he_normal",))
    runs = read(tmp_path, named, other, part("dense", False, "dense", **STANDARD))
    assert set(studied(runs)["strength"]) == {"a", "dense"}
    for table in (main_comparison, sensitivity_width, sensitivity_seed, ranking):
        assert "other" not in set(table(runs, 0.95).table["strength"])
    assert "Methods at their operating points." in main_comparison(runs, 0.95).caption


def test_a_study_that_names_no_operating_points_shows_every_strength(tmp_path):
    runs = read(tmp_path, part("a", False), part("b", False, **STANDARD))
    assert set(studied(runs)["strength"]) == {"a", "b"}
    assert "every strength, as the study names no operating points" in main_comparison(runs, 0.95).caption
    control = runs[runs["strength"] == "b"].assign(method="ticket", start_of="vib/a")
    assert "ticket" not in set(studied(pd.concat([runs, control]))["method"])


def test_the_rule_holds_for_each_network_of_a_study(tmp_path):
    conv = [table.replace({"architecture": {"lenet_300_100": "lenet5"}}) for table in part("c", False, **STANDARD)]
    runs = read(tmp_path, part("a", True, **STANDARD), part("b", False, **STANDARD), conv)
    assert set(studied(runs)["strength"]) == {"a", "c"}
    assert "where the study names none" in rule_of_strengths(runs)


def test_details_of_an_older_version_are_refused(tmp_path):
    store(tmp_path, made_up())
    details = pd.read_csv(tmp_path / "details.csv")
    details.drop(columns=["operating_point", "variant"]).to_csv(tmp_path / "details.csv", index=False)
    with pytest.raises(StudyError, match=r"details.csv: no column operating_point, variant .*robustprune collect"):
        read_detailed_runs(tmp_path)


@pytest.mark.parametrize("table", [main_comparison, ranking, tradeoff, sensitivity_seed, floors])
def test_a_study_without_the_standard_start_has_an_empty_table_that_says_so(tmp_path, table):
    """A11: never every width under the caption of width 1."""
    store(tmp_path, made_up(widths=(0.5, 2.0), initializations=("he_normal",)))
    runs = read_detailed_runs(tmp_path)
    assert standard(runs).empty
    sheet = table(runs, 0.95)
    assert sheet.table.empty
    if table is not floors:
        assert "No network starts from width 1, He normal: LeNet-300-100 on MNIST, track full." in sheet.html()


def test_costs_never_mix_initializations_and_cells_name_theirs(tmp_path):
    store(tmp_path, made_up(widths=(1.0,), initializations=("orthogonal", "xavier_uniform")))
    runs = read_detailed_runs(tmp_path)
    for table in (training_cost, inference_cost):
        assert table(runs, 0.95).table.empty
        assert "No network starts from initialization He normal" in table(runs, 0.95).caption
    cells = robustness("robustness_width", runs, 0.95)
    assert set(cells.sections[0][1]["initialization"]) == {"orthogonal", "xavier_uniform"}
    assert "cells of every start, as there are none of initialization He normal" in cells.caption


def test_a_network_that_lacks_the_standard_start_is_named(tmp_path):
    conv = [table.replace({"architecture": {"lenet_300_100": "lenet5"}}) for table in part("c", False, widths=(2.0,))]
    runs = read(tmp_path, part("a", True, **STANDARD), conv)
    assert "width 1, He normal: LeNet-5 on MNIST, track full." in main_comparison(runs, 0.95).caption


def test_no_study_stops_all_tables(tmp_path, monkeypatch, capsys):
    store(tmp_path, made_up(widths=(0.5, 2.0)))
    written = write_tables(tmp_path, tmp_path / "tables")
    assert len(written) == 4 * len(TABLES)
    assert "could not be made" not in "".join(path.read_text() for path in written)

    def broken(runs, confidence):
        raise KeyError("params")

    monkeypatch.setitem(TABLES, "ranking", broken)
    assert len(write_tables(tmp_path, tmp_path / "tables")) == 4 * len(TABLES)
    assert "could not be made: KeyError" in (tmp_path / "tables" / "ranking.html").read_text()
    assert "table ranking" in capsys.readouterr().err


def test_networks_that_diverged_have_no_numbers_whatever_their_record_says(tmp_path):
    """A9: params of a diverged network stood in the means of a row whose n was 0."""
    runs, *rest = made_up(methods=("vib",), **STANDARD)
    runs["status"] = ["diverged", "ok", "ok"]
    runs.loc[0, ["params_kept", "error_test_percent"]] = [133_110, np.nan]
    store(tmp_path, (runs, *rest))
    row = main_comparison(read_detailed_runs(tmp_path), 0.95).table.iloc[0]
    assert (row.params, row.params_n, row.error_n, row.n, row.not_ok) == (1001.5, 2, 2, 2, 1)
    runs["status"] = "diverged"
    store(tmp_path, (runs, *rest))
    sheet = main_comparison(read_detailed_runs(tmp_path), 0.95)
    shown = sheet.sections[0][1].iloc[0]
    assert (shown["params"], shown["test error (%)"], shown["n"], shown["not ok"]) == ("-", "-", "0", "3")


def test_shipped_tables_say_what_was_asked():
    runs = read_detailed_runs(REPOSITORY / "results" / "reference")
    itself = runs[runs["operating_point"] & (runs["variant"] == "")]
    at_size = itself["point"].str.endswith("at_size")
    points = itself[at_size].groupby(["architecture", "method", "budget"])["strength"].unique()
    assert points["lenet_300_100", "bernoulli", "epochs"].tolist() == ["c_3p19e_4"]
    assert all(len(strengths) == 1 for strengths in points)
    assert set(runs.loc[~runs["operating_point"], "method"]) == {"dense"}
    searched = itself["dataset"] == "mnist"  # Fashion-MNIST has the strengths of MNIST, and sizes of its own
    assert set(itself.loc[at_size & searched, "target_params"]) == {26_000}
    assert itself.loc[~searched, "target_params"].isna().all()
    assert set(itself.loc[~at_size, "target_above_dense"]) == {0.2}
    assert itself.loc[~at_size, "target_params"].isna().all()
    search = read_detailed_runs(REPOSITORY / "results" / "reference" / "search")
    assert not search["operating_point"].any()


def test_of_several_operating_points_those_at_equal_size_are_studied():
    runs = pd.DataFrame(
        [
            ("bernoulli", "c_1", "c_at_size", "epochs"),
            ("bernoulli", "c_2", "c_at_error", "epochs"),
            ("vib", "k_1", "at_size", "macs"),
            ("vib", "k_2", "at_size_60k", "epochs"),
            ("vib", "typed", None, "epochs"),
            ("bernoulli", "c_sgd_1", "c_sgd_at_size", "epochs"),
            ("dense", "dense", None, "epochs"),
        ],
        columns=["method", "strength", "point", "budget"],
    )
    runs[["dataset", "architecture", "track", "start_of"]] = ["mnist", "lenet5", "full", None]
    runs["operating_point"] = runs["point"].notna()
    runs["variant"] = runs["strength"].map({"c_sgd_1": "sgd"}).fillna("")
    assert studied(runs)["strength"].tolist() == ["c_1", "k_1", "dense"]
    assert studied(runs, variants=True)["strength"].tolist() == ["c_1", "k_1", "c_sgd_1", "dense"]
    assert studied(of_one_budget(runs))["strength"].tolist() == ["c_1", "dense"]
    others = runs[~runs["strength"].isin(["c_1", "k_1"])]
    assert studied(others)["strength"].tolist() == ["c_2", "k_2", "dense"], "no point at equal size: all points"
    older = runs.drop(columns="point")
    assert studied(older)["strength"].tolist() == ["c_1", "c_2", "k_1", "k_2", "dense"]


def test_networks_of_equal_epochs_are_shown_where_there_are_any():
    runs = pd.DataFrame({"budget": ["macs", None, "epochs"]}).assign(**dict.fromkeys(NETWORK, "a"))
    assert of_one_budget(runs).index.tolist() == [1, 2]
    assert of_one_budget(runs[:1]).index.tolist() == [0]


def test_points_of_one_budget_leave_the_other_its_strengths(tmp_path):
    """At equal MACs the study names no point: its networks stay, beside the points at equal epochs."""
    named, other = part("a", True, **STANDARD), part("b", False, **STANDARD)
    runs = read(tmp_path, named, other, [table.assign(budget="macs") for table in part("b", False, **STANDARD)])
    found = studied(runs)
    assert set(zip(found["strength"], found["budget"], strict=True)) == {("a", "epochs"), ("b", "macs")}


def test_a_network_that_only_ran_at_equal_macs_stays_in_the_tables(tmp_path):
    runs = read(tmp_path, part("a", False, **STANDARD))
    other = runs.assign(budget="macs", dataset="fashion_mnist")
    both = of_one_budget(pd.concat([runs, runs.assign(budget="macs"), other], ignore_index=True))
    assert set(zip(both["dataset"], both["budget"], strict=True)) == {("mnist", "epochs"), ("fashion_mnist", "macs")}
