# Base of the rules of foreign programs: `use rule foreign as mine with: input: script="mine.py"` makes the cells of the
# method `mine`, those of its search too. The program reads an order and writes a CSV, from which the record is made
# (docs/how-to-foreign-program.md).
PART = f"{ROOT}/{{part}}"  # "" or "search/"


rule foreign:
    input:
        script=[],
    output:
        record=f"{PART}runs/{CELL}/record.json",
    log:
        f"{PART}logs/{CELL}/train.log",
    wildcard_constraints:
        part="(search/)?",
    priority: priority_of
    threads: STUDY.threads
    resources:
        mem_mb=2048,
        gpu=1 if STUDY.device.startswith("cuda") else 0,
    params:
        config=lambda wildcards: SEARCH_CONFIG if wildcards.part else CONFIG_FILE,
        cell=cell_of,
        config_hash=lambda wildcards: (
            find_cell(SEARCH, cell_of(wildcards))
            if wildcards.part
            else cells()[cell_of(wildcards)]
        ).config_hash,
        data=lambda wildcards: data_of(
            wildcards, SEARCH_ROOT if wildcards.part else ROOT
        ),
        order=f"{PART}logs/{CELL}/order.json",
        results=f"{PART}logs/{CELL}/results.csv",
        command=lambda wildcards, input: program_command(input.script),
        program=lambda wildcards, input: [path for path in input if path != input.data],
        source_hash=lambda wildcards, input: program_hash(set(input) - {input.data}),
    shell:
        "(rm -f {params.results:q}"
        " && robustprune order --config {params.config:q} --cell {params.cell:q} > {params.order:q}"
        " && {params.command:q} {params.order:q} {params.results:q}"
        " && robustprune record --config {params.config:q} --cell {params.cell:q} --results {params.results:q}"
        " --order {params.order:q} --program {params.program:q}) > {log:q} 2>&1"
        # the last line of the log names the reason of a failure; a program need not end with such a line
        ' || {{ code=$?; why=$(tail -n 1 {log:q}); case "$why" in robustprune*) ;;'
        ' *) echo "robustprune program: {params.cell}: ended with status $code: $why" >> {log:q};; esac;'
        " tail -n 1 {log:q} >&2; exit $code; }}"
