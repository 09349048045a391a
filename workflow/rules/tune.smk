# Whether the study is a complete sweep on the tuning split: validation images for every network, and dense training.
WHOLE_SWEEP = (
    STUDY.results != "partial"
    and all(cell.training.images == "tuning" for cell in CELLS.values())
    and any(cell.method == "dense" for cell in CELLS.values())
)


# Choose for each method the smallest network whose validation error is at most 0.2 points above that of dense training.
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


# Target: the operating points of a sweep, with `--configfile config/tune.yaml`.
rule tune:
    input:
        rules.choose_operating_points.output,
