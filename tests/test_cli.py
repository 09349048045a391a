"""The command line: help that reads well, one-line errors with status 2, commands that can be repeated by hand."""

import subprocess
import sys

import pytest
import yaml

from robustprune.cli import build_parser, main

CONFIG = {
    "strengths": {"bernoulli": {"b": {"price": 2e-3}}},
    "training": {"epochs": 2},
    "study": [{"dataset": "digits", "architecture": "lenet_300_100", "methods": {"bernoulli": ["b"]}, "replicates": 2}],
}
KEY = "digits/lenet_300_100-full/bernoulli/b/he_normal/width-1"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    config = {**CONFIG, "root": str(folder / "results"), "data": {"directory": str(folder / "data")}}
    (folder / "study.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for command in (
        "prepare",
        "train",
        "collect",
        "tables",
        "figure",
        "export",
        "plan",
        "methods",
        "check",
        "check-record",
    ):
        assert command in text


def test_methods_prints_one_name_per_line(capsys):
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "bernoulli" in lines
    assert all(line.isidentifier() for line in lines)


def test_the_whole_way_by_hand(workspace, capsys):
    """plan, train, check, collect, tables, figure, as the logged commands of the rules do it."""
    config = ["--config", str(workspace / "study.yaml")]
    assert main(["plan", *config]) == 0
    assert KEY in capsys.readouterr().out
    assert main(["train", *config, "--cell", KEY]) == 0
    assert "test error" in capsys.readouterr().out
    record = workspace / "results" / "runs" / KEY / "record.json"
    assert main(["check-record", str(record)]) == 0
    assert main(["collect", *config]) == 0
    runs = workspace / "results" / "runs.csv"
    assert main(["tables", "--source", str(runs.parent), "--output", str(workspace / "tables")]) == 0
    figure = ["--source", str(runs.parent), "--output", str(workspace / "figures")]
    assert main(["figure", "kept_params_by_width", *figure]) == 0
    assert (workspace / "figures" / "kept_params_by_width.pdf").stat().st_size > 1000
    assert not list(workspace.rglob("checkpoint.pt"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trane"], "invalid choice: 'trane'"),
        (["train", "--config", "STUDY"], "--cell"),
        (["train", "--config", "STUDY", "--cell", KEY.replace("bernoulli", "bernouli")], f"did you mean {KEY}"),
        (["train", "--config", "nowhere.yaml", "--cell", KEY], "nowhere.yaml: no such configuration file"),
        (["plan", "--config", "nowhere.yaml"], "nowhere.yaml: no such configuration file"),
        (["check-record", "nowhere.json"], "nowhere.json: no such record"),
        (["tables", "--source", "nowhere", "--output", "out"], "nowhere/runs.csv: no such file"),
        (["figure", "kept_parms_by_width", "--source", "x", "--output", "y"], "did you mean 'kept_params_by_width'"),
        (["figure", "kept_params_by_width", "--source", "nowhere", "--output", "y"], "nowhere/runs.csv: no such file"),
        (["check", "--source", "x", "--reference", "y", "--output", "z"], "x/runs.csv: no such file"),
        (["figure", "overview", "--source", "x", "--over", "y", "--output", "z"], "cannot be drawn over a reference"),
        (["export", "nowhere", "--output", "y"], "nowhere/record.json: no such record"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(workspace, capsys, arguments, message):
    arguments = [str(workspace / "study.yaml") if part == "STUDY" else part for part in arguments]
    try:
        status = main(arguments)
    except SystemExit as stopped:
        status = stopped.code
    text = capsys.readouterr().err
    assert status == 2
    assert message in text
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text


def test_every_command_documents_itself():
    parser = build_parser()
    commands = next(action for action in parser._actions if action.dest == "command").choices
    for name, command in commands.items():
        assert command.description, name
        assert all(action.help or action.choices for action in command._actions), name


def test_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "robustprune.cli", "methods"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "dense" in done.stdout


def test_a_reader_that_goes_away_ends_the_command_quietly():
    """As `robustprune methods | head -1` does."""
    code = "import sys, time; time.sleep(1); from robustprune.cli import main; sys.exit(main(['methods']))"
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    writer.stdout.close()
    assert writer.stderr.read() == ""
    assert writer.wait() == 1
