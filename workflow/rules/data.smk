from robustprune.data.datasets import files_digest


# One data set: fetched from the mirrors or read from files of one's own, verified, stored as one file of tensors.
rule prepare_data:
    output:
        f"{STUDY.data.directory}/{{dataset}}.safetensors",
    log:
        f"{ROOT}/logs/prepare_data/{{dataset}}.log",
    params:
        directory=lambda wildcards, output: Path(output[0]).parent,
        mirrors=STUDY.data.mirrors,
        # of a plug-in: its own files (nothing for the package's data sets)
        files=lambda wildcards: files_digest(wildcards.dataset),
    shell:
        "robustprune prepare {wildcards.dataset} --directory {params.directory} --mirrors {params.mirrors:q}"
        " > {log} 2>&1"
