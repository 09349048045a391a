"""Run `python -m MODULE` in a process that has the large libraries loaded already: their import takes most of the time
of a dry run. Nothing of robustprune is loaded beforehand, so a copy of the repository runs its own package."""

import multiprocessing
import os
import runpy
import sys
import tempfile
from pathlib import Path

LIBRARIES = ["torch", "snakemake.cli", "seaborn", "scipy.stats", "pyarrow.parquet", "pydantic"]


def run_module(module: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a module in a folder with the package of PYTHONPATH; returns the exit status, and both outputs."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(LIBRARIES)
    with tempfile.TemporaryDirectory() as outputs:
        files = [Path(outputs, name) for name in ("stdout", "stderr")]
        process = forks.Process(target=_run, args=(module, arguments, folder, environment, files))
        process.start()
        process.join()
        return process.exitcode or 0, "".join(path.read_text() for path in files)


def _run(module: str, arguments: list[str], folder: Path, environment: dict[str, str], files: list[Path]) -> None:
    for descriptor, path in zip((1, 2), files, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.path[:0] = [str(folder), environment["PYTHONPATH"]]
    sys.argv = [module, *arguments]
    assert not any(name.partition(".")[0] == "robustprune" for name in sys.modules)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
