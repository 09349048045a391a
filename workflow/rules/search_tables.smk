SEARCH_TABLES = ["tradeoff"]


# Join all records of the search in tables, and show its curves of error against size.
use rule collect as collect_searched with:
    input:
        points=rules.operating_points.output,
    output:
        expand(f"{SEARCH_ROOT}/{{file}}", file=COLLECTED + BESIDE),
    log:
        f"{SEARCH_ROOT}/logs/collect.log",
    params:
        config=SEARCH_CONFIG,
        cells=[],
        source_hash=source_hash("robustprune.gathering.collection"),


use rule tables_of_runs as tables_of_search with:
    input:
        expand(f"{SEARCH_ROOT}/{{file}}", file=OF_TABLES + ["kept.parquet"]),
    output:
        csv=expand(f"{SEARCH_ROOT}/tables/{{name}}.csv", name=SEARCH_TABLES),
        tex=expand(f"{SEARCH_ROOT}/tables/{{name}}.tex", name=SEARCH_TABLES),
        json=expand(f"{SEARCH_ROOT}/tables/{{name}}.json", name=SEARCH_TABLES),
        html=report(
            expand(f"{SEARCH_ROOT}/tables/{{name}}.html", name=SEARCH_TABLES),
            category="Tables (search)",
            caption="../report/tables.rst",
        ),
    log:
        f"{SEARCH_ROOT}/logs/tables.log",
