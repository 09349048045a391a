"""Seconds and memory of everything that looks at a whole study, for studies of thousands of cells.

`make scale` writes benchmarks/scale.csv. Every measurement is a process of its own, on made-up records and tables
(made_up_runs.py, made_up_tables.py). Wall time and processor seconds stand side by side: on a machine that does other
work only the second says something, and it, too, is longer there. The row `loop` is ten million additions in Python.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from made_up_runs import made_up_study, write_made_up_runs
from made_up_tables import write_made_up_tables

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LOOP = "total = 0\nfor number in range(10_000_000): total += number"
EMPTY = """
rule all:
    input: "summary"
rule summary:
    input: [f"runs/p{{number}}/width-1/record.json" for number in range({jobs})]
    output: "summary"
    shell: "true"
rule train:
    output:
        "runs/{{strength}}/width-{{width}}/record.json",
        multiext("runs/{{strength}}/width-{{width}}/", "history.parquet", "gates.npz", "networks.safetensors"),
    log: "logs/{{strength}}/width-{{width}}/train.log"
    shell: "true"
"""
"""A workflow with as many jobs as a study has cells, and nothing to compute for any."""
SHOW = """
import sys
from pathlib import Path
from robustprune.analysis.{module} import {names}, {function}
source, output = map(Path, sys.argv[1:])
{call}
"""
TABLES = SHOW.format(module="tables", names="TABLES", function="write_tables", call="write_tables(source, output)")
FIGURES = SHOW.format(
    module="figures", names="FIGURES", function="draw_figures", call="draw_figures(FIGURES, source, output)"
)

MEASURE = """
import json, os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, used = os.wait4(process.pid, 0)
print(json.dumps([status, time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""A small process of its own: the peak memory of a child is at least that of the process which starts it."""


def measured(what: str, size: int, command: Sequence[str | Path], folder: Path = REPOSITORY) -> dict:
    """Run a command; return wall and processor seconds and peak memory. Raises RuntimeError where it fails."""
    measuring = [sys.executable, "-I", "-c", MEASURE, *map(str, command)]
    done = subprocess.run(measuring, cwd=folder, capture_output=True, text=True, check=True)
    status, wall, processor, memory = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"{what}: {done.stderr[-2000:]}")
    row = {"what": what, "size": size, "wall_s": wall, "processor_s": processor, "memory_mib": memory}
    print(f"{what} ({size:,}): {wall:.0f} s, {processor:.0f} processor seconds, {memory:.0f} MiB", flush=True)
    return row


def of_cells(folder: Path, cells: int) -> Iterator[dict]:
    """Yield the measurements of a study of that many cells: before it begins, and when all have records."""
    config = made_up_study(folder / "study", cells)
    given = ["--config", folder / "study" / "config.yaml"]
    (folder / "Snakefile").write_text(EMPTY.format(jobs=cells))
    dry = [BIN / "snakemake", "--dry-run", "--quiet", "all", "--cores", "2"]
    yield measured("dry run of an empty workflow", cells, dry, folder)
    yield measured("dry run", cells, [*dry, "--configfile", given[1]])
    yield measured("plan", cells, [BIN / "robustprune", "plan", *given, "--cores", "2"])
    write_made_up_runs(config)
    yield measured("status", cells, [BIN / "robustprune", "status", *given])
    yield measured("collect", cells, [BIN / "robustprune", "collect", *given])


def of_rows(folder: Path, rows: int) -> Iterator[dict]:
    """Yield the measurements of all tables and all figures of that many networks."""
    source = folder / "tables"
    rows = write_made_up_tables(REPOSITORY / "config" / "config.yaml", source, rows)
    for what, program in (("all tables", TABLES), ("all figures", FIGURES)):
        yield measured(what, rows, [sys.executable, "-c", program, source, folder / "shown"])


def main() -> None:
    """Measure; write and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="*", default=[2_000, 10_000], help="cells of the studies")
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000], help="networks of the tables")
    parser.add_argument("--output", type=Path, default=Path("benchmarks"))
    arguments = parser.parse_args()
    found = [measured("loop", 10_000_000, [sys.executable, "-c", LOOP])]
    for sizes, measure in ((arguments.cells, of_cells), (arguments.rows, of_rows)):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                found += measure(Path(folder), size)
    table = pd.DataFrame(found).round(1)
    table.to_csv(arguments.output / "scale.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
