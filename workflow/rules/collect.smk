COLLECTED = [
    "runs.csv",
    "details.csv",
    "missing.csv",
    "history.parquet",
    "gates.parquet",
]
# kept units, and the digests of all tables; the shipped reference of older versions lacks them
BESIDE = ["kept.parquet", "digests.json"]


# Join all records of the study in tables with one row per network.
rule collect:
    input:
        records=records,
    output:
        expand(f"{ROOT}/{{file}}", file=COLLECTED + BESIDE),
    log:
        f"{ROOT}/logs/collect.log",
    params:
        config=CONFIG_FILE,
        cells=lambda wildcards: {key: cell.config_hash for key, cell in cells().items()},
        source_hash=source_hash("robustprune.gathering.collection"),
    shell:
        "robustprune collect --config {params.config:q} > {log:q} 2>&1"
