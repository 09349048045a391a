# The library Torch-Pruning: its group-norm importance and its own pruner (optional: the extra `baselines`). A baseline
# that is a program of its own; how to add another: config/README.md, "Add a baseline".
rule train_torch_pruning:
    input:
        data=f"{STUDY.data.directory}/{{dataset}}.safetensors",
        script="workflow/scripts/train_torch_pruning.py",
    output:
        record=f"{ROOT}/runs/{CELL}/record.json",
    log:
        f"{ROOT}/logs/{CELL}/train.log",
    wildcard_constraints:
        method="torch_pruning",
    threads: STUDY.threads
    params:
        config=CONFIG_FILE,
        cell=cell_of,
        config_hash=lambda wildcards: CELLS[cell_of(wildcards)].config_hash,
    shell:
        "(robustprune order --config {params.config} --cell {params.cell}"
        " | python {input.script} --data {input.data} --output {output.record}) > {log} 2>&1"
