"""The CSV of a foreign program: what is read, what is refused and how it is named, what is added."""

import json
import os
from types import SimpleNamespace

import pytest
import yaml

from robustprune.cli import main
from robustprune.engine.jobs import order, result_columns
from robustprune.errors import StudyError
from robustprune.gathering.foreign import read_results
from robustprune.gathering.programs import check_inputs, check_rules, checked_cells, program_command, program_hash
from robustprune.networks.architecture import architecture
from robustprune.networks.size import macs, parameters
from robustprune.records.record import read_record
from robustprune.study.config import validate_study
from robustprune.study.training_settings import TrainingSettings

HEADER = "replicate,units_input,units_fc1,units_fc2,error_test_percent"
GOOD = f"{HEADER}\n0,784,30,10,3.5\n1,700,40,20,4.25\n"


@pytest.fixture
def cell(make_cell):
    return make_cell("mine", settings={})


def read(tmp_path, cell, text):
    path = tmp_path / "results.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_results(path, cell)


def test_a_small_csv_is_enough(tmp_path, cell):
    first, second = read(tmp_path, cell, GOOD)
    assert (first.status, first.units_kept, first.error_test_percent) == ("ok", "784-30-10", 3.5)
    assert (first.replicate, first.seed, first.units_start) == (0, cell.seed(0), "784-300-100")
    units = {"input": 700, "fc1": 40, "fc2": 20}
    network = architecture("lenet_300_100")
    assert (second.params_kept, second.macs_kept) == (parameters(network, units), macs(network, units))
    assert second.train_seconds is None


def test_order_of_lines_and_columns_spaces_byte_order_mark_and_quotes_do_not_matter(tmp_path, cell):
    header = "\ufefferror_test_percent, units_fc2,units_fc1,units_input,replicate\r\n"
    assert read(tmp_path, cell, f'{header}4.25,20,40,700,1\r\n\r\n"3.5",10,30,784,0') == read(tmp_path, cell, GOOD)


def test_optional_columns(tmp_path, cell):
    header = f"{HEADER},error_valid_percent,seconds,train_macs,status,reason"
    text = f"{header}\n0,784,30,10,3.5,,1.5,2e9,,\n1,,,,nan,,,,diverged,the loss was NaN\n"
    first, second = read(tmp_path, cell, text)
    assert (first.train_seconds, first.train_macs, first.error_valid_percent) == (1.5, 2e9, None)
    assert (second.status, second.reason, second.units_kept) == ("diverged", "the loss was NaN", None)


def test_test_errors_have_no_say_in_the_status(tmp_path, cell):
    found = read(tmp_path, cell, GOOD.replace("3.5", "80.5"))
    assert [entry.status for entry in found] == ["ok", "ok"]
    header = GOOD.replace("error_test_percent\n", "error_test_percent,error_train_percent\n")
    found = read(tmp_path, cell, header.replace("3.5\n", "3.5,2.5\n").replace("4.25\n", "4.25,\n"))
    assert [entry.error_train_percent for entry in found] == [2.5, None]


def test_a_validation_split_needs_its_error(tmp_path, cell):
    tuning = cell.model_copy(update={"training": TrainingSettings(images="tuning")})
    assert "error_valid_percent" in result_columns(tuning)
    with pytest.raises(StudyError, match="line 1: column error_valid_percent is missing"):
        read(tmp_path, tuning, GOOD)
    with_column = GOOD.replace("error_test_percent\n", "error_test_percent,error_valid_percent\n")
    with_column = with_column.replace("3.5\n", "3.5,2.5\n").replace("4.25\n", "4.25,\n")
    with pytest.raises(StudyError, match="line 3, column error_valid_percent: expected a number, 0 to 100, found ''"):
        read(tmp_path, tuning, with_column)
    assert read(tmp_path, tuning, with_column.replace("4.25,", "4.25,5"))[1].error_valid_percent == 5
    with pytest.raises(StudyError, match=r"column error_valid_percent: expected nothing: training.images is all"):
        read(tmp_path, cell, with_column)


def test_where_macs_are_the_budget_a_program_reports_what_it_spent(tmp_path, cell):
    by_macs = cell.model_copy(update={"training": TrainingSettings(budget="macs")})
    with pytest.raises(StudyError, match="line 2, column train_macs: expected a number, 0 or more, found ''"):
        read(tmp_path, by_macs, GOOD)
    text = (
        GOOD.replace("percent\n", "percent,train_macs\n").replace("3.5\n", "3.5,2e9\n").replace("4.25\n", "4.25,1e9\n")
    )
    assert [entry.train_macs for entry in read(tmp_path, by_macs, text)] == [2e9, 1e9]


