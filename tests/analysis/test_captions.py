"""Captions say what their networks do not have in common."""

import pandas as pd
from made_up_study import made_up, store

from robustprune.analysis.captions import other_epochs
from robustprune.analysis.tables import write_tables


def runs(*rows):
    """Networks of LeNet-300-100: method, epochs, and the source of a control."""
    table = pd.DataFrame(rows, columns=["method", "epochs", "start_of"])
    return table.assign(dataset="mnist", architecture="lenet_300_100", track="full", strength="a", variant="")


def test_other_epochs_are_named_by_network():
    equal = [("bernoulli", 40, None), ("vib", 40, None)]
    assert other_epochs(runs(*equal)) == ""
    assert other_epochs(runs(*equal, ("scratch_b", 80, "bernoulli/a"))) == ""
    found = other_epochs(runs(*equal, ("mine", 1, None), ("mine", 1, None)))
    assert found == "Trained for other epochs than the 40 of most on LeNet-300-100 on MNIST, track full: mine/a 1."
    convolutional = runs(("bernoulli", 24, None)).assign(architecture="lenet5")
    assert other_epochs(pd.concat([runs(*equal), convolutional])) == ""


def test_tables_that_compare_methods_name_other_epochs(tmp_path):
    runs, *rest = made_up()
    runs.loc[runs["method"] == "dense", "epochs"] = 1
    assert (runs["epochs"] == 1).any()
    store(tmp_path, (runs, *rest))
    names = ["main_comparison", "ranking", "scorecard", "equal_size"]
    write_tables(tmp_path, tmp_path / "tables", names=names)
    for name in names:
        assert "Trained for other epochs than" in (tmp_path / "tables" / f"{name}.html").read_text(), name
