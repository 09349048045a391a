# The configuration as merged from files and command line; what every later command reads.
rule save_config:
    output:
        f"{ROOT}/config.yaml",
    log:
        f"{ROOT}/logs/save_config.log",
    params:
        config=config,
    script:
        "../scripts/save_config.py"


# One data set: fetched from the mirrors, verified, stored as one file of tensors.
rule prepare_data:
    input:
        config=ancient(f"{ROOT}/config.yaml"),
    output:
        f"{STUDY.data.directory}/{{dataset}}.safetensors",
    log:
        f"{ROOT}/logs/prepare_data/{{dataset}}.log",
    shell:
        "robustprune prepare {wildcards.dataset} --config {input.config} > {log} 2>&1"
