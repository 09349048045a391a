# Measure what the tables of docs/related.md show, in the networks that were pruned from their own initial weights.
rule related:
    input:
        networks=lambda wildcards: [
            f"{ROOT}/runs/{key}/networks.safetensors"
            for key in pruned_cells(cells(), STUDY.foreign)
            if TRAINS or Path(ROOT, "runs", key, "networks.safetensors").exists()
        ],
        data=lambda wildcards: sorted(
            {
                ancient(f"{STUDY.data.directory}/{cell.dataset}.safetensors")
                for cell in cells().values()
            }
        ),
    output:
        expand(f"{ROOT}/{{name}}.parquet", name=RELATED_TABLES),
    log:
        f"{ROOT}/logs/related.log",
    threads: STUDY.threads
    resources:
        mem_mb=2048,
    params:
        config=CONFIG_FILE,
        source_hash=source_hash("robustprune.experiments.related.measure"),
    shell:
        "robustprune related --config {params.config:q} > {log:q} 2>&1"
