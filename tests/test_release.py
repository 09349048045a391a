"""What a release consists of: one version, hosted checks, and a wheel that works without the repository."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PLUG_IN = re.search(
    r"^`(plugins/methods/soft_gates\.py)`:\n\n```python\n(.*?)^```",
    (REPOSITORY / "docs" / "how-to-plugins.md").read_text(),
    re.M | re.S,
)
STUDY = {
    "strengths": {"soft_gates": {"a": {"price": 1e-3}}},
    "training": {"epochs": 1},
    "study": [
        {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"soft_gates": ["a"]}, "replicates": 1}
    ],
}
KEY = "digits/lenet_300_100-full/soft_gates/a/he_normal/width-1"
PROGRAM = f"""
from pathlib import Path
import robustprune
pruned = robustprune.load_network(Path("results/runs/{KEY}"), replicate=0)
print(robustprune.__version__, Path(robustprune.__file__).parent)
print(tuple(pruned(robustprune.load_dataset("digits").test_images[:5].float() / 255).shape))
"""


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    headings = re.findall(r"^## (.*)", (REPOSITORY / "CHANGELOG.md").read_text(), re.M)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == f"{PROJECT['version']} ({citation['date-released']})"
    assert "Unreleased" not in headings[1:]


def test_hosted_checks_run_what_ci_runs_on_the_oldest_python():
    """And on another one; the script is what anyone can run."""
    checks = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["checks"]
    assert [step["run"] for step in checks["steps"] if "run" in step] == [".ci/run"]
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
    versions = checks["strategy"]["matrix"]["python"]
    assert f">={versions[0]}" == PROJECT["requires-python"]
    assert len(versions) > 1


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The programs of a fresh environment with the wheel alone; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    sources = folder / "sources"
    tracked = ["git", "ls-files", "-co", "--exclude-standard", "src", "pyproject.toml", "README.md", "LICENSE"]
    for name in subprocess.run(tracked, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split():
        if (REPOSITORY / name).exists():
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            (sources / name).write_bytes((REPOSITORY / name).read_bytes())
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder), str(sources)]
    subprocess.run([*pip, *build], check=True, cwd=folder)
    wheel = next(folder.glob("robustprune-*.whl"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, env=clean())  # with this repository on its path pip would call it installed
    paths = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True
    )
    # a path of its own, not a site folder: an editable installation of this repository there is not followed
    (Path(paths.stdout.strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


def clean() -> dict[str, str]:
    """The environment without this repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROBUSTPRUNE"))}


def run(programs: Path, folder: Path, *command: str) -> str:
    words = [str(programs / command[0]), *command[1:]]
    done = subprocess.run(words, cwd=folder, env=clean(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_wheel_works_alone(installed, tmp_path):
    """Commands, a plug-in of the reader's, the public names, and the files that are no Python: templates, tables."""
    name, code = PLUG_IN.groups()
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(code)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    assert run(installed, tmp_path, "robustprune", "--version").split() == ["robustprune", PROJECT["version"]]
    assert "soft_gates" in run(installed, tmp_path, "robustprune", "methods").splitlines()
    assert KEY in run(installed, tmp_path, "robustprune", "plan", "--config", "study.yaml")
    run(installed, tmp_path, "robustprune", "train", "--config", "study.yaml", "--cell", KEY)
    run(installed, tmp_path, "robustprune", "collect", "--config", "study.yaml")
    tables = ["tables", "--source", "results", "--output", "tables", "--names", "tradeoff", "published_results"]
    run(installed, tmp_path, "robustprune", *tables)
    part = ["--part", "study", "results", "tables", "-"]
    run(installed, tmp_path, "robustprune", "page", *part, "--output", "page.html")
    assert "soft_gates" in (tmp_path / "page.html").read_text()
    version, home, shape = run(installed, tmp_path, "python", "-c", PROGRAM).split(maxsplit=2)
    assert version == PROJECT["version"]
    assert Path(home).is_relative_to(installed.parent)
    assert shape.strip() == "(5, 10)"
    assert (Path(home) / "py.typed").exists()