WRONG = {
    "empty": ("", f": empty; expected a first line {HEADER}"),
    "blank": ("\n\n", ": empty;"),
    "missing column": (GOOD.replace("units_fc2,", ""), f"line 1: column units_fc2 is missing; expected {HEADER}"),
    "unknown column": (GOOD.replace("units_fc1", "unit_fc1"), "unknown column 'unit_fc1'; did you mean 'units_fc1'"),
    "extra column": (GOOD.replace("percent\n", "percent,note\n"), "line 1: unknown column 'note'"),
    "column twice": (GOOD.replace("fc2", "fc1"), "line 1: column units_fc1: expected once, found 2 times"),
    "semicolons": (GOOD.replace(",", ";"), "line 1: unknown column 'replicate;units_input"),
    "no rows": (
        f"{HEADER}\n",
        "column replicate: expected one line for each of the replicates 0 to 1, found none for 0",
    ),
    "missing replicate": (GOOD[: GOOD.index("1,700")], "found none for 1"),
    "replicate twice": (
        GOOD.replace("1,700", "0,700"),
        "line 3, column replicate: expected each replicate once (line 2",
    ),
    "replicate too large": (
        GOOD.replace("1,700", "2,700"),
        "line 3, column replicate: expected a whole number, 0 to 1",
    ),
    "short row": (GOOD.replace(",4.25", ""), "line 3: expected 5 values, one per column, found 4"),
    "decimal comma": (GOOD.replace("3.5", "3,5"), "line 2: expected 5 values, one per column, found 6"),
    "units too large": (GOOD.replace(",40,", ",301,"), "line 3, column units_fc1: expected a whole number, 1 to 300"),
    "no units": (GOOD.replace(",40,", ",0,"), "expected a whole number, 1 to 300, found '0'"),
    "negative": (GOOD.replace(",40,", ",-4,"), "found '-4'"),
    "fraction": (GOOD.replace(",40,", ",40.0,"), "line 3, column units_fc1: expected a whole number"),
    "5000 digits": (GOOD.replace(",40,", f",{'9' * 5000},"), "expected a whole number, 1 to 300, found '999"),
    "other digits": (GOOD.replace(",40,", ",٤٠,"), "line 3, column units_fc1: expected a whole number"),
    "NaN": (GOOD.replace("4.25", "nan"), "line 3, column error_test_percent: expected a number, 0 to 100, found 'nan'"),
    "infinite": (GOOD.replace("4.25", "1e999"), "expected a number, 0 to 100, found '1e999'"),
    "no number": (GOOD.replace("4.25", "low"), "column error_test_percent: expected a number, 0 to 100, found 'low'"),
    "empty error": (GOOD.replace("4.25", ""), "line 3, column error_test_percent: expected a number"),
    "above 100": (GOOD.replace("4.25", "425"), "expected a number, 0 to 100, found '425'"),
    "not UTF-8": (GOOD.encode() + b"\xff", "not UTF-8 text (byte"),
    "open quote": (GOOD.replace("4.25", '"4.25'), "not a CSV"),
    "unknown status": (
        f"{HEADER},status\n0,784,30,10,3.5,fine\n1,784,30,10,3.5,\n",
        "line 2, column status: expected one of ok, collapsed, diverged, failed, or nothing, found 'fine'",
    ),
    "no reason": (f"{HEADER},status\n0,784,30,10,3.5,diverged\n1,784,30,10,3.5,\n", "column reason: expected why"),
    "infinite work": (
        f"{HEADER},train_macs\n0,784,30,10,3.5,inf\n1,784,30,10,3.5,\n",
        "line 2, column train_macs: expected a number, 0 or more, found 'inf'",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_csv_is_one_line_naming_file_line_and_column(tmp_path, cell, kind):
    text, message = WRONG[kind]
    with pytest.raises(StudyError) as caught:
        read(tmp_path, cell, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "results.csv"))
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 500


def test_what_a_track_leaves_alone_keeps_all(tmp_path, make_cell):
    cell = make_cell("mine", "lenet5", settings={}, track="hidden", replicates=1)
    header = "replicate,units_conv1,units_conv2,units_flat,units_fc1,error_test_percent\n"
    assert read(tmp_path, cell, f"{header}0,10,5,80,100,2\n")[0].units_kept == "10-5-80-100"
    with pytest.raises(
        StudyError, match=r"units_flat: expected a whole number, 80 \(16 per unit of conv2\); track hidden"
    ):
        read(tmp_path, cell, f"{header}0,10,5,79,100,2\n")
    full = cell.model_copy(update={"track": "full"})
    assert read(tmp_path, full, f"{header}0,10,5,79,100,2\n")[0].units_kept == "10-5-79-100"
    with pytest.raises(StudyError, match=r"column units_flat: expected a whole number, 1 to 80"):
        read(tmp_path, full, f"{header}0,10,5,81,100,2\n")


@pytest.fixture
def workspace(tmp_path, digits):
    from robustprune.data.datasets import prepare
    from robustprune.study.data_settings import DataSettings

    prepare("digits", DataSettings(directory=str(tmp_path / "data")))
    key = "digits/lenet_300_100-full/mine/a/he_normal/width-1"
    config = tmp_path / "study.yaml"
    config.write_text(
        f"root: {tmp_path}/results\ndata: {{directory: {tmp_path}/data}}\nforeign: {{mine: {{}}}}\n"
        "strengths: {mine: {a: {}}}\ntraining: {epochs: 2, batch_size: 64}\n"
        "study: [{dataset: digits, architecture: lenet_300_100, replicates: 2, methods: {mine: [a]}}]\n"
    )
    results, program = tmp_path / "results.csv", tmp_path / "mine.py"
    results.write_text(GOOD)
    program.write_text("import robustprune.networks.size\n")
    asked = ["record", "--config", str(config), "--cell", key, "--results", str(results)]
    record = tmp_path / "results" / "runs" / key / "record.json"
    return SimpleNamespace(config=config, key=key, results=results, program=program, asked=asked, record=record)


def test_the_record_gets_everything_else(workspace, capsys):
    assert main([*workspace.asked, "--program", str(workspace.program)]) == 0
    assert "replicate 1: ok, kept 700-40-20, test error 4.25 %" in capsys.readouterr().out
    record = read_record(workspace.record)
    assert record.provenance.source_hash == program_hash([workspace.program])
    steps = 1437 // 64 * 2
    assert {entry.train_macs_dense for entry in record.replicates} == {64 * steps * (3 * 266200 - 784 * 300)}
    assert main(["check-record", str(workspace.record)]) == 0


def test_a_program_trains_on_a_choice_of_examples(workspace, capsys):
    """100 images are one batch of 64; there are 1,437."""
    workspace.config.write_text(workspace.config.read_text().replace("epochs: 2", "epochs: 2, examples: 100"))
    config = ["--config", str(workspace.config)]
    assert main(["order", *config, "--cell", workspace.key]) == 0
    assert json.loads(capsys.readouterr().out)["cell"]["training"]["examples"] == 100
    assert main(workspace.asked) == 0
    record = read_record(workspace.record)
    assert {entry.train_macs_dense for entry in record.replicates} == {64 * 2 * (3 * 266200 - 784 * 300)}
    workspace.config.write_text(workspace.config.read_text().replace("examples: 100", "examples: 1438"))
    assert main(["plan", *config]) == 2
    assert "training.examples: 1438 exceeds the 1437 training images" in capsys.readouterr().err


def test_a_wrong_csv_leaves_no_record(workspace, capsys):
    workspace.results.write_text(GOOD.replace(",40,", ",400,"))
    assert main(workspace.asked) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"robustprune record: {workspace.results}: line 3, column units_fc1: expected")
    assert len(message.splitlines()) == 1
    assert not workspace.record.exists()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--results", "nowhere.csv"], "nowhere.csv: No such file or directory; expected the CSV"),
        (["--results", "."], ": Is a directory"),
        (["--order", "nowhere.json"], "nowhere.json: No such file or directory; expected the order"),
        (["--program", "nowhere.py"], "nowhere.py: No such file or directory; expected the program"),
    ],
)
def test_missing_files_are_named(workspace, capsys, extra, message):
    assert main([*workspace.asked, *extra]) == 2
    text = capsys.readouterr().err
    assert message in text
    assert len(text.splitlines()) == 1
    assert not workspace.record.exists()


