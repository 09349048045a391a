localrules:
    compare,
    figure_over,


# Compare the runs with the reference that the configuration names.
rule compare:
    input:
        runs=expand(f"{ROOT}/{{file}}", file=["runs.csv", "details.csv", "missing.csv"]),
        reference=expand(
            f"{STUDY.compare_with}/{{file}}", file=["runs.csv", "details.csv"]
        ),
    output:
        csv=f"{ROOT}/tables/consistency.csv",
        line=f"{ROOT}/tables/consistency.txt",
        html=report(
            f"{ROOT}/tables/consistency.html",
            category="Compared with the reference",
            caption="../report/compare.rst",
        ),
    log:
        f"{ROOT}/logs/compare.log",
    params:
        source=lambda wildcards, input: Path(input.runs[0]).parent,
        reference=STUDY.compare_with,
        source_hash=source_hash("robustprune.analysis.consistency"),
    shell:
        "robustprune compare --source {params.source:q} --reference {params.reference:q} --output {output.csv:q}"
        " > {log:q} 2>&1"


# Draw the headline figure of the runs over that of the reference.
rule figure_over:
    input:
        runs=expand(f"{ROOT}/{{file}}", file=COLLECTED),
        reference=expand(
            f"{STUDY.compare_with}/{{file}}",
            file=["runs.csv", "details.csv", "history.parquet"],
        ),
    output:
        pdf=f"{ROOT}/figures/over_reference/start_matters.pdf",
        svg=f"{ROOT}/figures/over_reference/start_matters.svg",
        png=report(
            f"{ROOT}/figures/over_reference/start_matters.png",
            category="Compared with the reference",
            caption="../report/compare.rst",
        ),
    log:
        f"{ROOT}/logs/figure_over.log",
    params:
        source=lambda wildcards, input: Path(input.runs[0]).parent,
        folder=lambda wildcards, output: Path(output.png).parent,
        reference=STUDY.compare_with,
        confidence=STUDY.confidence,
        source_hash=source_hash("robustprune.analysis.figures"),
    shell:
        "robustprune figure start_matters --source {params.source:q} --over {params.reference:q}"
        " --output {params.folder:q} --confidence {params.confidence:q} > {log:q} 2>&1"
