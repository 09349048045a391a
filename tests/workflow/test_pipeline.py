"""Real Snakemake runs on tiny configurations: everything is made, nothing is made twice, faults are contained."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from forked import run_line, run_module

from robustprune.study.cells import study_cells
from robustprune.study.config import load_study

pytestmark = pytest.mark.workflow

TINY = {
    "root": "results",
    "training": {"epochs": 2, "batch_size": 64},
    "strengths": {"bernoulli": {"b": {"price": 2e-3}}, "dense": {"d": {}}, "magnitude": {"m": {"target": 0.3}}},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"bernoulli": ["b"], "dense": ["d"], "magnitude": ["m"]},
            "widths": [0.5],
            "replicates": 2,
        }
    ],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what a clone holds, so that tests may edit it."""
    target = tmp_path_factory.mktemp("clone") / "repository"
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, target / name)
    return target


def snakemake(checkout, *arguments, config=None, expect=0, loud=True) -> str:
    """Run Snakemake in the copy with the copy's own package; returns its output, loud: with every job and command."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # many jobs import the copy: compile it once
    words = ["--cores", "2", *(["--quiet=host"] if loud else []), *arguments]
    if config is not None:
        (checkout / "tiny.yaml").write_text(yaml.safe_dump(config))
        words += ["--configfile", "tiny.yaml"]
    status, output = run_module("snakemake", words, checkout, environment)
    assert status == expect, output[-6000:]
    return output


def planned(output: str) -> dict[str, int]:
    """Jobs per rule in a dry run's statistics."""
    lines = output.split("Job stats:")[1].splitlines()[3:] if "Job stats:" in output else []
    counts = {}
    for line in lines:
        if not line.strip():
            break
        rule, count = line.split()
        counts[rule] = int(count)
    return counts


ONE_OF_EACH = ("results/tables/robustness_width.csv", "results/figures/error_by_width.svg")
"""Targets of a run that does not need every figure."""


@pytest.fixture(scope="module")
def finished(checkout):
    """A clone after the target `all`: every table and figure."""
    snakemake(checkout, config=TINY)
    return checkout


def test_everything_is_made(finished):
    results = finished / "results"
    runs = pd.read_csv(results / "runs.csv")
    assert len(runs) == 6
    assert set(runs.method) == {"bernoulli", "dense", "magnitude"}
    for name in (
        "page.html",
        "tables/robustness_width.html",
        "figures/kept_params_by_width.pdf",
        "figures/gate_trajectories.svg",
    ):
        assert (results / name).stat().st_size > 500
    assert len(pd.read_csv(results / "missing.csv")) == 0
    assert not list(results.rglob("checkpoint.pt"))
    logs = list((results / "logs").rglob("train.log"))
    assert len(logs) == 3
    assert all("epoch 2/2" in log.read_text() for log in logs)


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in snakemake(finished, "--dry-run", config=TINY)


def test_the_report_is_one_page_with_every_figure(finished):
    snakemake(finished, "--report", "report.html", config=TINY)
    page = (finished / "report.html").read_text()
    assert "kept_params_by_width.png" in page
    assert "robustness_width.html" in page
    assert "horizontal line means that the size of the" in page  # a caption, which lives in the figure's docstring


def test_a_study_can_be_compared_with_a_reference(finished):
    """compare_with adds the comparison and the figure over the reference to `all`; without it they do not exist."""
    assert "check" not in set(planned(snakemake(finished, "--dry-run", "--forceall", config=TINY)))
    theirs = finished / "theirs"
    shutil.copytree(finished / "results", theirs, ignore=shutil.ignore_patterns("runs", "logs", "digests.json"))
    for name in ("runs.csv", "details.csv"):  # a reference has three networks of each cell
        table = pd.read_csv(theirs / name)
        more = table[table["replicate"] == 1].assign(replicate=2)
        pd.concat([table, more]).to_csv(theirs / name, index=False)
    snakemake(finished, config=TINY | {"compare_with": "theirs"})
    assert (finished / "results/check/consistency.txt").read_text().startswith("consistent with the reference: yes\n")
    assert (finished / "results/check/start_matters.png").stat().st_size > 1000
    assert "Nothing to be done" in snakemake(finished, "--dry-run", config=TINY | {"compare_with": "theirs"})
    snakemake(finished, config=TINY)  # the page without the comparison, for the tests that follow


