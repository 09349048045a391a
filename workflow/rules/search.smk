from robustprune.gathering.search import (
    dense_cells,
    read_values,
    searched_form,
    searched_forms,
    value_cell,
)

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


# Choose the values that one round of a search trains: the sweep (round 0), one more per target, and the points.
checkpoint search_round:
    input:
        earlier=lambda wildcards: rounds_before(wildcards, int(wildcards.round)),
        records=lambda wildcards: records_before(wildcards, int(wildcards.round)),
    output:
        f"{FORM}/round-{{round}}.yaml",
    log:
        f"{SEARCH_ROOT}/logs/{NETWORK_PATH}/{{method}}/{{form}}/round-{{round}}.log",
    params:
        config=SEARCH_CONFIG,
        network=lambda wildcards: NETWORK_PATH.format(**wildcards),
        round=lambda wildcards: f"--round {wildcards.round}",
        asked=lambda wildcards: asked_of(form_of(wildcards)),
        source_hash=source_hash("robustprune.gathering.search"),
    shell:
        "robustprune search --config {params.config:q} --network {params.network:q} --method {wildcards.method}"
        " --form {wildcards.form} {params.round} --earlier {input.earlier:q} --output {output:q} > {log:q} 2>&1"


def asked_of(found):
    """What a round depends on beside its records."""
    search, method, form = found
    return [search.model_dump(), SEARCH.knobs[method][form].model_dump()]


# The operating points of one form of a method, or why a target is unreachable.
use rule search_round as operating_points_of_form with:
    input:
        earlier=lambda wildcards: rounds_before(wildcards, last_round(wildcards)),
        records=lambda wildcards: records_before(wildcards, last_round(wildcards) + 1),
    output:
        f"{FORM}/points.yaml",
    log:
        f"{SEARCH_ROOT}/logs/{NETWORK_PATH}/{{method}}/{{form}}/points.log",
    params:
        config=SEARCH_CONFIG,
        network=lambda wildcards: NETWORK_PATH.format(**wildcards),
        round="",
        asked=lambda wildcards: asked_of(form_of(wildcards)),
        source_hash=source_hash("robustprune.gathering.search"),


# Train one cell of the search.
use rule train as train_searched with:
    output:
        record=f"{SEARCH_ROOT}/runs/{CELL}/record.json",
        details=multiext(
            f"{SEARCH_ROOT}/runs/{CELL}/",
            "history.parquet",
            "gates.npz",
            "networks.safetensors",
        ),
    log:
        f"{SEARCH_ROOT}/logs/{CELL}/train.log",
    params:
        config=SEARCH_CONFIG,
        cell=cell_of,
        config_hash=lambda wildcards: find_cell(SEARCH, cell_of(wildcards)).config_hash,
        source_hash=lambda wildcards: hash_of(wildcards.method, wildcards.architecture),


# All operating points in one file. The cells of the study are known when it is there.
checkpoint operating_points:
    input:
        [
            f"{SEARCH_ROOT}/{search.name}/{method}/{form}/points.yaml"
            for search, method, form in searched_forms(SEARCH)
        ],
    output:
        f"{ROOT}/operating_points.yaml",
    log:
        f"{ROOT}/logs/operating_points.log",
    shell:
        "cat {input:q} > {output:q} 2> {log:q}"
