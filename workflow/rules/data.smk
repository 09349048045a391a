from robustprune.data.datasets import files_digest


# Fetch one data set from the mirrors, or read it from the user's own files, verify it and store it as one file.
rule prepare_data:
    output:
        f"{STUDY.data.directory}/{{dataset}}.safetensors",
    log:
        f"{ROOT}/logs/prepare_data/{{dataset}}.log",
    priority: priority_of_decision
    params:
        directory=lambda wildcards, output: Path(output[0]).parent,
        # derived, so that another mirror of the same files is no reason to prepare them again
        mirrors=lambda wildcards, output: STUDY.data.mirrors,
        # the digest of a plug-in's own files; empty for the data sets of the package
        files=lambda wildcards: files_digest(wildcards.dataset),
    shell:
        "robustprune prepare {wildcards.dataset:q} --directory {params.directory:q} --mirrors {params.mirrors:q}"
        " > {log:q} 2>&1"
