# A sweep on the tuning split: every network keeps validation images out, and there is dense training to compare with.
WHOLE_SWEEP = (
    STUDY.results != "partial"
    and all(cell.training.images == "tuning" for cell in CELLS.values())
    and any(cell.method == "dense" for cell in CELLS.values())
)


# For each method the smallest network that costs next to nothing in validation error.
rule choose_operating_points:
    input:
        expand(f"{ROOT}/{{file}}", file=["runs.csv", "details.csv"]),
    output:
        f"{ROOT}/operating_points.yaml",
    log:
        f"{ROOT}/logs/choose_operating_points.log",
    params:
        source=lambda wildcards, input: Path(input[0]).parent,
        source_hash=source_hash("robustprune.analysis.operating_points"),
    shell:
        "robustprune choose --source {params.source} --output {output} --force > {log} 2>&1"


# Target: the operating points of a sweep (--configfile config/tune.yaml).
rule tune:
    input:
        rules.choose_operating_points.output,