def test_the_order_says_all_that_is_given(cell):
    config = validate_study({"strengths": {"mine": {"a": {}}}, "study": STUDY, "foreign": {"mine": {}}}, "x")
    asked = order(cell, config)
    assert asked["units"] == {"input": 784, "fc1": 300, "fc2": 100}
    assert asked["columns"] == HEADER.split(",")
    assert asked["data"] == "data/digits.safetensors"
    assert asked["replicates"][1] == {
        **{"replicate": 1, "seed": cell.seed(1), "units_start": "784-300-100"},
        **{"params_dense": 266610, "macs_dense": 266200},
    }


STUDY = [{"dataset": "digits", "architecture": "lenet_300_100", "methods": {"mine": ["a"]}}]


def test_a_program_runs_by_its_suffix_its_mode_or_its_first_line(tmp_path):
    python, script, binary, text = (tmp_path / name for name in ("a.py", "b.sh", "c", "d.R"))
    assert program_command(python) == ["python", str(python)]
    script.write_text("#!/usr/bin/env awk -f\n")
    assert program_command(script) == ["/usr/bin/env", "awk", "-f", str(script)]
    binary.write_bytes(b"\x7fELF\xff")
    binary.chmod(0o755)
    assert program_command(binary) == [str(binary)]
    text.write_text("cat(1)\n")
    with pytest.raises(StudyError, match=r"d.R: no way to run it; expected a file that ends in .py, is executable"):
        program_command(text)


