from robustprune.gathering.same_data import data_digest


def cell_of(wildcards):
    """The key of the cell that the wildcards name."""
    return CELL.format(**dict(wildcards.items()))


def data_of(wildcards, root=ROOT):
    """The digest of the data that a cell trains on: the rules that train take it, not the time stamp of the file."""
    record = Path(root, "runs", cell_of(wildcards), "record.json")
    return data_digest(wildcards.dataset, STUDY.data, record)


def cells():
    """The cells of the study by key; those at operating points are known once the search is done.

    A job of a cluster runs this as well. It starts after the search, and Snakemake knows of no checkpoint within a job.
    """
    if SEARCHES and STUDY.results != "reference" and not workflow.remote_exec:
        checkpoints.operating_points.get()
    return cells_now(points_now())


def points_now():
    """The digest of the operating points; without a search no job changes them, and no job looks."""
    return points_digest(ROOT) if STUDY.search else POINTS


@cache
def cells_now(points):
    """The cells with the points of this digest; PLANNED are those with the points (or none) at the start."""
    if points == POINTS and (STUDY.operating_points or not STUDY.search):
        return PLANNED
    return checked_cells(validate_study(config, "configuration"))


@cache
def priorities():
    bench = timings_file()
    return Priorities(PLANNED.values(), read_timings(bench) if bench else {})


@cache
def priorities_now(points):
    return priorities().of_cells(cells_now(points))


def priority_of(wildcards):
    """The priority of training a cell; 0 for one that is not known yet, which snakemake asks for nevertheless."""
    return priorities_now(points_now()).get(cell_of(wildcards), 0)


def priority_of_decision(wildcards):
    """What training waits for takes seconds and goes first: while a round is not decided its cells cannot start."""
    return priorities().of_decisions


def records(wildcards):
    """The records of the study; with results=partial only those that exist."""
    paths = [f"{ROOT}/runs/{key}/record.json" for key in cells()]
    return list(filter(os.path.exists, paths)) if STUDY.results == "partial" else paths


def words(*parts):
    """The words of a command for parts of the page: name, and folders of collected tables, tables and figures."""
    return [word for part in parts for word in ("--part", *part)]


def beside(folder, *names):
    """The parts in folders beside a study that have collected tables; they are looked for when Snakemake starts."""
    paths = [
        path.parent
        for name in names
        for path in sorted(Path(folder).glob(f"{name}/runs.csv"))
    ]
    return [
        (path.name.replace("_", " "), path.as_posix(), *shown_by(path))
        for path in paths
    ]


def collected_of_shipped(wildcards):
    """The files of a shipped study, runs.csv first: what a rule reads is its folder."""
    files = Path(REFERENCE, wildcards.study).glob("*.*")
    return sorted(files, key=lambda path: path.name != "runs.csv")


def shown_by(path):
    """The folders of tables and figures of a study beside another one; "-" where it has none."""
    if path.parent == Path(REFERENCE) and path.name in SHIPPED:
        return f"figures/{path.name}/tables", f"figures/{path.name}"
    return "-", "-"
