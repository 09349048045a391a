"""Figures of the theory: they read no tables, and show what the theory computes."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from robustprune.analysis.figures import THEORY, caption, draw_theory
from robustprune.analysis.theory.one_unit import Unit
from robustprune.cli import main


@pytest.fixture(scope="module")
def portrait():
    figure = THEORY["phase_portrait"]()
    yield figure
    plt.close(figure)


@pytest.mark.parametrize("name", THEORY)
def test_every_figure_is_drawn_in_three_forms_and_has_a_caption(tmp_path, name):
    written = draw_theory(name, tmp_path)
    assert [path.name for path in written] == [f"{name}.{form}" for form in ("png", "pdf", "svg")]
    assert all(path.stat().st_size > 1000 for path in written)
    assert caption(name).endswith(".")
    assert not plt.get_fignums()


def test_the_portrait_shows_the_boundary_and_the_certified_sets(portrait):
    """Shaded is what lies left of the curve in closed form, and the boundary lies right of it."""
    for ax, rate in zip(portrait.axes, (1.0, 100.0), strict=True):
        unit = Unit(gate_rate=rate)
        norms, thetas = next(line for line in ax.lines if line.get_label() == "boundary, by bisection").get_data()
        assert unit.pruned(unit.start(norms[5] - 4e-3, thetas[5]))
        assert not unit.pruned(unit.start(norms[5] + 4e-3, thetas[5]))
        extension, core = (drawn.get_paths()[0] for drawn in ax.collections[:2])
        assert (np.sqrt(2 * unit.bound.largest_size(thetas)) <= norms + 2e-3).all()
        assert core.get_extents().max == pytest.approx([np.sqrt(2 * unit.bound.saddle[1]), unit.bound.saddle[0]])
        at = np.sqrt(2 * float(unit.bound.largest_size(0.1)))
        assert extension.contains_point((0.97 * at, 0.1))
        assert not extension.contains_point((1.03 * at, 0.1))


def test_no_start_of_a_linear_network_lies_below_its_bound():
    figure = THEORY["imbalance_rate"]()
    bounds, rates = figure.axes[0].collections[0].get_offsets().T
    assert "gain 0.3 (light) to 3 (dark)" in " ".join(figure.legends[0].get_title().get_text().split())
    assert all(label.endswith("(1 / time)") for label in (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()))
    plt.close(figure)
    assert len(bounds) == 30
    assert (rates >= bounds).all()
    assert (bounds > 0).all()


def test_the_command_says_which_figures_need_tables(tmp_path, capsys):
    for words, error in {
        ("phase_portrait", "--source", str(tmp_path)): "computed from parameters alone: leave --source out",
        ("overview",): "figure 'overview' is drawn from tables: name their folder with --source",
        ("phase_portrai",): "no figure 'phase_portrai'; did you mean 'phase_portrait'?",
    }.items():
        assert main(["figure", *words, "--output", str(tmp_path)]) == 2
        assert error in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
