"""The script of `make gpu`, here on a CPU: what each call trained comes back, and is kept until it has."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from robustprune.records.packing import unpack_cells

STUDY = """
training: {epochs: 1, batch_size: 64}
strengths: {dense: {a: {}}}
study:
  - {dataset: digits, architecture: lenet_300_100, methods: {dense: [a]}, replicates: 1}
"""
TOOLS = ["bash", "xz", "split", "timeout"]
KEY = "digits/lenet_300_100-full/dense/a/he_normal/width-"


def call(folder, path=""):
    places = {"OUT": folder / "out", "WORK": folder / "work", "BUNDLE": folder / "none", "CONFIGS": "study.yaml"}
    asked = {"STEPS": "train", "DEVICE": "cpu", "PROCESSES": "1", "PYTHON": sys.executable, "UNTIL": "100"}
    values = {**os.environ, **asked, **{name: str(place) for name, place in places.items()}}
    values["PATH"] = path + values["PATH"]
    script = REPOSITORY / "workflow/scripts/gpu.sh"
    subprocess.run(["bash", str(script)], cwd=folder, env=values, check=False)


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")
def test_pieces_of_two_calls_stay_apart_and_cells_wait_for_theirs(tmp_path):
    (tmp_path / "src").symlink_to(REPOSITORY / "src")
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/xz").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/xz").chmod(0o755)
    call(tmp_path, f"{tmp_path / 'bin'}:")
    archive = tmp_path / "work/archives/study.tar"
    assert unpack_cells(archive, tmp_path / "kept") == [f"{KEY}1"], "nothing was written, so the archive stays"
    for path in (tmp_path / "out").glob("cells-*"):
        path.unlink()
    call(tmp_path)
    assert not archive.exists()
    (tmp_path / "study.yaml").write_text(STUDY.replace("replicates", "widths: [0.5], replicates"))
    call(tmp_path)
    found = []
    for first in sorted((tmp_path / "out").glob("cells-*.tar.xz.aa")):
        subprocess.run(["bash", "-c", f"xz -dc < {first} | tar -x -C {tmp_path}"], check=True)
        found += unpack_cells(tmp_path / "study.tar", tmp_path / "back")
    assert found == [f"{KEY}1", f"{KEY}0.5"]
