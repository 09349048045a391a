"""Figures, one function each; `robustprune figure NAME` draws one, from collected tables or (theory) without."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from robustprune.analysis.figures.by_initialization import error_by_initialization, kept_params_by_initialization
from robustprune.analysis.figures.by_slot import kept_units_by_slot
from robustprune.analysis.figures.by_width import error_by_width, kept_params_by_width
from robustprune.analysis.figures.controls import controls_difference
from robustprune.analysis.figures.convergence import params_over_macs, undetermined_over_epochs, when_units_leave
from robustprune.analysis.figures.depth import depth, depth_kept_by_start
from robustprune.analysis.figures.finetune import finetune
from robustprune.analysis.figures.gate_values import gate_heat_map, gate_histograms
from robustprune.analysis.figures.imbalance_rate import imbalance_rate
from robustprune.analysis.figures.kept_pixels import kept_pixels
from robustprune.analysis.figures.over_epochs import (
    gate_trajectories,
    training_macs_over_epochs,
    units_over_epochs,
)
from robustprune.analysis.figures.overview import overview
from robustprune.analysis.figures.phase_portrait import phase_portrait
from robustprune.analysis.figures.probes import estimator_quality, false_removals_by_rule
from robustprune.analysis.figures.smallest_width import smallest_width
from robustprune.analysis.figures.start import start_matters
from robustprune.analysis.figures.start_over import start_matters_over
from robustprune.analysis.figures.style import drawing, save
from robustprune.analysis.figures.tradeoff import error_by_macs, error_by_params
from robustprune.analysis.figures.units_beside_bounds import units_beside_bounds
from robustprune.analysis.figures.variants import variants_difference
from robustprune.analysis.missing import missing_note
from robustprune.analysis.read import Collected, read_kind
from robustprune.analysis.select import of_one_budget
from robustprune.errors import StudyError, nearest

FIGURES: dict[str, Callable[[Collected, float], Figure]] = {
    function.__name__: function
    for function in (
        start_matters,
        overview,
        kept_params_by_width,
        error_by_width,
        kept_params_by_initialization,
        error_by_initialization,
        kept_units_by_slot,
        error_by_params,
        error_by_macs,
        controls_difference,
        kept_pixels,
        gate_trajectories,
        gate_heat_map,
        gate_histograms,
        undetermined_over_epochs,
        units_over_epochs,
        when_units_leave,
        training_macs_over_epochs,
        params_over_macs,
    )
}

PROBED: dict[str, Callable[[Collected, float], Figure]] = {
    function.__name__: function for function in (false_removals_by_rule, units_beside_bounds, estimator_quality)
}
"""Figures of what probes read; studies without probes have nothing to show in them."""

DEEP: dict[str, Callable[[Collected, float], Figure]] = {
    function.__name__: function for function in (depth_kept_by_start, depth)
}
"""Figures of networks that are made at several depths, which the others leave out (docs/layers.md)."""

WIDTH_SEARCHES: dict[str, Callable[[Collected, float], Figure]] = {"smallest_width": smallest_width}
"""Figures of searches for a width that fits, which the configuration asks for by their name (docs/related.md 4)."""

FINE_TUNED: dict[str, Callable[[Collected, float], Figure]] = {"finetune": finetune}
"""Figures of networks that were fine-tuned (docs/related.md 5)."""

VARIED: dict[str, Callable[[Collected, float], Figure]] = {"variants_difference": variants_difference}
"""Figures of methods that ran in variants (docs/protocol.md, B30)."""

DRAWN = FIGURES | PROBED | DEEP | WIDTH_SEARCHES | FINE_TUNED | VARIED
"""All figures that are drawn from collected tables."""

THEORY: dict[str, Callable[[], Figure]] = {"phase_portrait": phase_portrait, "imbalance_rate": imbalance_rate}
"""Figures that are computed from the parameters in their code and read no tables."""

OVER: dict[str, Callable[[Collected, Collected, float], Figure]] = {"start_matters": start_matters_over}
"""Figures that can be drawn over those of a reference."""


def caption(name: str) -> str:
    """Return the caption of a figure in the report: the docstring of its function."""
    return " ".join((DRAWN | THEORY)[name].__doc__.split())


def draw_figure(
    name: str, source: Path, folder: Path, confidence: float = 0.95, over: Path | None = None
) -> list[Path]:
    """Draw one figure of all methods, as `draw_figures` does; return the files."""
    return draw_figures([name], source, folder, confidence, over=over)


def draw_figures(
    names: Iterable[str],
    source: Path,
    folder: Path,
    confidence: float = 0.95,
    methods: Sequence[str] | None = None,
    over: Path | None = None,
) -> list[Path]:
    """Draw figures from the tables in `source`, read once, of all methods or of those named; return the files.

    over: folder of a reference that is drawn behind. Raises StudyError for an unknown figure or method, for a figure
    that cannot be drawn over a reference, and for one of the theory, which reads no tables.
    """
    names = list(names)
    for name in names:
        if name in THEORY:
            raise StudyError(f"figure {name!r} is computed from parameters alone: leave --source out")
        if name not in DRAWN:
            raise _no_figure(name)
        if over is not None and name not in OVER:
            raise StudyError(f"figure {name!r} cannot be drawn over a reference; those that can: {', '.join(OVER)}")
    read, behind, written = cache(partial(_read, source, methods)), cache(partial(_read, methods=None, deep=False)), []
    for name in names:
        with drawing():
            if over is None:
                figure = DRAWN[name](read(name in DEEP), confidence)
            else:
                figure = OVER[name](read(name in DEEP), behind(over), confidence)
            written += _saved(figure, folder, name, missing_note(source))
    return written


def _read(source: Path, methods: Sequence[str] | None, deep: bool) -> Collected:
    """Return the tables of a folder with the runs that figures show: those of one budget, of some or all methods."""
    collected = read_kind(source, deep=deep)
    collected = collected.with_runs(of_one_budget(collected.runs))
    return collected if methods is None else collected.of_methods(methods)


def draw_theory(name: str, folder: Path) -> list[Path]:
    """Draw one figure of the theory; return the files. Raises StudyError for any other figure."""
    if name in DRAWN:
        raise StudyError(
            f"figure {name!r} is drawn from tables: name their folder with --source, e.g. results/reference"
        )
    if name not in THEORY:
        raise _no_figure(name)
    with drawing():
        return _saved(THEORY[name](), folder, name)


def _no_figure(name: str) -> StudyError:
    return StudyError(f"no figure {name!r}{nearest(name, [*DRAWN, *THEORY])}")


def _saved(figure: Figure, folder: Path, name: str, note: str = "") -> list[Path]:
    """Write the files of a figure and close it."""
    try:
        return save(figure, folder, name, note)
    finally:
        plt.close(figure)
