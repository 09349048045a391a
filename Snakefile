"""The study, from data to report. Configuration: config/README.md. `snakemake --cores 2` runs everything."""

from snakemake.utils import min_version

from robustprune.cells import study_cells
from robustprune.config import validate_study
from robustprune.methods.registry import check_method
from robustprune.provenance import source_hash

min_version("9.0")


# python >= 3.11 with the packages of constraints.txt (`make install`); no image of our own yet
container: "docker://python:3.11"


if "study" not in config:  # a --configfile replaces the default study, it is not merged into it

    configfile: "config/config.yaml"


STUDY = validate_study(config, "configuration")
ROOT = STUDY.root
CELLS = study_cells(STUDY)
for cell in CELLS.values():
    check_method(cell)


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
