"""Tables of several runs joined into one study's."""

from pathlib import Path

import pandas as pd
import pytest
from made_up_study import stored

from robustprune.analysis.read import read_detailed_runs
from robustprune.errors import StudyError
from robustprune.gathering import merging
from robustprune.gathering.merging import merge
from robustprune.records.digests import TABLES_NAME, write_table_digests


@pytest.fixture(autouse=True)
def _made_up_sizes(monkeypatch):
    """The made-up study has sizes that do not follow from its units."""
    monkeypatch.setattr(merging, "check_sizes", lambda runs, path: None)


def key(method):
    return f"mnist/lenet_300_100-full/{method}/a/he_normal/width-1"


def test_cells_add_up_and_later_ones_win(tmp_path):
    first = stored(tmp_path / "first", ("bernoulli", "dense"), missing=[key("vib"), key("sbp"), key("renamed_since")])
    second = stored(tmp_path / "second", ("dense", "vib"), missing=[key("bernoulli"), key("sbp")], error=1.0)
    merge([first, second], tmp_path / "both")
    runs = pd.read_csv(tmp_path / "both" / "runs.csv")
    assert runs.groupby("method").size().to_dict() == {"bernoulli": 3, "dense": 3, "vib": 3}
    assert runs.groupby("method")["error_test_percent"].mean().to_dict() == pytest.approx(
        {"bernoulli": 1.6, "dense": 2.6, "vib": 2.6}
    )
    history = pd.read_parquet(tmp_path / "both" / "history.parquet")
    assert history.groupby("method").size().to_dict() == {"bernoulli": 6, "dense": 6, "vib": 6}
    assert list(pd.read_csv(tmp_path / "both" / "missing.csv")["cell"]) == [key("sbp"), key("renamed_since")]


def test_cells_come_in_the_order_of_the_study_whatever_run_had_them(tmp_path):
    first = stored(tmp_path / "first", ("bernoulli", "taylor", "vib"))
    second = stored(tmp_path / "second", ("magnitude", "taylor"))
    merge([first, second], tmp_path / "both", [key("taylor"), key("dense"), key("magnitude"), key("bernoulli")])
    for name in ("runs.csv", "details.csv"):
        methods = pd.read_csv(tmp_path / "both" / name)["method"]
        assert list(dict.fromkeys(methods)) == ["taylor", "magnitude", "bernoulli", "vib"]
    replicates = pd.read_csv(tmp_path / "both" / "runs.csv")["replicate"]
    assert list(replicates) == [0, 1, 2] * 4


def test_merging_into_one_of_the_folders_and_again_changes_nothing(tmp_path):
    first, second = stored(tmp_path / "first", ("bernoulli",)), stored(tmp_path / "second", ("dense",))
    merge([first, second], first)
    once = {path.name: path.read_bytes() for path in first.iterdir()}
    merge([first, second], first)
    assert {path.name: path.read_bytes() for path in first.iterdir()} == once


class Killed(BaseException):
    """Ends a call where it stands."""


@pytest.mark.parametrize("number", range(7))
def test_a_folder_that_a_killed_merge_has_replaced_in_part_is_refused(tmp_path, monkeypatch, number):
    """Also one without digests, and where both folders hold the same networks with other numbers."""
    first, second = stored(tmp_path / "first", ("bernoulli",)), stored(tmp_path / "second", ("bernoulli",), error=1.0)
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    replace, replaced = Path.replace, []

    def killed(path, target):
        if target.parent == first and len(replaced) == number:
            raise Killed
        replace(path, target)
        replaced.extend([target.name] if target.parent == first else [])

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            merge([first, second], first)
    if not replaced:
        assert {path.name: path.read_bytes() for path in first.iterdir()} == before
        return
    for read in (read_detailed_runs, lambda folder: merge([folder], tmp_path / "other")):
        with pytest.raises(StudyError, match=r"runs.csv: damaged or of another run"):
            read(first)


