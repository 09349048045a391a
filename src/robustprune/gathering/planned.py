"""The cells that a study will train, those of its search included, before any of them has run."""

import itertools

from robustprune.gathering.rounds import middle, searched_rounds
from robustprune.gathering.search import searched_forms
from robustprune.study.cells import Cell, study_cells
from robustprune.study.config import StudyConfig
from robustprune.study.find import value_cell
from robustprune.study.points import OperatingPoint


def planned_cells(config: StudyConfig) -> dict[str, Cell]:
    """Return the cells of a study and of its search by key, "search/..." for those of the search.

    Values that the search has not found yet are stood in for by the middle of the knob's range; the search counts with
    all its rounds, and one more value for every target that confirms it.
    """
    if config.operating_points:  # the search is done, or its points were given
        return dict(study_cells(config))
    searched: dict[str, Cell] = {}
    for found in searched_rounds(config):
        searched |= {f"search/{cell.key}": cell for cell in itertools.chain(found.dense, *found.rounds)}
    return searched | study_cells(with_points(config))


def with_points(config: StudyConfig) -> StudyConfig:
    """Return a study with operating points: its own, or where it has none, stand-ins for those that are searched."""
    if config.operating_points:
        return config
    points = []
    for search, method, form in searched_forms(config):
        cell = value_cell(config, search, method, form, middle(config, method, form))
        points += [
            OperatingPoint(
                **search.axes,
                budget=search.budget,
                method=method,
                form=form,
                target=target,
                strength=f"{form}_{target}",
                settings=cell.settings,
            )
            for target in search.targets_for(form)
        ]
    return config.model_copy(update={"operating_points": tuple(points)})
