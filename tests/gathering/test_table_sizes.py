"""Sizes of a merged table that do not follow from its units are refused."""

import shutil

import pandas as pd
import pytest
from conftest import REPOSITORY

from robustprune.cli import main
from robustprune.errors import StudyError
from robustprune.gathering.table_sizes import check_sizes
from robustprune.records.tables import checked_runs, read_csv_table

CONTROLS = REPOSITORY / "results" / "reference" / "controls"
WRONG = {
    "one parameter more": ("params_kept", lambda old: old + 1, "column params_kept: expected {}"),
    "other MACs": ("macs_dense", lambda old: 2 * old, "column macs_dense: expected {}"),
    "one layer less": ("units_kept", lambda old: old.rpartition("-")[0], "column units_kept: expected 3 counts, of"),
    "one layer more": (
        "units_kept",
        lambda old: old + "-10",
        "column units_kept: expected 3 counts, of input, fc1, fc2",
    ),
    "no number": ("units_start", lambda old: old + "x", "column units_start: expected 3 counts, of input, fc1, fc2"),
}


@pytest.mark.parametrize("folder", sorted((REPOSITORY / "results" / "reference").rglob("runs.csv")), ids=str)
def test_shipped_tables_pass(folder):
    check_sizes(checked_runs(read_csv_table(folder), folder), folder)


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_size_is_named_with_its_line(kind):
    column, change, expected = WRONG[kind]
    path = CONTROLS / "runs.csv"
    runs = checked_runs(read_csv_table(path), path)
    row = runs.index[len(runs) // 2]
    old = runs.loc[row, column]
    runs.loc[row, column] = change(old)
    with pytest.raises(
        StudyError, match=f"runs.csv: line {row + 2}, {expected.format(f'{old:.0f}' if '{}' in expected else '')}"
    ):
        check_sizes(runs, path)


def test_networks_of_an_unknown_plug_in_are_not_checked():
    path = CONTROLS / "runs.csv"
    runs = checked_runs(read_csv_table(path), path)
    check_sizes(runs.assign(architecture="mine", params_kept=1), path)


def test_merge_refuses_a_table_made_by_hand(tmp_path, capsys):
    """Without digests nothing else notices."""
    folder = tmp_path / "mine"
    shutil.copytree(CONTROLS, folder)
    (folder / "digests.json").unlink()
    runs = pd.read_csv(folder / "runs.csv")
    runs.loc[3, "params_kept"] -= 1000
    runs.to_csv(folder / "runs.csv", index=False)
    assert main(["merge", str(CONTROLS), str(folder), "--output", str(tmp_path / "both")]) == 2
    assert "mine/runs.csv: line 5, column params_kept: expected " in capsys.readouterr().err
    assert not (tmp_path / "both").exists()
