from robustprune.gathering.search import (
    dense_cells,
    read_values,
    searched_form,
    searched_forms,
)
from robustprune.study.find import value_cell

SEARCH_CONFIG = f"{SEARCH_ROOT}/config.yaml"
NETWORK_PATH = "{dataset}/{architecture}-{track}"
FORM = f"{SEARCH_ROOT}/{NETWORK_PATH}/{{method}}/{{form}}"


def form_of(wildcards):
    return searched_form(
        SEARCH, NETWORK_PATH.format(**wildcards), wildcards.method, wildcards.form
    )


def rounds_before(wildcards, number):
    """The files with the values of the rounds before this one; snakemake runs them first."""
    axes = {name: value for name, value in wildcards.items() if name != "round"}
    return [
        checkpoints.search_round.get(**axes, round=n).output[0] for n in range(number)
    ]


def records_before(wildcards, number):
    """The records of all values of the rounds before this one, and of dense training where a target needs it."""
    search, method, form = form_of(wildcards)
    cells = [
        value_cell(SEARCH, search, method, form, value)
        for path in rounds_before(wildcards, number)
        for value in read_values(Path(path))
    ]
    cells = cells + dense_cells(SEARCH, search) if number else []
    return [f"{SEARCH_ROOT}/runs/{cell.key}/record.json" for cell in cells]


def last_round(wildcards):
    return form_of(wildcards)[0].rounds + 1


def asked_of(found):
    """What a round depends on beside its records."""
    search, method, form = found
    return [search.model_dump(), SEARCH.knobs[method][form].model_dump()]
