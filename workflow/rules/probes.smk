PROBED = probed_cells(PLANNED)


# Train cells whose gates are read while they train. Such a cell begins anew after a kill.
use rule train as train_probed with:
    output:
        record=f"{ROOT}/runs/{CELL}/record.json",
        details=multiext(
            f"{ROOT}/runs/{CELL}/",
            "history.parquet",
            "gates.npz",
            "networks.safetensors",
        ),
        probes=multiext(
            f"{ROOT}/runs/{CELL}/", *[f"{name}.parquet" for name in PROBE_TABLES]
        ),
    wildcard_constraints:
        method="bernoulli",
        strength="|".join({cell.strength for cell in PROBED.values()}),


ruleorder: train_probed > train


# Gather what was read of all probed cells.
rule probed:
    input:
        expand(f"{ROOT}/runs/{{key}}/{{name}}.parquet", key=PROBED, name=PROBE_TABLES),
    output:
        expand(f"{ROOT}/{{name}}.parquet", name=PROBE_TABLES),
    log:
        f"{ROOT}/logs/probed.log",
    params:
        config=CONFIG_FILE,
        source_hash=source_hash("robustprune.gathering.probed"),
    shell:
        "robustprune probed --config {params.config:q} > {log:q} 2>&1"
