"""Columns of a page from rows with known numbers."""

import numpy as np
import pandas as pd
import pytest

from robustprune.analysis.columns import Each, Interval, Number, PValue, Span, Text, most_known
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import mean_interval

AXES = {"dataset": "mnist", "architecture": "lenet5", "track": "full"}


def rows(**values) -> pd.DataFrame:
    return pd.DataFrame([{**AXES, **values}])


def test_an_interval_over_fewer_networks_than_the_row_says_so():
    row = mean_interval([10.0, 20.0, 30.0]).columns("params") | mean_interval([1.0, np.nan, 2.0]).columns("error")
    table = rows(**row, n=most_known(row))
    assert most_known(row) == 3
    assert Interval("params", "params", ",.0f").shown(table.to_dict("records")) == ["20 [-5, 45]"]
    assert Interval("error", "error", ".2f").shown(table.to_dict("records")) == ["1.50 (n = 2)"]


def test_a_mean_that_nobody_knows_is_a_dash():
    row = mean_interval([np.nan]).columns("error")
    assert Interval("error", "error", ".2f").shown(rows(**row, n=3).to_dict("records")) == ["-"]


def test_bold_takes_the_whole_cell():
    row = mean_interval([1.0, 2.0]).columns("error")
    assert Interval("error", "error", ".1f", best="best").shown(rows(**row, n=3, best=True).to_dict("records")) == [
        "**1.5 (n = 2)**"
    ]


def test_kinds_of_columns():
    table = rows(p=0.0004, low=1.0, high=np.nan, name="a", nothing=None, share=0.25)
    assert PValue("p", "p").shown(table.to_dict("records")) == ["<0.001"]
    assert Span("low", "high", "range", ".1f").shown(table.to_dict("records")) == ["1.0 to -"]
    assert Text("name").title == "name"
    assert Text("nothing").shown(table.to_dict("records")) == ["-"]
    assert Number("share", "share", ".0%").shown(table.to_dict("records")) == ["25%"]
    assert Each("both", lambda row: f"{row['name']} {row['share']}").shown(table.to_dict("records")) == ["a 0.25"]


def test_a_sheet_has_a_section_per_network_and_titles_from_its_rows():
    table = pd.concat([rows(x=1, who="one"), rows(x=2, who="two").assign(track="hidden"), rows(x=3, who="one")])
    sheet = Sheet.of(table, [Number("x", "better than {who}", ".0f")], "Title", "Caption.")
    assert [heading for heading, _ in sheet.sections] == [
        "LeNet-5 on MNIST, track full",
        "LeNet-5 on MNIST, track hidden",
    ]
    assert [list(shown) for _, shown in sheet.sections] == [["better than one"], ["better than two"]]
    assert sheet.sections[0][1]["better than one"].tolist() == ["1", "3"]
    assert Sheet.of(table.iloc[:0], [Text("x")], "Title", "Nothing.").html().count("<table") == 0


@pytest.mark.parametrize(("p", "shown"), [(0.0004, "<0.001"), (0.0123, "0.012"), (1.0, "1.000"), (np.nan, "-")])
def test_p_values_say_no_more_than_three_decimals(p, shown):
    assert PValue("p", "p").shown(rows(p=p).to_dict("records")) == [shown]


def test_a_sparse_sheet_leaves_out_columns_of_dashes_section_by_section():
    table = pd.DataFrame([["a", "b", "c", 1, None], ["d", "b", "c", 2, "x"]], columns=[*AXES, "n", "note"])
    columns = [Text("n"), Text("note")]
    shown = [list(rows) for _, rows in Sheet.of(table, columns, "Title", "Caption.", sparse=True).sections]
    assert shown == [["n"], ["n", "note"]]
    assert all("note" in rows for _, rows in Sheet.of(table, columns, "Title", "Caption.").sections)
