"""The part of a search that a study needs: the forms whose points the selected grids name."""

from collections.abc import Iterator

from robustprune.study.config import StudyConfig
from robustprune.study.grid import Grid
from robustprune.study.search import Search
from robustprune.study.strengths import searched_point


def needed_search(config: StudyConfig) -> tuple[Search, ...]:
    """Return the searches with the forms that grids of the selected parts name; all of them without a grid.

    A form keeps all its targets, so that its points do not depend on what else the study asks for.
    """
    if not config.study:
        return config.search
    named = {
        (search.name, method, point[0])
        for grid in config.grids
        if (search := config.searched(grid))
        for method, key in _keys(config, grid)
        if (point := searched_point(config, grid, method, key))
    }
    reduced = []
    for search in config.search:
        methods = {
            method: tuple(form for form in forms if (search.name, method, form) in named)
            for method, forms in search.methods.items()
        }
        methods = {method: forms for method, forms in methods.items() if forms}
        if methods:
            forms = {form for names in methods.values() for form in names}
            targets_of = {form: names for form, names in search.targets_of.items() if form in forms}
            reduced.append(search.model_copy(update={"methods": methods, "targets_of": targets_of}))
    return tuple(reduced)


def search_of(config: StudyConfig, root: str) -> StudyConfig | None:
    """Return the needed search of a study as a configuration of its own, with its own root; None without a search."""
    search = needed_search(config)
    changes = {"root": root, "search": search, "study": (), "parts": (), "operating_points": ()}
    return config.model_copy(update=changes) if search else None


def _keys(config: StudyConfig, grid: Grid) -> Iterator[tuple[str, str]]:
    """Yield method and key of every strength that a grid names, those of the sources of its controls too."""
    for method, keys in grid.methods.items():
        for key in keys:
            yield method, key
            of = config.strengths.get(method, {}).get(key, {}).get("of")
            if isinstance(of, str) and "/" in of:
                source, _, strength = of.partition("/")
                yield source, strength
