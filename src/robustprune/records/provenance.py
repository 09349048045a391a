"""Provenance of a result: versions, commit and machine."""

import hashlib
import platform
import subprocess
from pathlib import Path
from typing import Any

from robustprune import __version__
from robustprune.records.code_hash import PACKAGE


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def device_name(device: str) -> str:
    """Return the readable name of a torch device: that of the GPU or of the processor."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def hostname_hash() -> str:
    """Return the machine's name as it stands in records: 12 digits of its SHA-256."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def provenance(code: str, device: str, threads: int) -> dict[str, Any]:
    """Return the fields of a record's provenance, except times and memory; code: the hash of the code that ran."""
    import numpy
    import torch

    # an installed package can lie in a folder that another repository ignores
    own = _git("ls-files", "--error-unmatch", "__init__.py") is not None
    status = _git("status", "--porcelain", "--untracked-files=no") if own else None
    return {
        "package_version": __version__,
        "git_commit": _git("rev-parse", "HEAD") if own else None,
        "git_dirty": None if status is None else bool(status),
        "source_hash": code,
        "torch_version": torch.__version__,
        "numpy_version": numpy.__version__,
        "python_version": platform.python_version(),
        "device": device_name(device),
        "threads": threads,
        "hostname_hash": hostname_hash(),
    }


def peak_memory_mib() -> float | None:
    """Return the peak resident memory of this process so far in MiB; None on Windows, which does not report it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if platform.system() == "Darwin" else 1024)
