"""A search from its first round to its points, on results that are there from the start."""

from robustprune.gathering.search import search_form, searched_forms


def run_search(config, results):
    """Go through all rounds of every form; return the cells that were asked for, each once, and the points."""
    cells, points = {}, []
    for form in searched_forms(config):
        rounds = search_form(config, *form, results)
        try:
            while True:
                cells |= {cell.key: cell for cell in next(rounds)}
        except StopIteration as end:
            points += end.value
    return list(cells.values()), points
