SEARCH_FIGURES = ["error_by_params", "error_by_macs", "controls_difference"]
FORMS = ["pdf", "svg", "png"]
# tables of older versions do not say which units were kept: no map is made of them
NOT_SHIPPED = [] if Path(REFERENCE, "kept.parquet").exists() else ["kept_pixels"]
ON_PAGE = {"caption": "../report/figure.rst", "labels": {"figure": "{name}"}}


# Draw one figure from the user's own runs.
rule figure_of_runs:
    input:
        expand(f"{ROOT}/{{file}}", file=COLLECTED + ["kept.parquet"]),
        PROBES,
        WIDTHS,
    output:
        pdf=f"{ROOT}/figures/{{name}}.pdf",
        svg=f"{ROOT}/figures/{{name}}.svg",
        png=report(
            f"{ROOT}/figures/{{name}}.png",
            category="Figures",
            **ON_PAGE,
        ),
    log:
        f"{ROOT}/logs/figure/{{name}}.log",
    wildcard_constraints:
        name="|".join(
            [*FIGURES, *PROBED_FIGURES, *DEEP, *WIDTH_SEARCHES, *FINE_TUNED, *VARIED]
        ),
    params:
        source=lambda wildcards, input: Path(input[0]).parent,
        folder=lambda wildcards, output: Path(output[0]).parent,
        confidence=STUDY.confidence,
        caption=lambda wildcards: caption(wildcards.name),
        source_hash=source_hash("robustprune.analysis.figures"),
    shell:
        "robustprune figure {wildcards.name:q} --source {params.source:q} --output {params.folder:q}"
        " --confidence {params.confidence:q} > {log:q} 2>&1"


# The same from the results shipped with the repository; nothing is trained.
use rule figure_of_runs as figure_of_reference with:
    input:
        expand(f"{REFERENCE}/{{file}}", file=COLLECTED),
    output:
        pdf="figures/{name}.pdf",
        svg="figures/{name}.svg",
        png=report(
            "figures/{name}.png",
            category="Figures (shipped study)",
            **ON_PAGE,
        ),
    log:
        f"{ROOT}/logs/figure_of_reference/{{name}}.log",


# The same from the shipped search.
use rule figure_of_reference as figure_of_shipped_search with:
    input:
        expand(f"{SHIPPED_SEARCH}/{{file}}", file=COLLECTED),
    output:
        pdf="figures/search/{name}.pdf",
        svg="figures/search/{name}.svg",
        png=report(
            "figures/search/{name}.png",
            category="Figures (shipped search)",
            **ON_PAGE,
        ),
    log:
        f"{ROOT}/logs/figure_of_shipped_search/{{name}}.log",


# Draw a figure of the theory: computed from the parameters in its code, it reads no results.
rule figure_of_theory:
    output:
        pdf="figures/{name}.pdf",
        svg="figures/{name}.svg",
        png=report(
            "figures/{name}.png",
            category="Figures (theory)",
            **ON_PAGE,
        ),
    log:
        f"{ROOT}/logs/figure_of_theory/{{name}}.log",
    wildcard_constraints:
        name="|".join(THEORY),
    params:
        folder=lambda wildcards, output: Path(output[0]).parent,
        caption=lambda wildcards: caption(wildcards.name),
        source_hash=source_hash("robustprune.analysis.figures"),
    shell:
        "robustprune figure {wildcards.name:q} --output {params.folder:q} > {log:q} 2>&1"