def test_a_logged_command_can_be_repeated_by_hand(finished):
    """The command of a train job, as Snakemake prints it, gives the same record."""
    output = snakemake(finished, "--dry-run", "--forceall", "--printshellcmds", config=TINY)
    line = next(line for line in output.splitlines() if "robustprune train" in line and "/dense/" in line)
    # beside the study's own record, whose files stay as old as they are
    command = line[line.index("robustprune train") :].replace("train", "train --output by_hand", 1)
    record = finished / "results/runs/digits/lenet_300_100-full/dense/d/he_normal/width-0.5/record.json"
    before = json.loads(record.read_text())["replicates"]
    status, output = run_line(command, finished, {**os.environ, "PYTHONPATH": str(finished / "src")})
    assert status == 0, output
    after = json.loads((finished / "by_hand" / "record.json").read_text())["replicates"]
    for old, new in zip(before, after, strict=True):
        assert {k: v for k, v in old.items() if "seconds" not in k and "_ms_" not in k} == {
            k: v for k, v in new.items() if "seconds" not in k and "_ms_" not in k
        }


def test_a_changed_strength_reruns_its_cell_only(finished):
    config = json.loads(json.dumps(TINY))
    config["strengths"]["magnitude"]["m"]["target"] = 0.25
    counts = planned(snakemake(finished, "--dry-run", config=config))
    assert counts["train"] == 1
    assert counts["collect"] == 1


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """A source file with its last `old` replaced by `new`, put back afterwards."""
    original = path.read_text()
    before, found, after = original.rpartition(old)
    assert found, f"{path.name} does not hold {old!r}"
    path.write_text(before + new + after)
    try:
        yield
    finally:
        path.write_text(original)


def test_edited_comments_docstrings_and_other_architectures_plan_nothing(finished):
    """One dry run for all: where it plans a job, Snakemake's reason names the rule."""
    package = finished / "src" / "robustprune"
    with ExitStack() as edits:
        for module in ("engine/training.py", "methods/bernoulli.py", "study/config.py", "files.py"):
            edits.enter_context(edited(package / module, '"""', ' Reworded.\n"""\n    # a comment\n'))
        edits.enter_context(edited(package / "networks/architectures/lenet5.py", '"conv2", 50', '"conv2", 51'))
        assert "Nothing to be done" in snakemake(finished, "--dry-run", config=TINY)


def test_an_edited_engine_reruns_every_cell(finished):
    with edited(finished / "src/robustprune/engine/optimizer.py", " + ", " - "):
        assert planned(snakemake(finished, "--dry-run", config=TINY))["train"] == 3


def test_an_edited_method_reruns_its_cells_only(finished):
    with edited(finished / "src/robustprune/methods/bernoulli.py", " - ", " + "):
        output = snakemake(finished, "--dry-run", config=TINY)
    assert planned(output)["train"] == 1
    assert "method=bernoulli" in output


def test_an_edited_architecture_reruns_its_cells(finished):
    path = finished / "src/robustprune/networks/architectures/lenet_300_100.py"
    with edited(path, '"fc2", 100', '"fc2", 102'):
        assert planned(snakemake(finished, "--dry-run", config=TINY))["train"] == 3


def test_an_edited_figure_trains_nothing(finished):
    with edited(finished / "src/robustprune/analysis/figures/by_width.py", " = ", " == "):
        counts = planned(snakemake(finished, "--dry-run", config=TINY))
    assert "train" not in counts
    assert counts["figure_of_runs"] >= 1


def test_a_new_method_file_is_enough(finished):
    """One file and one configuration entry: the baseline is trained and stands in table and figure."""
    path = finished / "src" / "robustprune" / "methods" / "coin.py"
    path.write_text(
        '"""Removes a random half of fc1 after the first epoch."""\n'
        "import torch\n"
        "from robustprune.methods.parts.base import Method\n\n"
        "class Coin(Method):\n"
        '    """Remove every second unit of fc1."""\n\n'
        "    def after_step(self, network):\n"
        "        if self.moment.step != self.moment.steps_per_epoch:\n"
        "            return None\n"
        "        places = network.kept['fc1']\n"
        "        return {'fc1': (torch.arange(places.shape[1]) % 2 == 0).expand_as(places)}\n"
    )
    config = json.loads(json.dumps(TINY))
    config["strengths"]["coin"] = {"half": {}}
    config["study"][0]["methods"]["coin"] = ["half"]
    try:
        output = snakemake(finished, *ONE_OF_EACH, config=config)
    finally:
        path.unlink()
    assert planned(output)["train"] == 1
    table = pd.read_csv(finished / "results" / "tables" / "robustness_width.csv")
    assert table[table.method == "coin"].units_kept.tolist() == ["784.0-75.0-50.0"]
    assert "coin" in (finished / "results" / "figures" / "error_by_width.svg").read_text()


