# Studies that are shipped beside the reference, each with what it is shown by: tables and figures.
SHIPPED = {
    "ablations": (["variants", "undetermined"], ["variants_difference"]),
    "controls": (["controls"], ["controls_difference"]),
    "layers": (
        [
            "depth_kept",
            "depth_equivalence",
            "depth_optimum",
            "joint",
            "layers_hypotheses",
        ],
        ["depth_kept_by_start", "depth"],
    ),
    "mars": (["ball", "finetune"], ["finetune"]),
    "smallest_width": (["smallest_width"], ["smallest_width"]),
    "related": (["imbalance", "label_free", "cafo_blocks", "tradeoff"], []),
    "probes": (
        [
            "false_removals",
            "certified",
            "gate_worth",
            "estimators",
            "gate_ends",
            "undetermined",
        ],
        ["false_removals_by_rule", "units_beside_bounds", "estimator_quality"],
    ),
}
SHIPPED_TABLES = [
    f"figures/{study}/tables/{name}.{form}"
    for study, (tables, _) in SHIPPED.items()
    for name in tables
    for form in ["csv", "tex", "json", "html"]
]
SHIPPED_FIGURES = [
    f"figures/{study}/{name}.{form}"
    for study, (_, figures) in SHIPPED.items()
    for name in figures
    for form in FORMS
]


localrules:
    table_of_shipped,
    figure_of_shipped,


# Make one table of a study that is shipped beside the reference.
use rule tables_of_runs as table_of_shipped with:
    input:
        collected_of_shipped,
    output:
        csv=["figures/{study}/tables/{name}.csv"],
        tex=["figures/{study}/tables/{name}.tex"],
        json=["figures/{study}/tables/{name}.json"],
        html=report(
            ["figures/{study}/tables/{name}.html"],
            category="Tables (studies beside the reference)",
            caption="../report/tables.rst",
        ),
    log:
        f"{ROOT}/logs/table_of_shipped/{{study}}/{{name}}.log",
    wildcard_constraints:
        study="|".join(SHIPPED),


# Draw one figure of a study that is shipped beside the reference.
use rule figure_of_reference as figure_of_shipped with:
    input:
        collected_of_shipped,
    output:
        pdf="figures/{study}/{name}.pdf",
        svg="figures/{study}/{name}.svg",
        png=report(
            "figures/{study}/{name}.png",
            category="Figures (studies beside the reference)",
            **ON_PAGE,
        ),
    log:
        f"{ROOT}/logs/figure_of_shipped/{{study}}/{{name}}.log",
    wildcard_constraints:
        study="|".join(SHIPPED),


# Target: all tables.
rule tables:
    input:
        (
            [
                *rules.tables_of_reference.output,
                *rules.tables_of_shipped_search.output,
                *SHIPPED_TABLES,
            ]
            if FROM_REFERENCE
            else rules.tables_of_runs.output
        ),


# Target: all figures in every form. Git holds only some, as PNG.
rule figures:
    input:
        (
            expand(
                "figures/{name}.{form}",
                name=(set(FIGURES) | set(THEORY))
                - set(SEARCH_FIGURES)
                - set(NOT_SHIPPED),
                form=FORMS,
            )
            + expand("figures/search/{name}.{form}", name=SEARCH_FIGURES, form=FORMS)
            + SHIPPED_FIGURES
            if FROM_REFERENCE
            else expand(f"{ROOT}/figures/{{name}}.{{form}}", name=DRAWN, form=FORMS)
        ),
