"""One function per figure; `robustprune figure NAME` draws it from collected or shipped tables."""

from collections.abc import Callable
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from robustprune.analysis.figures.by_initialization import error_by_initialization, kept_params_by_initialization
from robustprune.analysis.figures.by_slot import kept_units_by_slot
from robustprune.analysis.figures.by_width import error_by_width, kept_params_by_width
from robustprune.analysis.figures.controls import controls_difference
from robustprune.analysis.figures.over_epochs import (
    gate_trajectories,
    training_macs_over_epochs,
    units_over_epochs,
)
from robustprune.analysis.figures.overview import overview
from robustprune.analysis.figures.style import save, set_style
from robustprune.analysis.figures.tradeoff import error_by_macs, error_by_params
from robustprune.analysis.source import Source, missing_note, read_source
from robustprune.errors import StudyError, nearest

FIGURES: dict[str, Callable[[Source, float], Figure]] = {
    function.__name__: function
    for function in (
        overview,
        kept_params_by_width,
        error_by_width,
        kept_params_by_initialization,
        error_by_initialization,
        kept_units_by_slot,
        error_by_params,
        error_by_macs,
        controls_difference,
        gate_trajectories,
        units_over_epochs,
        training_macs_over_epochs,
    )
}


def draw_figure(name: str, source: Path, folder: Path, confidence: float = 0.95) -> list[Path]:
    """Draw one figure from the tables in `source`; returns the files. Raises StudyError for an unknown name."""
    if name not in FIGURES:
        raise StudyError(f"no figure {name!r}{nearest(name, FIGURES)}")
    set_style()
    figure = FIGURES[name](read_source(source), confidence)
    try:
        return save(figure, folder, name, missing_note(source))
    finally:
        plt.close(figure)