def test_a_program_beside_the_snakefile_runs_without_a_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("")
    os.chmod(tmp_path / "mine", 0o755)
    assert program_command("mine") == ["./mine"]


def test_the_hash_follows_files_and_imports(tmp_path):
    program, library, neighbour = (tmp_path / name for name in ("a.py", "b.R", "c.py"))
    program.write_text("import c\nfrom robustprune import Cell\n")
    library.write_text("x\n")
    neighbour.write_text("x = 1\n")
    before = program_hash([program, library])
    assert program_hash([library, program]) == before
    assert program_hash([program]) != before
    for path, other in ((library, "y\n"), (neighbour, "x = 2\n"), (program, "import c\n")):
        text = path.read_text()
        path.write_text(other)
        assert program_hash([program, library]) != before, path.name
        path.write_text(text)
    assert program_hash([program, library]) == before
    program.write_text("def (:\n")
    with pytest.raises(StudyError, match=r"a.py: not a Python file"):
        program_hash([program])


def test_names_rules_and_inputs_are_checked():
    strengths = {"mine": {"a": {}}, "dense": {"a": {}}}
    config = validate_study({"strengths": strengths, "study": STUDY, "foreign": {"mine": {}, "other": None}}, "x")
    assert len(checked_cells(config)) == 1
    check_rules(config, ["train", "mine"])
    with pytest.raises(StudyError, match=r"foreign.mine: there is no rule mine; expected workflow/baselines/mine.smk"):
        check_rules(config, ["train"])
    taken = validate_study({"strengths": strengths, "study": STUDY, "foreign": ["mine", "dense"]}, "x")
    with pytest.raises(StudyError, match=r"foreign.dense: the package has a method of this name"):
        checked_cells(taken)
    with pytest.raises(StudyError, match="rule mine: input: there is no script"):
        check_inputs("mine", ["data"])


ORDERED = """
foreign: {mine: {}}
strengths: {mine: {1e3: {name: 1e3x, bits: "8", rate: 1.0e-5, layers: [{rate: 0.5}]}}}
study: [{dataset: digits, architecture: lenet_300_100, methods: {mine: [1e3]}, variants: {fast: {settings: {}}}}]
"""


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (("rate: 1.0e-5", "rate: 1e-5"), "rate"),
        (("rate: 0.5", "rate: -1.5E3"), "layers.0.rate"),
        (("settings: {}", "settings: {rate: 1e-5}"), "rate"),
    ],
)
def test_a_number_that_yaml_takes_for_text_is_in_no_order(tmp_path, capsys, written, key):
    path, cell = tmp_path / "my.yaml", "digits/lenet_300_100-full/mine/1e3_fast/he_normal/width-1"
    order_it = ["order", "--config", str(path), "--cell", cell]
    path.write_text(ORDERED)
    assert main(order_it) == 0
    settings = json.loads(capsys.readouterr().out)["cell"]["settings"]
    assert settings == {"name": "1e3x", "bits": "8", "rate": 1e-5, "layers": [{"rate": 0.5}]}
    path.write_text(ORDERED.replace(*written))
    for command in (order_it, ["plan", "--config", str(path)]):
        assert main(command) == 2
        assert f"{cell}: setting {key}: expected a number such as 1.0e-5 (for" in capsys.readouterr().err


def test_plan_refuses_a_program_without_a_rule(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(
        yaml.safe_dump({"strengths": {"mine": {"a": {}}}, "study": STUDY, "foreign": {"mine": {}}})
    )
    assert main(["plan", "--config", "my.yaml"]) == 0  # no copy of the repository, where rules would be
    rules = tmp_path / "workflow" / "baselines"
    rules.mkdir(parents=True)
    (rules / "others.smk").write_text(
        "# use rule foreign as mine with:\nuse rule foreign as mine_2 with:\n    input:\n"
    )
    capsys.readouterr()
    assert main(["plan", "--config", "my.yaml"]) == 2
    assert "foreign.mine: there is no rule mine; expected workflow/baselines/mine.smk" in capsys.readouterr().err
    (rules / "any_name.smk").write_text("use rule foreign as mine with:\n    input:\n        script='mine.py',\n")
    assert main(["plan", "--config", "my.yaml"]) == 0
