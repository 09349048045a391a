SEARCHED_WIDTHS = f"{ROOT}/{SMALLEST_WIDTH}/{{search}}.parquet"


# Train networks of rising width until they fit so many images with these labels, in so many steps.
rule search_width:
    input:
        data=ancient(
            f"{STUDY.data.directory}/{STUDY.smallest_width.dataset}.safetensors"
        ),
    output:
        SEARCHED_WIDTHS,
    log:
        f"{ROOT}/logs/{SMALLEST_WIDTH}/{{search}}.log",
    wildcard_constraints:
        search="|".join(STUDY.smallest_width.searches()),
    threads: STUDY.threads
    resources:
        mem_mb=2048,
    params:
        config=CONFIG_FILE,
        asked=STUDY.smallest_width.model_dump(mode="json"),
        source_hash=source_hash("robustprune.experiments.smallest_width.search"),
    shell:
        "robustprune smallest-width --config {params.config:q} --search {wildcards.search:q} > {log:q} 2>&1"
        " || {{ code=$?; tail -n 1 {log:q} >&2; exit $code; }}"


localrules:
    smallest_width,


# Join the tables of all searches.
rule smallest_width:
    input:
        expand(SEARCHED_WIDTHS, search=STUDY.smallest_width.searches()),
    output:
        f"{ROOT}/{SMALLEST_WIDTH}.parquet",
    log:
        f"{ROOT}/logs/{SMALLEST_WIDTH}.log",
    params:
        config=CONFIG_FILE,
    shell:
        "robustprune smallest-width --config {params.config:q} > {log:q} 2>&1"
