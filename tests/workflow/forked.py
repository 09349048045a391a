"""Run `python -m MODULE`, or a line of a shell, in a process that has the large libraries loaded already: their import
takes most of the time of a dry run. Nothing of robustprune is loaded beforehand, so a copy of the repository runs its
own package."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from served import command, enter

LIBRARIES = ["torch", "torch._dynamo", "snakemake.cli", "seaborn", "scipy.stats", "pyarrow.parquet", "pydantic"]


def run_module(module: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a module in a folder with the package of PYTHONPATH; returns the exit status, and both outputs."""
    return _forked(_run_module, module, arguments, folder, environment)


def run_line(line: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a line of a shell whose calls of `robustprune` take the package of PYTHONPATH; returns the same."""
    return _forked(_run_line, line, folder, environment)


def _forked(run: Callable[..., None], *arguments: object) -> tuple[int, str]:
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(LIBRARIES)
    with tempfile.TemporaryDirectory() as outputs:
        process = forks.Process(target=_redirected, args=(run, Path(outputs), *arguments))
        process.start()
        process.join()
        written = [Path(outputs, name) for name in ("stdout", "stderr")]
        return process.exitcode or 0, "".join(path.read_text() for path in written)


def _redirected(run: Callable[..., None], outputs: Path, *arguments: object) -> None:
    for descriptor, name in enumerate(("stdout", "stderr"), start=1):
        os.dup2(os.open(outputs / name, os.O_WRONLY | os.O_CREAT), descriptor)
    with command(outputs) as served:
        run(served, *arguments)


def _run_module(served: Path, module: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    # the jobs of snakemake call robustprune
    enter(folder, _first_in_path(served, environment), [module, *arguments])
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_line(served: Path, line: str, folder: Path, environment: dict[str, str]) -> None:
    sys.exit(subprocess.run(line, shell=True, cwd=folder, env=_first_in_path(served, environment)).returncode)


def _first_in_path(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "PATH": f"{folder}{os.pathsep}{environment['PATH']}"}
