# Base of the rules of foreign programs: `use rule foreign as mine with: input: script="mine.py"` makes the cells of the
# method `mine`. The program reads an order and writes a CSV, from which the record is made
# (docs/how-to-foreign-program.md).
rule foreign:
    input:
        script=[],
    output:
        record=f"{ROOT}/runs/{CELL}/record.json",
    log:
        f"{ROOT}/logs/{CELL}/train.log",
    priority: priority_of
    threads: STUDY.threads
    resources:
        mem_mb=2048,
        gpu=1 if STUDY.device.startswith("cuda") else 0,
    params:
        config=CONFIG_FILE,
        cell=cell_of,
        config_hash=lambda wildcards: cells()[cell_of(wildcards)].config_hash,
        order=f"{ROOT}/logs/{CELL}/order.json",
        results=f"{ROOT}/logs/{CELL}/results.csv",
        command=lambda wildcards, input: program_command(input.script),
        program=lambda wildcards, input: [path for path in input if path != input.data],
        source_hash=lambda wildcards, input: program_hash(set(input) - {input.data}),
    shell:
        "(rm -f {params.results:q}"
        " && robustprune order --config {params.config:q} --cell {params.cell:q} > {params.order:q}"
        " && {params.command:q} {params.order:q} {params.results:q}"
        " && robustprune record --config {params.config:q} --cell {params.cell:q} --results {params.results:q}"
        " --order {params.order:q} --program {params.program:q}) > {log:q} 2>&1"