def test_a_job_that_fails_says_why_on_the_screen_and_in_the_tables(checkout):
    """A typo in a method: no record, one line; an unfinished study shows its networks as failed. Snakemake is quiet:
    it names the command that shows progress, what went wrong and how to repeat it, and no job."""
    path = checkout / "src" / "robustprune" / "methods" / "typo.py"
    path.write_text(
        '"""Has a typo."""\nfrom robustprune.methods.parts.base import Method\n\n\nclass Typo(Method):\n'
        '    """Remove nothing."""\n\n    def after_step(self, network):\n        return network.kpet\n'
    )
    config = json.loads(json.dumps(TINY)) | {"root": "typos"}
    config["strengths"]["typo"] = {"t": {}}
    config["study"][0]["methods"] = {"typo": ["t"]}
    key = "digits/lenet_300_100-full/typo/t/he_normal/width-0.5"
    reason = "AttributeError: 'StackedNetwork' object has no"
    try:
        output = snakemake(checkout, config=config, expect=1, loud=False)
        assert f"robustprune train: {key}: {reason}" in output
        assert "robustprune status --config typos/config.yaml" in output
        assert "rule train:" not in output
        end = output.split("typos: 1 cells: 1 failed")[1]
        assert f"failed: {key}\n    {reason}" in end
        assert "robustprune train --config typos/config.yaml --cell CELL" in end
        assert "Traceback" in (checkout / "typos" / "logs" / key / "train.log").read_text()
        assert not (checkout / "typos" / "runs" / key / "record.json").exists()
        snakemake(checkout, "typos/runs.csv", config=config | {"results": "partial"})
    finally:
        path.unlink()
    assert pd.read_csv(checkout / "typos" / "runs.csv")["status"].tolist() == ["failed", "failed"]
    assert reason in pd.read_csv(checkout / "typos" / "missing.csv")["reason"].item()


def test_bad_configurations_stop_before_any_job(checkout):
    config = json.loads(json.dumps(TINY))
    config["root"] = "never"
    config["strengths"]["bernoulli"]["b"] = {"prise": 1}
    output = snakemake(checkout, config=config, expect=1)
    assert "strengths.bernoulli.b: unknown key 'prise'; did you mean 'price'" in output
    assert not (checkout / "never").exists()


def test_a_missing_data_set_says_how_to_mend_it(checkout):
    config = json.loads(json.dumps(TINY))
    config |= {"root": "no_data", "data": {"directory": "nothing", "mirrors": ["nowhere"]}}
    config["study"][0]["dataset"] = "mnist"
    snakemake(checkout, config=config, expect=1)
    log = (checkout / "no_data" / "logs" / "prepare_data" / "mnist.log").read_text()
    assert "nowhere/MNIST/raw/train-images-idx3-ubyte.gz is missing" in log
    assert not list(checkout.glob("nothing/*"))


