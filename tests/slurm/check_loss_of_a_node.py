"""The smoke study through the shipped profile for slurm, on two nodes of which one is lost in the middle.

It needs root, a container, slurm and munge: `make test-slurm` runs it, `make test` does not (the name of this file does
not begin with test)."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from psutil import AccessDenied, NoSuchProcess
from test_pipeline import checkout  # noqa: F401 (a fixture)
from two_nodes import Cluster, two_nodes

from robustprune.records.record import read_record

pytestmark = pytest.mark.timeout(5400)
CONFIG = "config/smoke.yaml"
PROFILE = ["--workflow-profile", "workflow/profiles/slurm", "--configfile", CONFIG]
# this cluster has no accounting, so that sacct knows nothing; jobs of seconds are asked for often
OF_THIS_CLUSTER = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5"]
LOST, OTHER = "n1", "n2"


def training(cluster: Cluster, node: str) -> tuple[str, str] | None:
    """Configuration and key of the cell that trains on a node, from the first line of its log to its record."""
    for process in cluster.processes(node):
        try:
            words, folder = process.cmdline(), process.cwd()
        except (NoSuchProcess, AccessDenied):
            continue
        if "--cell" in words and "train" in words:
            config, key = (words[words.index(option) + 1] for option in ("--config", "--cell"))
            root = Path(folder, config).parent
            log = root / "logs" / key / "train.log"
            if log.is_file() and log.stat().st_size and not (root / "runs" / key / "record.json").exists():
                return config, key
    return None


def records(folder: Path) -> list[Path]:
    return sorted(folder.rglob("runs/**/record.json"))


def in_the_middle(cluster: Cluster) -> bool:
    """Whether both nodes have completed jobs, six together, and are at work on others."""
    nodes = {state: [job.node for job in cluster.jobs() if job.state == state] for state in ("COMPLETED", "RUNNING")}
    return len(nodes["COMPLETED"]) >= 6 and all(set(names) == {LOST, OTHER} for names in nodes.values())


def test_the_study_is_completed_on_the_other_node(checkout, tmp_path):  # noqa: F811
    root = checkout / yaml.safe_load((checkout / CONFIG).read_text())["root"]
    with two_nodes() as cluster:
        environment = {**cluster.environment, "PYTHONPATH": str(checkout / "src"), "XDG_CACHE_HOME": str(tmp_path)}
        environment["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{environment['PATH']}"
        words = [sys.executable, "-m", "snakemake", str((root / "runs.csv").relative_to(checkout)), *PROFILE]
        started, lost = time.monotonic(), None
        with (tmp_path / "snakemake.log").open("w") as log:
            run = subprocess.Popen(
                [*words, *OF_THIS_CLUSTER], cwd=checkout, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            while run.poll() is None:
                time.sleep(0.3)
                if lost is None and in_the_middle(cluster) and (lost := training(cluster, LOST)):
                    cluster.lose(LOST)
                    before, when = len(records(root)), time.monotonic() - started
        jobs, seconds = cluster.jobs(), time.monotonic() - started
        output = (tmp_path / "snakemake.log").read_text()
        assert run.returncode == 0, output[-6000:]
        assert lost, "the study ended before a cell trained on both nodes"

        # the cell of the lost node ran again on the other one, and nothing has run on the lost node since
        config, key = lost
        ended = [job for job in jobs if job.node == LOST and job.state != "COMPLETED"]
        assert [job.state for job in ended] == ["NODE_FAIL"]
        again = [job for job in jobs if job.comment == ended[0].comment and job != ended[0]]
        assert [(job.state, job.node) for job in again] == [("COMPLETED", OTHER)]
        completed = [job for job in jobs if job.state == "COMPLETED"]
        by_node = {node: [job for job in completed if job.node == node] for node in (LOST, OTHER)}
        assert by_node[LOST]
        assert len(completed) == len(jobs) - 1

        # every cell has a record that counts, and nothing is left to do
        found = [read_record(path) for path in records(root)]
        assert len(found) == len(completed)
        command = [*words, "--executor", "local", "--cores", "1", "--dry-run"]
        dry = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
        assert "Nothing to be done" in dry.stdout + dry.stderr

        # a run on this host, without slurm, has the same bits
        folder = tmp_path / "alone"
        command = [sys.executable, "-m", "robustprune.cli", "train", "--config", config, "--cell", key]
        subprocess.run([*command, "--output", folder], cwd=checkout, env=environment, check=True)
        cell = (checkout / config).parent / "runs" / key
        alone, through_slurm = (read_record(path / "record.json").comparable() for path in (folder, cell))
        assert alone == through_slurm
        networks = [(path / "networks.safetensors").read_bytes() for path in (folder, cell)]
        assert networks[0] == networks[1]

    print(
        f"\n{len(found)} cells in {len(jobs)} jobs, {seconds:.0f} s; {LOST} was lost after {when:.0f} s with {before} "
        f"cells trained, in the middle of {key}, which {OTHER} trained again. "
        + ", ".join(f"{node}: {len(done)} jobs completed" for node, done in by_node.items())
    )
