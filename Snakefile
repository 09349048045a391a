"""The study, from data to report. Configuration: config/README.md. `snakemake --cores 2` runs everything."""

from functools import cache
from pathlib import Path

from snakemake.utils import min_version

from robustprune.analysis.figures import (
    DEEP,
    FIGURES,
    PROBED as PROBED_FIGURES,
    WIDTH_SEARCHES,
    THEORY,
    FINE_TUNED,
    VARIED,
    caption,
)
from robustprune.analysis.tables import TABLES
from robustprune.gathering.planned import planned_cells
from robustprune.gathering.timings import read_timings, timings_file
from robustprune.gathering.priority import Priorities
from robustprune.gathering.programs import (
    check_cells,
    check_inputs,
    check_names,
    check_rules,
    checked_cells,
    program_command,
    program_hash,
)
from robustprune.page.render import FOLDER as TEMPLATES
from robustprune.records.code_hash import source_hash
from robustprune.records.digests import file_digests
from robustprune.starts.parts.registry import code_hash, start_names
from robustprune.study.cells import CELL_PATH
from robustprune.study.find import find_cell
from robustprune.study.config import validate_study
from robustprune.study.needed import search_of
from robustprune.study.points import points_digest
from robustprune.study.priced import priced_cells
from robustprune.study.probed import PROBE_TABLES, probed_cells
from robustprune.study.related import (
    FINETUNE,
    MOVED,
    RELATED_TABLES,
    measured_cells,
    watched_cells,
)
from robustprune.study.smallest_width import SMALLEST_WIDTH
from robustprune.study.yaml_files import check_yaml

min_version("9.0")


report: "workflow/report/workflow.rst"


# python >= 3.11 with the packages of constraints.txt (see Makefile); the study has no image of its own yet
container: "docker://python:3.11"


if not workflow.configfiles:  # a --configfile replaces the default study

    configfile: "config/config.yaml"


CONFIG_FILES = [Path(os.path.relpath(path)) for path in workflow.configfiles]
for path in CONFIG_FILES:
    check_yaml(path)
STUDY = validate_study(config, ", ".join(map(str, CONFIG_FILES)), CONFIG_FILES[-1])
ROOT = STUDY.root
CONFIG_FILE = Path(ROOT, "config.yaml")
SEARCH_ROOT = f"{ROOT}/search"
SEARCH = search_of(STUDY, SEARCH_ROOT)
# With results=partial nothing is trained: the rules that train are not there.
TRAINS = STUDY.results != "partial"
# Points that the configuration gives are not searched.
SEARCHES = bool(SEARCH) and not config.get("operating_points") and TRAINS
POINTS = points_digest(ROOT)
check_names(STUDY)
PLANNED = planned_cells(STUDY)
check_cells(STUDY, PLANNED.values())
# Tables measured in networks or searches. Nothing makes them with results=partial: they are read where they are.
PROBES, WIDTHS = (
    [
        path
        for path in expand(f"{ROOT}/{{name}}.parquet", name=names)
        if TRAINS or os.path.exists(path)
    ]
    for names in (
        PROBE_TABLES if STUDY.probes else (),
        [SMALLEST_WIDTH] if STUDY.smallest_width else (),
    )
)
DRAWN = [*FIGURES, *(PROBED_FIGURES if PROBES else ())]
DRAWN += DEEP if any(cell.depth is not None for cell in PLANNED.values()) else []
DRAWN += WIDTH_SEARCHES if STUDY.smallest_width else []
DRAWN += VARIED if any(grid.variants for grid in STUDY.study) else []
DRAWN += FINE_TUNED if any(cell.method == FINETUNE for cell in PLANNED.values()) else []
CELL = CELL_PATH  # a cell's folder below runs/; filled in, it is the cell's key


# on a cluster only training is sent away; what needs the internet or takes seconds runs where snakemake does
localrules:
    all,
    prepare_data,
    collect,
    tables_of_runs,
    tables_of_reference,
    tables_of_shipped_search,
    tables,
    figure_of_runs,
    figure_of_reference,
    figure_of_shipped_search,
    figure_of_theory,
    figures,


# Everything: trains what is missing, then tables, figures, the check against a reference, and the results page.
rule all:
    input:
        lambda wildcards: records(wildcards),
        expand(f"{ROOT}/tables/{{name}}.html", name=TABLES),
        expand(f"{ROOT}/figures/{{name}}.png", name=DRAWN),
        lambda wildcards: rules.tables_of_search.output if SEARCHES else [],
        lambda wildcards: (rules.check.output if STUDY.compare_with else []),
        lambda wildcards: rules.page_of_runs.output,


include: "workflow/rules/messages.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"


if TRAINS:

    include: "workflow/rules/train.smk"
    include: "workflow/rules/foreign.smk"

    # baselines that are programs of their own, a file each
    for path in sorted(Path(workflow.basedir, "workflow/baselines").glob("*.smk")):

        include: str(path)
    include: "workflow/rules/programs.smk"


include: "workflow/rules/collect.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/beside.smk"
include: "workflow/rules/paper.smk"


if STUDY.compare_with:

    include: "workflow/rules/check.smk"


if STUDY.unit_values:

    include: "workflow/rules/experiments.smk"


if STUDY.related:

    include: "workflow/rules/related.smk"


if STUDY.smallest_width and TRAINS:

    include: "workflow/rules/smallest_width.smk"


if STUDY.probes and TRAINS:

    include: "workflow/rules/probes.smk"


if SEARCHES:

    include: "workflow/rules/search_inputs.smk"
    include: "workflow/rules/search.smk"
    include: "workflow/rules/search_tables.smk"


include: "workflow/rules/page.smk"