def test_a_control_whose_source_was_replaced_is_left_out(tmp_path):
    """The second folder has bernoulli trained anew, other networks than those whose sizes the ticket has."""
    first, second = stored(tmp_path / "first", ("bernoulli", "ticket")), stored(tmp_path / "second", ("bernoulli",))
    details = pd.read_csv(first / "details.csv")
    details["start_of"] = ["bernoulli/a" if method == "ticket" else None for method in details["method"]]
    details.to_csv(first / "details.csv", index=False)
    merge([first, second], tmp_path / "same")  # the same networks again: nothing is lost
    assert set(pd.read_csv(tmp_path / "same" / "runs.csv")["method"]) == {"bernoulli", "ticket"}
    runs = pd.read_csv(second / "runs.csv")
    runs["params_kept"] += 5
    runs.to_csv(second / "runs.csv", index=False)
    lines = merge([first, second], tmp_path / "both")
    assert set(pd.read_csv(tmp_path / "both" / "runs.csv")["method"]) == {"bernoulli"}
    assert set(pd.read_csv(tmp_path / "both" / "details.csv")["method"]) == {"bernoulli"}
    missing = pd.read_csv(tmp_path / "both" / "missing.csv")
    assert missing["cell"].tolist() == [key("ticket")]
    assert "its source was replaced" in missing["reason"].iloc[0]
    assert any("ticket" in line and "left out" in line for line in lines)


def test_names_of_strengths_stay_text(tmp_path):
    """NA and 1e3 are legal strengths; they became missing and a number."""
    first = stored(tmp_path / "first", ("bernoulli", "dense"))
    for name in ("runs.csv", "details.csv"):
        table = pd.read_csv(first / name)
        table["strength"] = ["NA" if method == "bernoulli" else "1e3" for method in table["method"]]
        table.to_csv(first / name, index=False)
    for name in ("history.parquet", "gates.parquet"):
        table = pd.read_parquet(first / name)
        table["strength"] = ["NA" if method == "bernoulli" else "1e3" for method in table["method"]]
        table.to_parquet(first / name)
    merge([first, first], tmp_path / "both")
    runs = read_detailed_runs(tmp_path / "both")
    assert runs.groupby("method")["strength"].unique().map(list).to_dict() == {"bernoulli": ["NA"], "dense": ["1e3"]}


def test_a_missing_table_is_named_and_nothing_is_written(tmp_path):
    first, second = stored(tmp_path / "first", ("bernoulli",)), stored(tmp_path / "second", ("dense",))
    (second / "gates.parquet").unlink()
    with pytest.raises(StudyError, match=r"second/gates.parquet: no such file"):
        merge([first, second], tmp_path / "both")
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("name", ["history.parquet", "missing.csv"])
def test_a_damaged_table_is_named_before_it_gets_a_new_digest(tmp_path, name):
    first, second = stored(tmp_path / "first", ("bernoulli",)), stored(tmp_path / "second", ("dense",))
    for folder in (first, second):
        write_table_digests(folder, sorted(path.name for path in folder.iterdir() if path.name != TABLES_NAME))
    merge([first, second], tmp_path / "both")
    table = pd.read_csv(second / name) if name.endswith("csv") else pd.read_parquet(second / name)
    changed = pd.concat([table, table.tail(1)]) if len(table) else pd.DataFrame({"cell": ["a"], "reason": ["b"]})
    changed.to_csv(second / name, index=False) if name.endswith("csv") else changed.to_parquet(second / name)
    with pytest.raises(StudyError, match=f"second/{name}: damaged or of another run"):
        merge([first, second], tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_cell_that_failed_later_does_not_replace_a_trained_one(tmp_path):
    """Whichever folder comes last; where it failed in both it stands once, and is named as missing."""
    first = stored(tmp_path / "first", ("bernoulli", "vib"))
    second = stored(tmp_path / "second", ("bernoulli", "vib"), missing=[key("bernoulli"), key("vib")], error=1.0)
    for folder, methods in ((first, ["vib"]), (second, ["bernoulli", "vib"])):
        for name in ("runs.csv", "details.csv"):
            table = pd.read_csv(folder / name)
            table.loc[table["method"].isin(methods), "status"] = "failed"
            table.to_csv(folder / name, index=False)
    for number, folders in enumerate(([first, second], [second, first])):
        merge(folders, tmp_path / f"both{number}")
        runs = pd.read_csv(tmp_path / f"both{number}" / "runs.csv")
        assert runs.groupby("method").size().to_dict() == {"bernoulli": 3, "vib": 3}
        own = runs[runs["method"] == "bernoulli"]
        assert set(own["status"]) == {"ok"}
        assert own["error_test_percent"].mean() == pytest.approx(1.6)
    assert list(pd.read_csv(tmp_path / "both0" / "missing.csv")["cell"]) == [key("vib")]
