"""Run `python -m MODULE` in a process that has the large libraries loaded already: their import takes most of the time
of a dry run. Nothing of robustprune is loaded beforehand, so a copy of the repository runs its own package."""

import multiprocessing
import os
import runpy
import tempfile
from contextlib import ExitStack
from pathlib import Path

from served import command, enter

LIBRARIES = ["torch", "torch._dynamo", "snakemake.cli", "seaborn", "scipy.stats", "pyarrow.parquet", "pydantic"]


def run_module(module: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a module in a folder with the package of PYTHONPATH; returns the exit status, and both outputs."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(LIBRARIES)
    with tempfile.TemporaryDirectory() as outputs:
        process = forks.Process(target=_run, args=(module, arguments, folder, environment, Path(outputs)))
        process.start()
        process.join()
        written = [Path(outputs, name) for name in ("stdout", "stderr")]
        return process.exitcode or 0, "".join(path.read_text() for path in written)


def _run(module: str, arguments: list[str], folder: Path, environment: dict[str, str], outputs: Path) -> None:
    for descriptor, name in enumerate(("stdout", "stderr"), start=1):
        os.dup2(os.open(outputs / name, os.O_WRONLY | os.O_CREAT), descriptor)
    with ExitStack() as stack:
        if module == "snakemake":  # its jobs call robustprune
            served = stack.enter_context(command(outputs))
            environment["PATH"] = f"{served}{os.pathsep}{environment['PATH']}"
        enter(folder, environment, [module, *arguments])
        runpy.run_module(module, run_name="__main__", alter_sys=True)
