localrules:
    paper_of_runs,
    paper_of_reference,
    paper,


PAPER = sorted(
    str(path) for path in Path("paper").rglob("*") if path.suffix in (".typ", ".bib")
)


# Make the paper from the user's own runs. What they lack is named in it.
rule paper_of_runs:
    input:
        sources=PAPER,
        runs=f"{ROOT}/runs.csv",
        tables=rules.tables_of_runs.output,
        figures=expand(f"{ROOT}/figures/{{name}}.svg", name=DRAWN),
        sweep=lambda wildcards: rules.tables_of_search.output if SEARCHES else [],
    output:
        f"{ROOT}/paper.pdf",
    log:
        f"{ROOT}/logs/paper.log",
    params:
        source=lambda wildcards, input: Path(input.runs).parent,
        parts=[
            *("--part", "study", f"{ROOT}/tables", f"{ROOT}/figures"),
            *("--part", "sweep", f"{SEARCH_ROOT}/tables", f"{ROOT}/figures"),
        ],
        script=Path(workflow.basedir, "workflow/scripts/paper.py"),
    shell:
        "python {params.script:q} {params.parts:q} --source {params.source:q} --output {output:q} > {log:q} 2>&1"


# The same from the results shipped with the repository; nothing is trained.
use rule paper_of_runs as paper_of_reference with:
    input:
        sources=PAPER,
        runs=f"{REFERENCE}/runs.csv",
        tables=rules.tables_of_reference.output + rules.tables_of_shipped_search.output,
        figures=expand(
            "figures/{name}.svg",
            name=(set(FIGURES) | set(THEORY)) - set(SEARCH_FIGURES) - set(NOT_SHIPPED),
        ),
        sweep=expand("figures/search/{name}.svg", name=SEARCH_FIGURES),
        beside=SHIPPED_TABLES
        + [path for path in SHIPPED_FIGURES if path.endswith(".svg")],
    output:
        "paper/robustprune.pdf",
    log:
        f"{ROOT}/logs/paper_of_reference.log",
    params:
        source=lambda wildcards, input: Path(input.runs).parent,
        parts=[
            *("--part", "study", "figures/tables", "figures"),
            *("--part", "sweep", "figures/search/tables", "figures/search"),
            *(
                word
                for name in SHIPPED
                for word in (
                    "--part",
                    name,
                    f"figures/{name}/tables",
                    f"figures/{name}",
                )
            ),
        ],
        script=Path(workflow.basedir, "workflow/scripts/paper.py"),


# Target: the paper.
rule paper:
    input:
        (
            rules.paper_of_reference.output
            if FROM_REFERENCE
            else rules.paper_of_runs.output
        ),
