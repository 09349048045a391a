"""kill -9 of Snakemake and all its jobs: after README's two commands the results have the bits of a run that was not
killed (case B8)."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import yaml
from amounts import amount
from test_pipeline import checkout, snakemake  # noqa: F401 (a fixture)

from robustprune.records.record import read_record

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1800)]
CELL = {"dataset": "digits", "architecture": "lenet_300_100", "widths": [1], "replicates": 2}
STUDY = {
    "training": {"epochs": 12, "batch_size": 16},
    "strengths": {"bernoulli": {"b": {"price": 2e-3}}, "dense": {"d": {}}},
    "study": [CELL | {"methods": {"bernoulli": ["b"], "dense": ["d"]}}],
}


def results(folder):
    """key -> the record without times, and the bytes of the networks."""
    paths = sorted(folder.glob("runs/**/record.json"))
    return {
        str(path.relative_to(folder)): (
            read_record(path).comparable()["replicates"],
            path.with_name("networks.safetensors").read_bytes(),
        )
        for path in paths
    }


def test_a_killed_run_ends_with_the_same_bits(checkout):  # noqa: F811
    snakemake(checkout, "whole/runs.csv", config=STUDY | {"root": "whole"})
    expected = results(checkout / "whole")
    assert len(expected) == 2
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    environment["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{environment['PATH']}"
    rng, unlocked = random.Random(0), 0
    for number in range(amount(1, 5)):
        config = STUDY | {"root": f"killed{number}"}
        (checkout / "tiny.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "--cores", "2", f"killed{number}/runs.csv"]
        process = subprocess.Popen(
            [*command, "--configfile", "tiny.yaml"],
            cwd=checkout,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        logs, deadline = checkout / f"killed{number}" / "logs", time.monotonic() + 300
        while not list(logs.rglob("train.log")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(rng.uniform(1, 6))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        unlocked += bool(list((checkout / ".snakemake" / "locks").glob("*")))
        snakemake(checkout, "--unlock", config=config)
        snakemake(checkout, f"killed{number}/runs.csv", config=config)
        found = results(checkout / f"killed{number}")
        assert list(found.values()) == list(expected.values()), number
        assert not list((checkout / f"killed{number}").rglob("checkpoint.pt"))
    print(f"kills of Snakemake: {number + 1}, locks left behind: {unlocked}; all with the same bits")
    assert unlocked
