"""Which job starts first."""

from robustprune.gathering.priority import Priorities

FIGURES = {"dense: LeNet-300-100 dense step, R=5": 2e4, "dense: LeNet-300-100 pruned step, R=5": 1e4}
"""Milliseconds: an epoch on digits (22 batches of 64) takes 220 s, of a pruned network 110 s."""


def cells_of(make_cell, *kinds):
    cells = [make_cell(name, epochs=1, replicates=count, strength="d", **values) for name, count, values in kinds]
    return {cell.key: cell for cell in cells}


def test_cells_by_hand(make_cell):
    """A cell of unknown time counts as the longest; a cell with a control also counts its control's time."""
    cells = cells_of(
        make_cell,
        ("dense", 1, {"width": 0.5}),
        ("dense", 2, {}),
        ("ticket", 1, {"settings": {"of": "dense/d"}}),
        ("ticket", 3, {"settings": {"of": "dense/d"}, "width": 0.5}),
        ("taylor", 1, {}),
    )
    narrow = 110 + 110 * (125_600 - 29_200) / (266_200 - 29_200)
    priorities = Priorities(cells.values(), FIGURES)
    assert list(priorities.of_cells(cells).values()) == [round(narrow + 330), 440 + 110, 110, 330, 440]
    assert priorities.of_decisions > 550


def test_the_search_comes_before_the_study_and_decisions_before_all(make_cell):
    cells = cells_of(make_cell, ("dense", 4, {}), ("ticket", 2, {"settings": {"of": "dense/d"}}))
    priorities = Priorities(cells.values(), FIGURES)
    ofs = priorities.of_cells(cells)
    assert max(ofs.values()) == 880 + 220
    searched = [priorities.of_searched(make_cell(name, epochs=1, replicates=1)) for name in ("dense", "taylor")]
    assert searched == [220 + 2 * 880, 880 + 880]
    assert priorities.of_decisions == 3 * 880 + 1


def test_without_times_every_cell_is_equal(make_cell):
    cells = cells_of(make_cell, ("dense", 4, {}), ("taylor", 2, {}))
    priorities = Priorities(cells.values(), {})
    assert set(priorities.of_cells(cells).values()) == {0}
    assert priorities.of_decisions > priorities.of_searched(cells.popitem()[1]) == 0
    assert Priorities([], {}).of_cells({}) == {}
