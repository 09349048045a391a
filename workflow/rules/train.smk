STARTS = start_names()
hash_of = cache(code_hash)  # once per method and architecture, not once per cell


# Train and evaluate all replicates of one cell at once. After a kill the cell resumes from its last checkpoint: at most
# one epoch or 20 seconds of training are lost, whichever is longer.
rule train:
    input:
        data=ancient(f"{STUDY.data.directory}/{{dataset}}.safetensors"),
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
    wildcard_constraints:
        method=f"(?!({'|'.join([*STARTS, *STUDY.foreign])})/)[a-z0-9_]+",
    priority: priority_of
    threads: STUDY.threads
    resources:
        mem_mb=2048,
        gpu=1 if STUDY.device.startswith("cuda") else 0,
    params:
        config=CONFIG_FILE,
        cell=CELL,
        config_hash=lambda wildcards: cells()[cell_of(wildcards)].config_hash,
        data=data_of,
        source_hash=lambda wildcards: hash_of(wildcards.method, wildcards.architecture),
    shell:
        # the last line of the log names the reason of a failure; it is shown on the screen, too
        "robustprune train --config {params.config:q} --cell {params.cell:q} > {log:q} 2>&1"
        " || {{ code=$?; tail -n 1 {log:q} >&2; exit $code; }}"


# Train the cells of starts. A control needs the networks of its source first.
use rule train as train_control with:
    input:
        data=ancient(f"{STUDY.data.directory}/{{dataset}}.safetensors"),
        source=lambda wildcards: [
            f"{ROOT}/runs/{key}/networks.safetensors"
            for key in [cells()[cell_of(wildcards)].source_key]
            if key
        ],
    wildcard_constraints:
        method="|".join(STARTS),
