# One data set: fetched from the mirrors, verified, stored as one file of tensors.
rule prepare_data:
    output:
        f"{STUDY.data.directory}/{{dataset}}.safetensors",
    log:
        f"{ROOT}/logs/prepare_data/{{dataset}}.log",
    params:
        directory=lambda wildcards, output: Path(output[0]).parent,
        mirrors=STUDY.data.mirrors,
    shell:
        "robustprune prepare {wildcards.dataset} --directory {params.directory} --mirrors {params.mirrors:q}"
        " > {log} 2>&1"
