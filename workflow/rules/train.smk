CELL_FOLDER = f"{ROOT}/runs/{{dataset}}/{{network}}/{{method}}/{{strength}}/{{initialization}}/width-{{width}}"


def cell_of(wildcards):
    """The cell that a folder below runs/ stands for."""
    return CELLS[
        "{w.dataset}/{w.network}/{w.method}/{w.strength}/{w.initialization}/width-{w.width}".format(
            w=wildcards
        )
    ]


# One cell: all its replicates train at once and are evaluated; a kill costs at most some seconds of epochs.
rule train:
    input:
        config=ancient(f"{ROOT}/config.yaml"),
        data=f"{STUDY.data.directory}/{{dataset}}.safetensors",
    output:
        record=f"{CELL_FOLDER}/record.json",
        details=multiext(
            f"{CELL_FOLDER}/",
            "history.parquet",
            "gates.npz",
            "networks.safetensors",
        ),
    log:
        f"{CELL_FOLDER}/train.log".replace("/runs/", "/logs/"),
    params:
        cell=lambda wildcards: cell_of(wildcards).key,
        config_hash=lambda wildcards: cell_of(wildcards).config_hash,
        source_hash=lambda wildcards: source_hash(wildcards.method),
    threads: STUDY.threads
    resources:
        mem_mb=2048,
        gpu=1 if STUDY.device.startswith("cuda") else 0,
    shell:
        "robustprune train --config {input.config} --cell {params.cell} > {log} 2>&1"


# Every cell of the study, no tables or figures.
rule train_all:
    input:
        expand(f"{ROOT}/runs/{{key}}/record.json", key=CELLS),
