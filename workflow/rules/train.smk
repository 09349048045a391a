# One cell: all its replicates train at once and are evaluated; a kill costs at most some seconds of epochs.
rule train:
    input:
        data=f"{STUDY.data.directory}/{{dataset}}.safetensors",
    output:
        record=f"{ROOT}/runs/{CELL}/record.json",
        details=multiext(
            f"{ROOT}/runs/{CELL}/",
            "history.parquet",
            "gates.npz",
            "networks.safetensors",
        ),
    log:
        f"{ROOT}/logs/{CELL}/train.log",
    threads: STUDY.threads
    resources:
        mem_mb=2048,
        gpu=1 if STUDY.device.startswith("cuda") else 0,
    params:
        config=CONFIG_FILE,
        cell=lambda wildcards: CELL.format(**dict(wildcards.items())),
        config_hash=lambda wildcards: CELLS[
            CELL.format(**dict(wildcards.items()))
        ].config_hash,
        source_hash=lambda wildcards: training_hash(wildcards.method),
    shell:
        "robustprune train --config {params.config} --cell {params.cell} > {log} 2>&1"
