localrules:
    check,


# Check the runs against the reference that the configuration names; an answer of no does not stop the pipeline.
rule check:
    input:
        runs=expand(f"{ROOT}/{{file}}", file=COLLECTED),
        reference=expand(
            f"{STUDY.compare_with}/{{file}}",
            file=["runs.csv", "details.csv", "history.parquet"],
        ),
    output:
        csv=f"{ROOT}/check/consistency.csv",
        json=f"{ROOT}/check/consistency.json",
        line=f"{ROOT}/check/consistency.txt",
        pdf=f"{ROOT}/check/start_matters.pdf",
        svg=f"{ROOT}/check/start_matters.svg",
        shown=report(
            expand(
                f"{ROOT}/check/{{file}}",
                file=["consistency.html", "start_matters.png"],
            ),
            category="Compared with the reference",
            caption="../report/check.rst",
        ),
    log:
        f"{ROOT}/logs/check.log",
    params:
        source=lambda wildcards, input: Path(input.runs[0]).parent,
        folder=lambda wildcards, output: Path(output.csv).parent,
        reference=STUDY.compare_with,
        confidence=STUDY.confidence,
        source_hash=source_hash("robustprune.analysis.check"),
    shell:
        "robustprune check --source {params.source:q} --reference {params.reference:q} --output {params.folder:q}"
        " --confidence {params.confidence:q} > {log:q} 2>&1 || [ $? = 3 ]"
