WATCHED = watched_cells(PLANNED)


if WATCHED and TRAINS:

    # Train cells and note how far the weights of units had moved when they left. Such a cell begins anew after a kill.
    use rule train as train_watched with:
        output:
            record=f"{ROOT}/runs/{CELL}/record.json",
            details=multiext(
                f"{ROOT}/runs/{CELL}/",
                "history.parquet",
                "gates.npz",
                "networks.safetensors",
            ),
            left=f"{ROOT}/runs/{CELL}/{MOVED}.parquet",
        wildcard_constraints:
            method="bernoulli",
            strength="|".join({cell.strength for cell in WATCHED.values()}),

    ruleorder: train_watched > train


# Measure what the tables of docs/related.md show, in networks that were pruned from their own initial weights or
# fine-tuned.
rule related:
    input:
        networks=lambda wildcards: [
            f"{ROOT}/runs/{key}/networks.safetensors"
            for key in measured_cells(cells(), STUDY.foreign)
            if TRAINS or Path(ROOT, "runs", key, "networks.safetensors").exists()
        ],
        left=[f"{ROOT}/runs/{key}/{MOVED}.parquet" for key in WATCHED if TRAINS],
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
