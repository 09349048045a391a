"""The flow chart of CONTRIBUTING.md is the graph of the workflow's rules."""

import itertools
import os
import re
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY
from forked import run_module

pytestmark = pytest.mark.workflow


def edges_of(mermaid):
    """Edges of a flow chart's lines, e.g. `a --> b & c --> d`."""
    found = set()
    for line in mermaid.splitlines():
        groups = [[name.strip() for name in group.split("&")] for group in line.split("-->")]
        for sources, targets in itertools.pairwise(groups):
            found |= set(itertools.product(sources, targets))
    return found


def test_the_rule_graph_of_the_guide_is_that_of_the_workflow():
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    words = ["--configfile", "config/quick.yaml", "--rulegraph", "mermaid-js"]
    status, output = run_module("snakemake", words, REPOSITORY, environment)
    assert status == 0, output
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", output, re.M))
    real = {(names[source], names[target]) for source, target in edges_of(output)}
    shown = re.search(r"```mermaid\n(.*?)```", (REPOSITORY / "CONTRIBUTING.md").read_text(), re.S)[1]
    assert edges_of(shown) == real
