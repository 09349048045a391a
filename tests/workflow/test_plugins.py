"""docs/how-to-plugins.md, followed literally in a copy of the repository."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from forked import run_module
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)

import robustprune

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1800)]
PAGE = (REPOSITORY / "docs" / "how-to-plugins.md").read_text()
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S))
COMMANDS = [line for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
CONFIG = "config/plugins.yaml"
TARGETS = ("results/plugins/tables/main_comparison.html", "results/plugins/figures/error_by_params.png")
STUDY = (*TARGETS, "--configfile", CONFIG)  # the page's command, with fewer figures
STARTS = "Start" in robustprune.__all__


def run(folder: Path, command: str, expect: int = 0) -> str:
    """Run a line of the page with the copy's own package; returns its output."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("ROBUSTPRUNE_PLUGINS", None)
    program, *words = shlex.split(command)
    if program == "python":
        done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
        status, output = done.returncode, done.stdout + done.stderr
    else:
        module = {"robustprune": "robustprune.cli", "snakemake": "snakemake"}[program]
        status, output = run_module(module, words, folder, environment)
    assert status == expect, command + output[-6000:]
    return output


@pytest.fixture(scope="module")
def followed(checkout):  # noqa: F811
    """The copy after everything on the page; with the output of each command."""
    files = dict(FILES)
    if not STARTS:
        del files["plugins/starts/half_weights.py"]
        files[CONFIG] = re.sub(r".*half_weights.*\n", "", files[CONFIG])
    for name, content in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content)
    whole = f"snakemake --cores 2 --configfile {CONFIG}"
    assert whole in COMMANDS
    fewer = {whole: f"snakemake --cores 2 {shlex.join(STUDY)}"}
    return checkout, {command: run(checkout, fewer.get(command, command)) for command in COMMANDS}


def test_the_page_has_a_file_of_each_kind():
    kinds = {Path(name).parts[1] for name in FILES if name.startswith("plugins/")}
    assert kinds == {"architectures", "datasets", "methods", "starts"}
    for name, content in FILES.items():
        imported = re.findall(r"^from (robustprune\S*) import (.*)$", content, re.M)
        for module, names in imported:
            assert module == "robustprune", name
            assert set(names.split(", ")) - {"Start"} <= set(robustprune.__all__), name


def test_every_plug_in_is_in_the_tables_and_figures(followed):
    folder, _ = followed
    results, config = folder / "results" / "plugins", yaml.safe_load(FILES[CONFIG])
    runs = pd.read_csv(results / "runs.csv")
    asked = set(config["study"][0]["methods"]) - (set() if STARTS else {"half_weights"})
    own = runs[runs["architecture"] == "mlp_400_200_100"]
    assert set(own["method"]) == asked
    assert set(own["units_start"]) == {"784-400-200-100"}
    dense = 784 * 400 + 400 * 200 + 200 * 100 + 100 * 10 + 400 + 200 + 100 + 10
    assert set(own["params_dense"]) == {dense}
    pruned = own[own["method"].isin(["bernoulli", "magnitude", "l4_norm", "soft_gates"])]
    assert (pruned["params_kept"] < dense).all()
    assert (own.loc[own["method"] == "ticket", "status"] == "ok").all()
    assert not (own["status"] == "failed").any()
    assert own["error_test_percent"].min() < 10
    conv = runs[runs["architecture"] == "conv_12"]
    assert set(conv["units_start"]) == {"12-1728-60"}
    assert pd.read_csv(results / "missing.csv").empty
    page = (results / "tables" / "main_comparison.html").read_text()
    figure = (results / "figures" / "error_by_params.svg").read_text()
    for name in ("soft_gates", "l4_norm"):
        assert name in page
        assert name in figure
    assert "mlp_400_200_100" in page


def test_the_plan_covers_plug_ins(followed):
    plan = next(output for command, output in followed[1].items() if command.endswith(CONFIG) and "plan" in command)
    lines = {line.split("/")[2]: line for line in plan.splitlines() if line.startswith("negative/")}
    assert lines["dense"].endswith("about 0 min")
    assert lines["soft_gates"].endswith("time unknown")


def test_shipped_results_and_own_ones_stand_together(followed):
    folder, outputs = followed
    together = pd.read_csv(folder / "results" / "together" / "runs.csv")
    assert len(together) == sum(
        len(pd.read_csv(folder / f"results/{name}/runs.csv")) for name in ("reference", "plugins")
    )
    table = (folder / "results" / "together" / "tables" / "main_comparison.html").read_text()
    assert "soft_gates" in table
    assert (folder / "results" / "together" / "figures" / "error_by_params.png").exists()
    compared = outputs["python compare.py"]
    assert re.search(r"negative +mlp_400_200_100 +full", compared)
    assert re.search(r"mnist +lenet_300_100", compared)


def test_a_second_run_finds_nothing_to_do(followed):
    folder, _ = followed
    assert planned(snakemake(folder, *STUDY, "--dry-run")) == {}


def test_another_folder_is_kept_by_the_merged_configuration(followed):
    """The plug-ins lie elsewhere: every command of the pipeline finds them, those without a configuration as well."""
    folder, _ = followed
    config = yaml.safe_load((folder / CONFIG).read_text())
    config |= {"root": "elsewhere", "plugins": "my own/files"}
    config["study"] = [{**config["study"][0], "methods": {"soft_gates": ["price_1e_3"]}}]
    (folder / "my own").mkdir()
    (folder / "plugins").rename(folder / "my own" / "files")
    try:
        snakemake(folder, "tables_of_runs", "elsewhere/figures/error_by_width.png", config=config)
        assert yaml.safe_load((folder / "elsewhere" / "config.yaml").read_text())["plugins"] == "my own/files"
        assert len(pd.read_csv(folder / "elsewhere" / "runs.csv")) == 2
        message = run(folder, f"robustprune plan --config {CONFIG}", expect=2)
        assert "study.0.dataset: unknown data set 'negative'" in message
        assert "plugins/datasets/negative.py would add it" in message
        assert len(message.splitlines()) == 3  # one each: data set, two architectures
    finally:
        (folder / "my own" / "files").rename(folder / "plugins")


def test_changed_images_are_prepared_again(followed):
    folder, _ = followed
    path = folder / "images" / "negative" / "test_labels.npy"
    before = path.read_bytes()
    path.write_bytes(before[:-8] + bytes(8))
    try:
        counts = planned(snakemake(folder, *STUDY, "--dry-run"))
    finally:
        path.write_bytes(before)
    assert counts["prepare_data"] == 1


def test_a_broken_plug_in_stops_before_any_job(followed):
    folder, _ = followed
    path = folder / "plugins" / "methods" / "soft_gates.py"
    before = path.read_text()
    path.write_text("import torch\n\nx = torch.nothing\n")
    try:
        output = snakemake(folder, "--configfile", CONFIG, "--dry-run", expect=1)
    finally:
        path.write_text(before)
    assert "plugins/methods/soft_gates.py, line 3: cannot be imported: AttributeError" in output
