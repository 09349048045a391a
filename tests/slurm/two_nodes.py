"""A slurm cluster of two nodes on this host: munged, slurmctld and two slurmd, all in one temporary folder."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

PR_SET_CHILD_SUBREAPER = 36
"""Option of prctl(2): a process that sets it becomes the parent of its descendants whose own parents ended."""
NODES = ("n1", "n2")


class Job(NamedTuple):
    """A line of squeue: identifier, state, node ("" while none is given) and comment, where Snakemake puts rule and
    wildcards."""

    identifier: int
    state: str
    node: str
    comment: str


class Cluster:
    """A running cluster; `environment` lets slurm's commands find it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self.environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all daemons and wait until both nodes are idle; raises TimeoutError with the end of the logs."""
        template = Path(__file__).with_name("slurm.conf").read_text()
        (self.folder / "slurm.conf").write_text(template.replace("{folder}", str(self.folder)))
        self._srun()
        munge = self.folder / "munge"
        for folder in (munge, self.folder / "state", *(self.folder / f"spool.{node}" for node in NODES)):
            folder.mkdir()
        munge.chmod(0o711)  # munged refuses a socket that others cannot reach
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o400)
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={munge / name}" for option, name in files.items()]
        self._daemon("munged", "--foreground", "--force", *options)  # --force: the key is root's, not munge's
        self._wait_for(lambda: (munge / "socket").exists())
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self._daemon("slurmd", "-D", "-N", node, name=node)
        self._wait_for(lambda: self._command("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle"] * 2)

    def jobs(self) -> list[Job]:
        """All jobs since the start, those that ended as well."""
        lines = self._command("squeue", "--states=all", "--noheader", "--sort=i", "--format=%i|%T|%N|%k").splitlines()
        rows = [line.split("|") for line in lines]
        return [Job(int(identifier), *others) for identifier, *others in rows]

    def processes(self, node: str) -> list[psutil.Process]:
        """What runs on a node, its slurmd left out."""
        return psutil.Process(self.daemons[node].pid).children(recursive=True)

    def lose(self, node: str) -> None:
        """End a node as a power cut does: its slurmd and all that runs on it, at once."""
        slurmd = self.daemons[node]
        slurmd.send_signal(signal.SIGSTOP)  # it reports no job's end
        _kill(psutil.Process(slurmd.pid))
        slurmd.wait()

    def _srun(self) -> None:
        """Put an srun into the PATH that knows the configuration: Snakemake's plugin starts it without SLURM_CONF."""
        path = self.folder / "bin" / "srun"
        path.parent.mkdir()
        path.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        path.chmod(0o755)

    def _daemon(self, program: str, *arguments: str, name: str = "") -> None:
        path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
        assert path, f"{program} is not installed"
        with (self.folder / f"{name or program}.out").open("wb") as output:
            self.daemons[name or program] = subprocess.Popen(
                [path, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=adopt_orphans,
            )

    def _command(self, *words: str) -> str:
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    def _wait_for(self, ready, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline or any(daemon.poll() is not None for daemon in self.daemons.values()):
                logs = sorted([*self.folder.glob("*.out"), *self.folder.glob("*.log"), *self.folder.glob("munge/log")])
                ends = [f"{path.name}: {path.read_text()[-1000:]}" for path in logs]
                raise TimeoutError("the cluster did not start\n" + "\n".join(ends))
            time.sleep(0.2)


@contextmanager
def two_nodes() -> Iterator[Cluster]:
    """Start a cluster; at the end, however it comes, every process below this one is ended and the folder removed."""
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # by itself it would skip the end
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="robustprune-slurm-")))
    try:
        cluster.start()
        yield cluster
    finally:
        _kill(psutil.Process(), but_itself=True)
        shutil.rmtree(cluster.folder)


def adopt_orphans() -> None:
    """Keep all descendants of this process below it: slurm's programs leave their parents."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _kill(process: psutil.Process, but_itself: bool = False) -> None:
    """End a process and all below it, also what they start meanwhile."""
    while below := [child for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]:
        for child in below:
            child.kill()
        psutil.wait_procs(below, timeout=5)
    if not but_itself:
        process.kill()