def test_a_study_with_missing_cells_shows_what_is_there(finished):
    """Two cells that cannot be trained (a broken method): with results=partial all else is made and says so."""
    config = json.loads(json.dumps(TINY)) | {"root": "holes", "foreign": ["nobody"]}
    config["strengths"]["nobody"] = {"n": {}}
    config["study"][0]["methods"]["nobody"] = ["n"]
    rule = finished / "workflow" / "baselines" / "nobody.smk"
    rule.write_text(
        "rule train_nobody:\n    output:\n        record=f'{ROOT}/runs/{CELL}/record.json',\n"
        "    wildcard_constraints:\n        method='nobody',\n    shell:\n        'exit 3'\n"
    )
    try:
        shutil.copytree(finished / "results" / "runs", finished / "holes" / "runs")
        shown = ["holes/tables/main_comparison.html", "holes/figures/overview.png", "--rerun-triggers", "mtime"]
        snakemake(finished, *shown, config=config, expect=1)
        assert not (finished / "holes" / "runs.csv").exists()  # a failed job: Snakemake stops before the tables
        config["results"] = "partial"
        output = snakemake(finished, *shown, config=config)
    finally:
        rule.unlink()
    assert "train" not in planned(output)
    assert len(pd.read_csv(finished / "holes" / "runs.csv")) == 6
    missing = pd.read_csv(finished / "holes" / "missing.csv")
    assert missing.cell.tolist() == ["digits/lenet_300_100-full/nobody/n/he_normal/width-0.5"]
    note = "Cells of this study without results yet: 1"
    assert note in (finished / "holes" / "tables" / "main_comparison.html").read_text()
    assert (finished / "holes" / "figures" / "overview.png").stat().st_size > 500


def test_a_study_whose_probes_were_not_gathered_shows_the_rest(finished):
    """Nothing makes the tables of probes with results=partial."""
    config = json.loads(json.dumps(TINY)) | {"root": "unprobed", "probes": True, "results": "partial"}
    shutil.copytree(finished / "results" / "runs", finished / "unprobed" / "runs")
    planned_rules = planned(snakemake(finished, "-n", config=config))
    assert "page_of_runs" in planned_rules
    assert "probed" not in planned_rules


SENT = {
    "root": "elsewhere",
    "strengths": "config/strengths.yaml",
    "foreign": {"torch_pruning": {"knob": "ratio", "range": [0.3, 0.95]}},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "track": "hidden",
            "methods": {"torch_pruning": ["ratio_30"]},
        },
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"ticket": ["of_bernoulli"], "bernoulli": ["c3e_4"]},
        },
    ],
}
"""A method, a control and a program of its own."""


def test_a_cluster_gets_the_training_jobs_only(checkout):
    """Whatever is not training is a local rule; in a dry run with the profile slurm the jobs name what they need."""
    files = [checkout / "Snakefile", *(checkout / "workflow").glob("*/*.smk")]
    text = "\n".join(path.read_text() for path in files)
    rules = set(re.findall(r"^(?:rule (\w+)|use rule \w+ as (\w+))", text, re.MULTILINE))
    local = "".join(re.findall(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE))
    sent = {rule or variant for rule, variant in rules} - set(re.findall(r"\w+", local))
    others = {"foreign", "torch_pruning", "unit_values", "probed", "related", "search_width"}
    assert sent == {"train", "train_control", "train_searched", "train_probed", *others}

    profile = ["--workflow-profile", "workflow/profiles/slurm"]
    (checkout / "config" / "sent.yaml").write_text(yaml.safe_dump(SENT))
    output = snakemake(checkout, "--dry-run", *profile, "--configfile", "config/sent.yaml")
    jobs = re.findall(rf"^rule ({'|'.join(sent)}):\n((?:    .*\n)+)", output, re.MULTILINE)
    assert {rule for rule, _ in jobs} == {"train", "train_control", "torch_pruning"}
    for _, needs in jobs:
        assert "mem_mb=2048" in needs
        assert "runtime=720" in needs


def test_reference_figures_and_tables_need_no_training(checkout):
    """In a fresh clone the targets figures and tables show the shipped results."""
    counts = planned(snakemake(checkout, "figures", "tables", "--dry-run", "--forceall", "--config", "root=elsewhere"))
    assert "train" not in counts
    assert "prepare_data" not in counts
    assert counts["figure_of_reference"] >= 4


REFERENCE = ("--config", "root=elsewhere", "results=reference")


@pytest.fixture(scope="module")
def shipped(checkout):
    """A clone in which one figure and the tables were made from the shipped results."""
    (checkout / "figures" / "error_by_width.png").unlink()
    forms = [f"figures/error_by_width.{form}" for form in ("pdf", "svg", "png")]
    snakemake(checkout, *forms, "tables", *REFERENCE)
    return checkout / "figures"


def test_a_shipped_figure_is_made_in_every_form(shipped):
    pdf, svg, png = ((shipped / f"error_by_width.{form}").read_bytes() for form in ("pdf", "svg", "png"))
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert all(word in svg.decode() for word in ("</svg>", "bernoulli", "LeNet-300-100", "test error"))
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    assert 600 < width < 5000
    assert 400 < height < 5000


