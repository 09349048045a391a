def cell_of(wildcards):
    """The key of the cell that the wildcards name."""
    return CELL.format(**dict(wildcards.items()))


def cells():
    """The cells of the study by key; those at operating points are known once the search is done."""
    if SEARCHES and STUDY.results not in ("partial", "reference"):
        checkpoints.operating_points.get()
    return cells_now(points_digest(ROOT))


@cache
def cells_now(points):
    return checked_cells(validate_study(config, "configuration"))


def records(wildcards):
    """The records of the study; with results=partial only those that exist."""
    paths = [f"{ROOT}/runs/{key}/record.json" for key in cells()]
    return list(filter(os.path.exists, paths)) if STUDY.results == "partial" else paths
