REFERENCE = "results/reference"
# the search for strengths of the shipped study, beside the study
SHIPPED_SEARCH = f"{REFERENCE}/search"
SEARCH_TABLES = [
    "tradeoff",
    "floors",
    "controls",
    "published_results",
    "published_settings",
]
OF_TABLES = ["runs.csv", "details.csv", "missing.csv"]
MEASURED = [
    "history.parquet",
    "kept.parquet",
    *(["unit_values.parquet"] if STUDY.unit_values else []),
    *([f"{name}.parquet" for name in RELATED_TABLES] if STUDY.related else []),
    *[Path(path).name for path in [*PROBES, *WIDTHS]],
]
STUDY_TABLES = [name for name in TABLES if name not in SEARCH_TABLES]
# What the targets `tables` and `figures` show: with auto the shipped reference, until the user has runs.
FROM_REFERENCE = STUDY.results == "reference" or (
    STUDY.results == "auto" and not Path(ROOT, "runs").exists()
)


# Make all tables from the user's own runs.
rule tables_of_runs:
    input:
        expand(f"{ROOT}/{{file}}", file=OF_TABLES + MEASURED),
        # errors at equal size need the curves of the search
        lambda wildcards: (rules.collect_searched.output if SEARCHES else []),
        # a study beside this one (config/settings.yaml), where it has run
        [path for path in [f"{ROOT}/settings/runs.csv"] if Path(path).exists()],
    output:
        csv=expand(f"{ROOT}/tables/{{name}}.csv", name=TABLES),
        tex=expand(f"{ROOT}/tables/{{name}}.tex", name=TABLES),
        json=expand(f"{ROOT}/tables/{{name}}.json", name=TABLES),
        html=report(
            expand(f"{ROOT}/tables/{{name}}.html", name=TABLES),
            category="Tables",
            caption="../report/tables.rst",
        ),
    log:
        f"{ROOT}/logs/tables.log",
    params:
        source=lambda wildcards, input: Path(input[0]).parent,
        folder=lambda wildcards, output: Path(output[0]).parent,
        names=lambda wildcards, output: [Path(page).stem for page in output.html],
        confidence=STUDY.confidence,
        source_hash=source_hash("robustprune.analysis.tables"),
    shell:
        "robustprune tables --source {params.source:q} --output {params.folder:q} --names {params.names:q}"
        " --confidence {params.confidence:q} > {log:q} 2>&1"


# The same from the results shipped with the repository; nothing is trained.
use rule tables_of_runs as tables_of_reference with:
    input:
        expand(f"{REFERENCE}/{{file}}", file=OF_TABLES + ["kept.parquet"]),
        expand(f"{SHIPPED_SEARCH}/{{file}}", file=OF_TABLES),
    output:
        csv=expand("figures/tables/{name}.csv", name=STUDY_TABLES),
        tex=expand("figures/tables/{name}.tex", name=STUDY_TABLES),
        json=expand("figures/tables/{name}.json", name=STUDY_TABLES),
        html=report(
            expand("figures/tables/{name}.html", name=STUDY_TABLES),
            category="Tables (shipped study)",
            caption="../report/tables.rst",
        ),
    log:
        f"{ROOT}/logs/tables_of_reference.log",


# The same from the shipped search.
use rule tables_of_runs as tables_of_shipped_search with:
    input:
        expand(f"{SHIPPED_SEARCH}/{{file}}", file=OF_TABLES),
    output:
        csv=expand("figures/search/tables/{name}.csv", name=SEARCH_TABLES),
        tex=expand("figures/search/tables/{name}.tex", name=SEARCH_TABLES),
        json=expand("figures/search/tables/{name}.json", name=SEARCH_TABLES),
        html=report(
            expand("figures/search/tables/{name}.html", name=SEARCH_TABLES),
            category="Tables (shipped search)",
            caption="../report/tables.rst",
        ),
    log:
        f"{ROOT}/logs/tables_of_shipped_search.log",
