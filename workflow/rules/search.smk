localrules:
    search_round,
    operating_points_of_form,
    operating_points,
    collect_searched,
    tables_of_search,


# Choose the values that one round of a search trains: the sweep (round 0), one more per target, and the points.
checkpoint search_round:
    input:
        earlier=lambda wildcards: rounds_before(wildcards, int(wildcards.round)),
        records=lambda wildcards: records_before(wildcards, int(wildcards.round)),
    output:
        f"{FORM}/round-{{round}}.yaml",
    log:
        f"{SEARCH_ROOT}/logs/{NETWORK_PATH}/{{method}}/{{form}}/round-{{round}}.log",
    priority: priority_of_decision
    params:
        config=SEARCH_CONFIG,
        network=lambda wildcards: NETWORK_PATH.format(**wildcards),
        round=lambda wildcards: f"--round {wildcards.round}",
        asked=lambda wildcards: asked_of(form_of(wildcards)),
        source_hash=source_hash("robustprune.gathering.search"),
    shell:
        "robustprune search --config {params.config:q} --network {params.network:q} --method {wildcards.method:q}"
        " --form {wildcards.form:q} {params.round} --earlier {input.earlier:q} --output {output:q} > {log:q} 2>&1"


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
    priority: priority_of_searched
    params:
        config=SEARCH_CONFIG,
        cell=CELL,
        config_hash=lambda wildcards: find_cell(SEARCH, cell_of(wildcards)).config_hash,
        data=lambda wildcards: data_of(wildcards, SEARCH_ROOT),
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
    priority: priority_of_decision
    shell:
        "cat {input:q} > {output:q} 2> {log:q}"
