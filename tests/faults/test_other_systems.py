"""Systems without what Linux has (case B18), and other locales than UTF-8."""

import os
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

from robustprune.errors import StudyError
from robustprune.files import write_table
from robustprune.gathering.programs import checked_cells
from robustprune.records.provenance import peak_memory_mib
from robustprune.study.config import validate_study

LACKING = {
    "Windows": (
        "fcntl grp posix pty pwd resource syslog termios tty",
        "chown fork forkpty getegid geteuid getgid getpgid getuid killpg mkfifo nice O_CLOEXEC O_DIRECTORY "
        "sched_getaffinity setsid statvfs sysconf uname wait4",
    ),
    "Darwin": ("", "fdatasync posix_fadvise sched_getaffinity sched_setaffinity"),
}
"""Modules and names of `os` that a system lacks."""
WITHOUT = """
import importlib, os, platform, pkgutil, signal, sys
from pathlib import Path

# what the package needs has its own code for each system: it is loaded before anything is hidden
import matplotlib.pyplot, pandas, pyarrow.parquet, pydantic, safetensors.torch, scipy.stats, seaborn
import sklearn.datasets, torch, torch._dynamo, tqdm, yaml, jinja2, sklearn.isotonic
from robustprune.data.torchvision_import import import_datasets
import_datasets()
for name in [name for name in sys.modules if name.partition(".")[0] == "robustprune"]:
    del sys.modules[name]

system, modules, names = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
for name in modules:
    sys.modules[name] = None  # its import then fails
for name in names:
    delattr(os, name)
if system == "Windows":
    for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM"):
        delattr(signal, name)
platform.system, platform.libc_ver = lambda: system, lambda *arguments: ("", "")

def hidden(path, read):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return read(path)

exists, read_bytes = Path.exists, Path.read_bytes
Path.exists = lambda path: not str(path).startswith("/proc") and exists(path)
Path.read_bytes = lambda path: hidden(path, read_bytes)

import robustprune
for module in pkgutil.walk_packages(robustprune.__path__, "robustprune."):
    importlib.import_module(module.name)
from robustprune.cli import main

for words in (
    ["plan", "--config", "study.yaml"],
    ["prepare", "digits"],
    ["train", "--config", "study.yaml", "--cell", "digits/lenet_300_100-full/bernoulli/b/he_normal/width-0.5"],
    ["collect", "--config", "study.yaml"],
    ["tables", "--source", "results", "--output", "tables"],
    ["status", "--config", "study.yaml"],
):
    assert main(words) == 0, words
"""


def run(folder, *words, **environment):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **environment}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )


def study(**values):
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "widths": [0.5], "replicates": 1}
    strengths = {"bernoulli": {"b": {"price": 2e-3}}}
    return {"strengths": strengths, "study": [grid | {"methods": {"bernoulli": ["b"]}}]} | values


def test_a_system_without_the_module_resource(monkeypatch):
    assert peak_memory_mib() > 1
    monkeypatch.setitem(sys.modules, "resource", None)  # its import then fails, as on Windows
    assert peak_memory_mib() is None


@pytest.mark.slow
@pytest.mark.parametrize("system", LACKING)
def test_the_package_needs_nothing_that_windows_or_macos_lack(tmp_path, system):
    """Every module is imported and a study is planned, trained, collected and shown."""
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study(training={"epochs": 1, "batch_size": 64})))
    modules, names = LACKING[system]
    present = " ".join(name for name in names.split() if hasattr(os, name))  # these tests run on macOS as well
    done = run(tmp_path, "-c", WITHOUT, system, modules, present)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 done" in done.stdout


def test_text_is_utf_8_in_every_locale(tmp_path):
    """Under a locale of ASCII; Python 3.11 would use UTF-8 by itself unless told otherwise."""
    program = (
        "from pathlib import Path; from robustprune.files import read_text, write_text; path = Path('file.yaml');"
        "write_text(path, 'größe: ε\\n'); assert read_text(path) == 'größe: ε\\n'"
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    done = run(tmp_path, "program.py", LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file.yaml").read_bytes() == "größe: ε\n".encode()


def test_a_name_that_the_terminal_cannot_show_stops_nothing(tmp_path):
    """A folder's name may hold letters that the code page of a Windows console lacks."""
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study(root="结果"), allow_unicode=True), encoding="utf-8")
    done = run(tmp_path, "-m", "robustprune.cli", "plan", "--config", "study.yaml", PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    assert r"results go to \u7ed3\u679c" in done.stdout


def test_tables_have_the_same_bytes_on_every_system(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "linesep", "\r\n")  # as on Windows
    write_table(pd.DataFrame({"a": [1, 2]}), tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == b"a\n1\n2\n"


@pytest.mark.parametrize(
    ("keys", "refusal"),
    [(["b", "B"], "differ in upper and lower case only"), (["Aux"], "Windows knows no folder Aux"), (["b", "b_"], "")],
)
def test_cells_have_folders_on_every_system(keys, refusal):
    values = study(strengths={"bernoulli": {key: {"price": 2e-3} for key in keys}})
    values["study"][0]["methods"] = {"bernoulli": keys}
    config = validate_study(values, "test")
    if not refusal:
        assert len(checked_cells(config)) == 2
        return
    with pytest.raises(StudyError, match=refusal):
        checked_cells(config)
