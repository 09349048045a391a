"""Tables that were measured in networks which a merge replaces."""

import pandas as pd
import pytest
from made_up_study import AXES, stored

from robustprune.errors import StudyError
from robustprune.gathering import merging
from robustprune.gathering.merging import merge


@pytest.fixture(autouse=True)
def _made_up_sizes(monkeypatch):
    """The made-up study has sizes that do not follow from its units."""
    monkeypatch.setattr(merging, "check_sizes", lambda runs, path: None)


@pytest.fixture
def mine(tmp_path):
    """A folder with tables measured in its networks, two rows a network, and two of other things."""
    folder = stored(tmp_path / "mine", ("bernoulli", "dense", "vib"))
    networks = pd.read_csv(folder / "runs.csv")[[*AXES, "replicate"]]
    twice = pd.concat([networks.assign(unit=unit, value=unit / 3) for unit in (0, 1)], ignore_index=True)
    twice.to_parquet(folder / "unit_values.parquet")
    twice.assign(depth=-1).to_parquet(folder / "moved.parquet")
    pd.DataFrame({"dataset": ["mnist"], "seed": [1], "slot": ["fc1"]}).to_parquet(folder / "label_free.parquet")
    pd.DataFrame({"dataset": ["mnist"], "width": [3]}).to_parquet(folder / "smallest_width.parquet")
    return folder


MEASURED = ("unit_values", "moved")


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_of_replaced_cells_are_left_out_and_this_is_said(mine, tmp_path):
    before = bytes_of(mine)
    retrained = stored(tmp_path / "retrained", ("vib", "sbp"), error=1.0)
    lines = merge([mine, retrained], mine)
    for name in MEASURED:
        table = pd.read_parquet(mine / f"{name}.parquet")
        assert table.groupby("method").size().to_dict() == {"bernoulli": 6, "dense": 6}
        assert table["value"].tolist() == [0.0] * 6 + [1 / 3] * 6
    assert [line for line in lines if "left out" in line] == [
        f"{mine / 'moved.parquet'}: left out 6 rows, measured in 3 networks that others have replaced; measure these "
        "again (`robustprune related`)",
        f"{mine / 'unit_values.parquet'}: left out 6 rows, measured in 3 networks that others have replaced; measure "
        "these again (`robustprune unit-values`)",
    ]
    after = bytes_of(mine)
    for name in ("label_free.parquet", "smallest_width.parquet"):
        assert after[name] == before[name]
    assert merge([mine, retrained], mine) == [line for line in lines if "left out" not in line]
    assert bytes_of(mine) == after


@pytest.mark.parametrize("same", [True, False])
def test_rows_of_networks_that_stay_are_kept(mine, tmp_path, same):
    """Also where the same records come from a later folder; whether networks collapsed may be judged anew."""
    before = bytes_of(mine)
    other = stored(tmp_path / "other", ("vib", "sbp") if same else ("sbp",))
    runs = pd.read_csv(other / "runs.csv")
    runs.assign(operating_point="at_size", error_train_percent=None).to_csv(other / "runs.csv", index=False)
    assert not [line for line in merge([mine, other], mine) if "left out" in line]
    for name in MEASURED:
        assert bytes_of(mine)[f"{name}.parquet"] == before[f"{name}.parquet"]


def test_the_output_may_be_none_of_the_folders(mine, tmp_path):
    """Its tables were measured in the networks that its runs.csv held."""
    again = stored(tmp_path / "again", ("bernoulli",))
    other = stored(tmp_path / "other", ("dense",), error=1.0)
    merge([again, other], mine)
    assert set(pd.read_parquet(mine / "moved.parquet")["method"]) == {"bernoulli", "vib"}
    merge([stored(tmp_path / "vib", ("vib",))], mine)  # runs.csv lacked it: whose networks were measured is unknown
    assert set(pd.read_parquet(mine / "moved.parquet")["method"]) == {"bernoulli"}


def test_without_a_runs_csv_whose_networks_were_measured_is_unknown(mine, tmp_path):
    (mine / "runs.csv").unlink()
    merge([stored(tmp_path / "again", ("bernoulli",))], mine)
    assert set(pd.read_parquet(mine / "moved.parquet")["method"]) == {"dense", "vib"}


def test_a_damaged_table_is_named_and_nothing_is_written(mine, tmp_path):
    (mine / "moved.parquet").write_bytes(b"PAR1")
    before = bytes_of(mine)
    with pytest.raises(StudyError, match=r"mine/moved.parquet: cannot be read .*; move it away, or measure it again"):
        merge([mine, stored(tmp_path / "retrained", ("vib",), error=1.0)], mine)
    assert bytes_of(mine) == before
