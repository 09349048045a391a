localrules:
    page_of_runs,
    page_of_reference,
    page,


# Write the results page from the user's own runs.
rule page_of_runs:
    input:
        expand(f"{ROOT}/{{file}}", file=OF_TABLES),
        rules.tables_of_runs.output,
        expand(f"{ROOT}/figures/{{name}}.{{form}}", name=DRAWN, form=["svg", "png"]),
        lambda wildcards: (
            [*rules.collect_searched.output, *rules.tables_of_search.output]
            if SEARCHES
            else []
        ),
        lambda wildcards: (rules.check.output if STUDY.compare_with else []),
    output:
        f"{ROOT}/page.html",
    log:
        f"{ROOT}/logs/page.log",
    params:
        parts=words(
            ("study", ROOT, f"{ROOT}/tables", f"{ROOT}/figures"),
            *(
                [("search", SEARCH_ROOT, f"{SEARCH_ROOT}/tables", "-")]
                if SEARCHES
                else []
            ),
            *beside(ROOT, "settings"),
        ),
        check=["--check", f"{ROOT}/check"] if STUDY.compare_with else [],
        confidence=STUDY.confidence,
        source_hash=source_hash("robustprune.page.write"),
        templates=file_digests(TEMPLATES, sorted(os.listdir(TEMPLATES))),
    shell:
        "robustprune page {params.parts:q} {params.check:q} --confidence {params.confidence:q} --output {output:q}"
        " > {log:q} 2>&1"


# The same from the results shipped with the repository; nothing is trained.
use rule page_of_runs as page_of_reference with:
    input:
        expand(f"{REFERENCE}/{{file}}", file=OF_TABLES),
        rules.tables_of_reference.output,
        rules.tables_of_shipped_search.output,
        expand(
            "figures/{name}.{form}",
            name=[
                name
                for name in [*FIGURES, *THEORY]
                if name not in [*SEARCH_FIGURES, *NOT_SHIPPED]
            ],
            form=["svg", "png"],
        ),
        expand("figures/search/{name}.{form}", name=SEARCH_FIGURES, form=["svg", "png"]),
        SHIPPED_TABLES,
        SHIPPED_FIGURES,
    output:
        "figures/page.html",
    log:
        f"{ROOT}/logs/page_of_reference.log",
    params:
        parts=words(
            ("study", REFERENCE, "figures/tables", "figures"),
            ("search", SHIPPED_SEARCH, "figures/search/tables", "figures/search"),
            *[part for part in beside(REFERENCE, "*") if part[1] != SHIPPED_SEARCH],
        ),
        check=[],
        confidence=STUDY.confidence,
        source_hash=source_hash("robustprune.page.write"),
        templates=file_digests(TEMPLATES, sorted(os.listdir(TEMPLATES))),


# Target: the results page.
rule page:
    input:
        (
            rules.page_of_reference.output
            if FROM_REFERENCE
            else rules.page_of_runs.output
        ),
