"""missing.csv of merged tables: what any folder lacks and none has, cells and operating points."""

import pandas as pd
import pytest
from made_up_study import stored

from robustprune.errors import StudyError
from robustprune.gathering import merging
from robustprune.gathering.merging import merge

POINT = "mnist/lenet_300_100-full/vib/at_size"


@pytest.fixture(autouse=True)
def _made_up_sizes(monkeypatch):
    """The made-up study has sizes that do not follow from its units."""
    monkeypatch.setattr(merging, "check_sizes", lambda runs, path: None)


def key(method, budget=""):
    return f"mnist/lenet_300_100-full/{method}/a/he_normal/width-1{budget}"


def folder(path, methods, missing=(), **columns):
    """Return a folder of tables whose runs have these values in columns."""
    stored(path, methods, missing)
    for name in ("runs.csv", "details.csv"):
        table = pd.read_csv(path / name)
        table.assign(**{column: value for column, value in columns.items() if column in table}).to_csv(
            path / name, index=False
        )
    return path


def listed(*folders):
    """Return cell -> reason of the merged missing.csv."""
    output = folders[0].parent / "merged"
    merge(folders, output)
    return pd.read_csv(output / "missing.csv").set_index("cell")["reason"].to_dict()


def test_what_an_earlier_folder_lacks_stays_missing(tmp_path):
    """A part a machine: each folder knows the cells of its own part only."""
    core = folder(tmp_path / "core", ("bernoulli",), [key("vib"), key("sbp")])
    lenet5 = folder(tmp_path / "lenet5", ("dense", "vib"), [key("taylor")])
    assert list(listed(core, lenet5)) == [key("sbp"), key("taylor")]
    assert list(listed(lenet5, core)) == [key("taylor"), key("sbp")]


def test_the_reason_is_that_of_the_folder_in_which_the_cell_failed(tmp_path):
    failed = folder(tmp_path / "failed", ("vib",), [key("vib")], status="failed")
    pd.DataFrame([(key("vib"), "no memory")], columns=["cell", "reason"]).to_csv(failed / "missing.csv", index=False)
    other = folder(tmp_path / "other", ("dense",), [key("vib")])
    assert listed(failed, other) == listed(other, failed) == {key("vib"): "no memory"}


@pytest.mark.parametrize("last", [0, 1])
def test_an_operating_point_whose_cells_a_folder_has_is_not_missing(tmp_path, last):
    lacks = folder(tmp_path / "lacks", ("dense",), [POINT, POINT.replace("vib", "sbp")])
    has = folder(tmp_path / "has", ("vib",), operating_point="at_size")
    other = folder(tmp_path / "other", ("taylor",), operating_point="at_size")
    assert list(listed(*((lacks, has), (has, lacks))[last])) == [POINT.replace("vib", "sbp")]
    assert POINT in listed(lacks, other)


def test_failed_cells_of_a_point_are_none(tmp_path):
    lacks = folder(tmp_path / "lacks", ("dense",), [POINT])
    assert POINT in listed(lacks, folder(tmp_path / "has", ("vib",), operating_point="at_size", status="failed"))


def test_a_point_of_another_budget_is_another(tmp_path):
    """missing.csv does not name the budget: it is one at which the folder has cells, but none of the point."""
    of_macs = folder(tmp_path / "of_macs", ("dense",), [POINT], budget="macs")
    at_epochs = folder(tmp_path / "at_epochs", ("vib",), operating_point="at_size")
    at_macs = folder(tmp_path / "at_macs", ("vib",), operating_point="at_size", budget="macs")
    assert POINT in listed(of_macs, at_epochs)
    assert POINT not in listed(of_macs, at_macs)
    partly = folder(tmp_path / "partly", ("vib",), [POINT], operating_point="at_size")
    assert POINT in listed(partly, folder(tmp_path / "again", ("vib",), operating_point="at_size"))


def test_a_table_without_its_columns_is_named(tmp_path):
    first = folder(tmp_path / "first", ("dense",))
    (first / "missing.csv").write_text("key,reason\n")
    with pytest.raises(StudyError, match=r"first/missing.csv: no column cell .*robustprune collect"):
        merge([first], tmp_path / "merged")
