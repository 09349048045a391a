# Measure what each kept unit is worth, in the networks of the study whose method has a price.
rule unit_values:
    input:
        networks=lambda wildcards: [
            f"{ROOT}/runs/{key}/networks.safetensors"
            for key in priced_cells(cells())
            if TRAINS or Path(ROOT, "runs", key, "networks.safetensors").exists()
        ],
        data=lambda wildcards: sorted(
            {
                ancient(f"{STUDY.data.directory}/{cell.dataset}.safetensors")
                for cell in cells().values()
            }
        ),
    output:
        f"{ROOT}/unit_values.parquet",
    log:
        f"{ROOT}/logs/unit_values.log",
    threads: STUDY.threads
    resources:
        mem_mb=2048,
    params:
        config=CONFIG_FILE,
        source_hash=source_hash("robustprune.experiments.unit_values"),
    shell:
        "robustprune unit-values --config {params.config:q} --output {output:q} > {log:q} 2>&1"