def test_a_shipped_table_is_made_in_every_form(shipped):
    """All three hold the mean error of the method's networks, as runs.csv has it."""
    runs = pd.read_csv(REPOSITORY / "results" / "reference" / "runs.csv")
    columns = ["dataset", "architecture", "method", "strength", "initialization", "width"]
    series = ("mnist", "lenet_300_100", "bernoulli", "c_3p19e_4")
    mean = runs.groupby(columns)["error_test_percent"].mean()[*series, "he_normal", 1.0]
    tables = shipped / "tables"
    table = pd.read_csv(tables / "main_comparison.csv").set_index(columns[:4])
    assert table.loc[series, "error"] == pytest.approx(mean)
    for form, behind in (("html", " ["), ("tex", "")):  # LaTeX may put the interval into a line of its own
        text = (tables / f"main_comparison.{form}").read_text()
        assert f"{mean:.2f}{behind}" in text, form
        assert "generalized" in text, form


def test_the_page_of_the_shipped_results_is_whole_and_its_commands_can_be_repeated(shipped):
    """All figures but one are stand-ins."""
    clone = shipped.parent
    planned_jobs = snakemake(clone, "page", "--dry-run", *REFERENCE)
    missing = re.findall(r"^    output: (figures/\S+\.pdf), (\S+\.svg), (\S+\.png)$", planned_jobs, re.M)
    for paths in missing:
        for path in map(clone.joinpath, paths):
            path.parent.mkdir(exist_ok=True)
            shutil.copyfile(shipped / f"error_by_width{path.suffix}", path)
    snakemake(clone, *(paths[-1] for paths in missing), "--touch", *REFERENCE)
    snakemake(clone, "page", *REFERENCE)
    page = (shipped / "page.html").read_text()
    assert len(page.encode()) < 6 * 1024**2
    claims = pd.read_csv(shipped / "tables" / "claims.csv", keep_default_na=False)
    for row in claims[(claims.method == "bernoulli") & (claims.variant == "")].itertuples():
        assert html.escape(row.evidence) in page, row.claim
    commands = set(re.findall(r"<code>robustprune train --config (\S+) --cell (\S+)</code>", page))
    asked = {config: study_cells(load_study(clone / config)) for config in {config for config, _ in commands}}
    assert len(asked) > 1
    assert {(config, cell) for config, cells in asked.items() for cell in cells} >= commands
    assert len(commands) > 100


def test_the_report_of_the_shipped_results_has_study_and_search(shipped):
    """The figure of the search is a stand-in."""
    clone, targets = shipped.parent, ("figures/error_by_width.png", "figures/search/error_by_params.png", "tables")
    for form in ("pdf", "svg", "png"):
        (shipped / "search").mkdir(exist_ok=True)
        shutil.copyfile(shipped / f"error_by_width.{form}", shipped / "search" / f"error_by_params.{form}")
    snakemake(clone, *targets, "--touch", *REFERENCE)
    snakemake(clone, *targets, "--report", "shipped.html", *REFERENCE)
    page = (clone / "shipped.html").read_text()
    assert all(name in page for name in ("error_by_width.png", "error_by_params.png"))
    assert all(name in page for name in ("sensitivity_width.html", "tradeoff.html"))


def test_plain_snakemake_takes_the_default_profile(monkeypatch):
    """Without any option one failing cell stops nothing, a killed run is taken up, and jobs are not listed; an option
    lists them with their commands."""
    from snakemake.cli import parse_args

    monkeypatch.chdir(REPOSITORY)
    _, taken = parse_args(["--cores", "1"])
    assert (taken.keep_going, taken.rerun_incomplete, taken.printshellcmds) == (True, True, True)
    assert {str(kind) for kind in taken.quiet} == {"rules", "host"}
    _, loud = parse_args(["--cores", "1", "--quiet=host", "a_target"])
    assert ({str(kind) for kind in loud.quiet}, loud.targets) == ({"host"}, ["a_target"])
    _, other = parse_args(["--workflow-profile", "workflow/profiles/slurm"])
    assert (other.executor, other.keep_going, other.rerun_incomplete) == ("slurm", True, True)
