"""Where a result came from: versions, commit, machine, and a hash of exactly the source that training ran."""

import ast
import hashlib
import os
import platform
import resource
import subprocess
from pathlib import Path
from typing import Any

from robustprune import __version__

PACKAGE = Path(__file__).parents[1]


def _module_file(module: str) -> Path | None:
    """File of a module of this package, or None for any other name."""
    if module.split(".")[0] != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _imports(path: Path) -> set[str]:
    """Absolute names that a file imports; `from package import name` yields both package and package.name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def source_files(*modules: str) -> list[Path]:
    """The package files that the given modules need, following imports written in the source."""
    pending, found = list(modules), set()
    while pending:
        path = _module_file(pending.pop())
        if path and path not in found:
            found.add(path)
            pending.extend(_imports(path))
    return sorted(found)


def source_hash(*modules: str) -> str:
    """Hash of the package files that the given modules need: the parameter by which rules notice edited source."""
    digest = hashlib.sha256()
    for path in source_files(*modules):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def training_hash(method: str) -> str:
    """Source hash of training `method`: the engine and that method's own file, no other method.

    Editing one method's file therefore reruns only its own cells.
    """
    return source_hash("robustprune.engine.running", f"robustprune.methods.{method}", f"robustprune.starts.{method}")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def device_name(device: str) -> str:
    """Human-readable name of a torch device: the GPU's, or the processor's."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def provenance(method: str, device: str, threads: int) -> dict[str, Any]:
    """Everything needed to trust or repeat a result, except times (the trainer adds those)."""
    import numpy
    import torch

    status = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "package_version": __version__,
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": None if status is None else bool(status),
        "source_hash": training_hash(method),
        "torch_version": torch.__version__,
        "numpy_version": numpy.__version__,
        "python_version": platform.python_version(),
        "device": device_name(device),
        "threads": threads,
        "hostname_hash": hashlib.sha256(platform.node().encode()).hexdigest()[:12],
    }


def peak_memory_mib() -> float:
    """Peak resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if os.uname().sysname == "Darwin" else 1024)
