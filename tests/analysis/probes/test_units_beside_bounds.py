"""The figure of real units on the plane of the theory, on units whose place is known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex

from robustprune.analysis.figures.looks import GREY, VERMILION
from robustprune.analysis.figures.units_beside_bounds import LEFT, units_beside_bounds
from robustprune.analysis.read import CELL, Collected

AXES = dict(zip(CELL, ("mnist", "lenet_300_100", "full", "bernoulli", "c", "he_normal", 1.0, "epochs"), strict=True))
SGD = '{"l2": 0.01, "optimizer": "sgd", "learning_rate": 0.1}'
ADAM = '{"l2": 0.01, "optimizer": "adam", "learning_rate": 0.001}'


@pytest.fixture
def axes(tmp_path):
    """Draw two units of one slot: the rule asks for unit 0 in epoch 2, never for unit 1; return the panel's axes."""

    def drawn(training):
        run = AXES | {"replicate": 0, "status": "ok", "settings": "{}", "training": training}
        rows = []
        for epoch in (1, 2, 3):
            for unit, size in enumerate((0.0, 0.2) if epoch == 3 else (0.02, 0.2)):
                sizes = {"size_in": size, "size_out": size, "kappa": 0.5, "kappa_max": 2.0, "price": 1e-3}
                own = {"replicate": 0, "slot": "fc1", "unit": unit, "epoch": epoch, "theta": 0.1 * epoch}
                rows.append(AXES | own | sizes | {"met": unit == 0 and epoch >= 2})
        pd.DataFrame(rows).to_parquet(tmp_path / "bounds.parquet")
        runs = pd.DataFrame([run])
        collected = Collected(runs, lambda name, cells=None: pd.DataFrame(), folder=tmp_path)
        return units_beside_bounds(collected, 0.95).axes[0]

    return drawn


def paths(ax, colour):
    """The paths with this colour: x of their points, y of their points."""
    lines = [line for line in ax.lines if len(line.get_xdata()) > 1 and to_hex(line.get_color()) == to_hex(colour)]
    return [(np.array(line.get_xdata(), float), np.array(line.get_ydata(), float)) for line in lines]


def test_units_lie_where_their_sizes_put_them(axes):
    """A unit that leaves is drawn up to the epoch in which the rule asks for it: κ S / c = 0.5 0.02 / 0.001 = 10."""
    ax = axes(SGD)
    ((left_x, left_y),) = paths(ax, VERMILION)
    np.testing.assert_allclose(left_x, [1, 1])
    np.testing.assert_allclose(left_y, [0.1, 0.2])
    ((stays_x, stays_y),) = paths(ax, GREY)
    np.testing.assert_allclose(stays_x, [2, 2, 2])
    np.testing.assert_allclose(stays_y, [0.1, 0.2, 0.3])
    assert "2e-02" in "".join(text.get_text() for text in ax.texts)  # λ/κ


def test_a_cell_whose_first_network_diverged_has_a_panel(tmp_path):
    rows, runs = [], []
    for strength, replicates in (("c", (0, 1)), ("c_other", (1,))):
        for replicate in replicates:
            own = AXES | {"strength": strength, "replicate": replicate}
            runs.append(own | {"status": "ok", "settings": "{}", "training": ADAM})
            sizes = {"size_in": 0.2, "size_out": 0.2, "kappa": 0.5, "kappa_max": 2.0, "price": 1e-3}
            rows.append(own | {"slot": "fc1", "unit": 0, "epoch": 1, "theta": 0.5, "met": False} | sizes)
    pd.DataFrame(rows).to_parquet(tmp_path / "bounds.parquet")
    collected = Collected(pd.DataFrame(runs), lambda name, cells=None: pd.DataFrame(), folder=tmp_path)
    titles = [ax.get_title() for ax in units_beside_bounds(collected, 0.95).axes]
    assert [title.splitlines()[-1] for title in titles if title] == ["c: slot fc1", "c_other: slot fc1"]


def test_only_sgd_has_the_motion_and_the_extension_of_the_theory(axes):
    assert not any(isinstance(shape, PolyCollection) for shape in axes(ADAM).collections)
    ax = axes(SGD)
    (shade,) = [shape for shape in ax.collections if isinstance(shape, PolyCollection)]
    corners = shade.get_paths()[0].vertices
    assert corners[:, 0].min() == pytest.approx(LEFT)
    # for θ below λ/κ the extension reaches beyond κ S = c, for θ above it less far
    assert 0 < corners[corners[:, 1] < 0.01, 0].max() < 1
    assert corners[corners[:, 1] > 0.03, 0].max() < 0
    assert any(isinstance(shape, LineCollection) for shape in ax.collections)
