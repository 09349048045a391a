"""Configurations and options that are refused before any job, a line a problem (cases A15, B6, B9, B11, B12)."""

import copy
import os
import random

import pytest
import yaml
from amounts import amount
from conftest import REPOSITORY

from robustprune.cli import main

BASE = {
    "root": "results/x",
    "training": {"epochs": 2, "batch_size": 64, "l2": 1.0e-5},
    "strengths": {
        "bernoulli": {"b": {"price": 2.0e-3, "drift": 3.0e-3}},
        "magnitude": {"m": {"target": 0.3}},
        "ticket": {"t": {"of": "bernoulli/b"}},
        "random_ticket": {"t": {"of": "bernoulli/b"}},
        "scratch_e": {"t": {"of": "bernoulli/b"}},
    },
    "knobs": {"magnitude": {"keep": {"knob": "target", "range": [0.02, 0.6]}}},
    "search": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"magnitude": ["keep"]},
            "targets": {"at_size": {"params": 60000}},
        }
    ],
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"bernoulli": ["b"], "magnitude": ["m", "at_size"], "ticket": ["t"]},
            "initializations": ["he_normal"],
            "widths": [0.5, 1],
            "replicates": 2,
        }
    ],
}


def changed(*changes):
    """BASE with other values at these places, e.g. ("study.0.widths", [])."""
    config = copy.deepcopy(BASE)
    for place, value in changes:
        *parents, last = place.split(".")
        inner = config
        for key in parents:
            inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
        inner[int(last) if isinstance(inner, list) else last] = value
    return config


def plan(folder, content, monkeypatch, capsys):
    """Plan a study of this content in a folder; returns exit status and standard error."""
    monkeypatch.chdir(folder)
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    (folder / "my.yaml").write_text(text)
    status = main(["plan", "--config", "my.yaml"])
    return status, capsys.readouterr().err


def test_the_base_is_planned(tmp_path, monkeypatch, capsys):
    assert plan(tmp_path, BASE, monkeypatch, capsys) == (0, "")


TWINS = {
    "top": "root: a\ntraining: {epochs: 2}\nstudy: []\ntraining: {epochs: 3}\n",
    "nested": "root: a\ntraining:\n  epochs: 2\n  l2: 1\n  epochs: 3\n",
    "in a list": "study:\n  - dataset: digits\n    dataset: mnist\n",
    "inline": "root: a\nstudy: [{dataset: digits,\n dataset: mnist}]\n",
}


@pytest.mark.parametrize("kind", TWINS)
def test_a_key_that_is_there_twice_is_named_with_its_line(tmp_path, monkeypatch, capsys, kind):
    text = TWINS[kind]
    key = {"top": "training", "nested": "epochs"}.get(kind, "dataset")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if key in line]
    status, shown = plan(tmp_path, text, monkeypatch, capsys)
    assert status == 2
    message = f"line {lines[-1]}: the key '{key}' is there twice (first in line {lines[0]}); keep one"
    assert shown == f"robustprune plan: my.yaml: {message}\n"


def test_keys_that_are_merged_may_be_replaced(tmp_path, monkeypatch, capsys):
    text = yaml.safe_dump(BASE) + "data: {<<: {directory: a}, directory: b}\n"
    assert plan(tmp_path, text, monkeypatch, capsys) == (0, "")


def test_a_shared_file_is_checked_as_well(tmp_path, monkeypatch, capsys):
    (tmp_path / "shared.yaml").write_text("bernoulli:\n  b: {price: 1.0e-3}\n  b: {price: 2.0e-3}\n")
    status, shown = plan(tmp_path, changed(("strengths", "shared.yaml")), monkeypatch, capsys)
    assert status == 2
    assert "strengths: shared.yaml: line 3: the key 'b' is there twice" in shown


NAN, INF = float("nan"), float("inf")
NUMBERS = [
    *("training.epochs", "training.learning_rate", "training.l2", "training.decay_at", "study.0.widths.0"),
    *("study.0.replicates", "strengths.bernoulli.b.price", "strengths.bernoulli.b.drift"),
    *("search.0.targets.at_size.params", "knobs.magnitude.keep.range.0", "threads", "confidence", "seeds"),
]


@pytest.mark.parametrize("value", [NAN, INF, -INF, True], ids=str)
@pytest.mark.parametrize("place", NUMBERS)
def test_no_number_is_infinite_or_a_truth_value(tmp_path, monkeypatch, capsys, place, value):
    status, shown = plan(tmp_path, changed((place, value)), monkeypatch, capsys)
    assert status == 2
    name = next(part for part in reversed(place.split(".")) if not part.isdigit())
    assert name in shown
    assert "Traceback" not in shown


REFUSED = {
    "no study": ([("study", []), ("search", [])], "study: expected at least one grid"),
    "no widths": ([("study.0.widths", [])], "study.0.widths: is empty"),
    "no methods": ([("study.0.methods", {})], "study.0.methods: is empty"),
    "methods of nothing": ([("study.0.methods", None)], "study.0.methods: Input should be a valid dictionary"),
    "no strengths": ([("study.0.methods.bernoulli", [])], "study.0.methods.bernoulli: is empty"),
    "no initializations": ([("study.0.initializations", [])], "study.0.initializations: is empty"),
    "no forms": ([("search.0.methods.magnitude", [])], "search.0.methods.magnitude: is empty"),
    "no price": ([("strengths.bernoulli.b.price", 0)], "strengths.bernoulli.b: every price must be positive"),
    "one width": ([("study.0.widths", 2)], "study.0.widths: expected a list, found 2"),
    "own ticket": ([("strengths.ticket.t.of", "ticket/t")], "strengths.ticket.t: of: digits/"),
    "circle": (
        [
            ("study.0.methods.random_ticket", ["t"]),
            ("strengths.ticket.t.of", "random_ticket/t"),
            ("strengths.random_ticket.t.of", "ticket/t"),
        ],
        "would start from itself",
    ),
    "half a source": ([("strengths.ticket.t.of", "bernoulli")], "strengths.ticket.t: of: String should match"),
    "foreign": ([("foreign", ["../../../evil"])], "foreign: name '../../../evil': expected a small letter"),
    "no JSON": (
        [("foreign", {"mine": None}), ("strengths.mine", {"a": {"v": float("inf")}}), ("study.0.methods.mine", ["a"])],
        "mine/a/he_normal/width-0.5: setting v: inf: an order is JSON, without inf, nan and dates; give a finite",
    ),
    "text for YAML": (
        [("foreign", {"mine": None}), ("strengths.mine", {"a": {"v": "1e-5"}}), ("study.0.methods.mine", ["a"])],
        "mine/a/he_normal/width-0.5: setting v: expected a number such as 1.0e-5 (for YAML 1e-5 is text), found '1e-5'",
    ),
    "foreign without name": ([("foreign", {"": None})], "foreign: name '': expected a small letter"),
    "method": (
        [("study.0.methods", {"../../../evil": ["e"]})],
        "study.0.methods: '../../../evil' has no entry under strengths",
    ),
    "nothing to probe": ([("probes", True)], "probes: no cell of bernoulli without a depth has removal_at: never"),
    "no search for the budget": (
        [("study.0.methods", {"vib": ["at_size"]}), ("study.0.training", {"budget": "macs"})],
        "this network is searched for the budget epochs only; add a search with budget: macs",
    ),
    "digits of a range": (
        [("knobs.magnitude.keep.range", [0.020123, 0.6])],
        "range: expected at most 3 significant digits, as searched values have, found [0.020123, 0.6]; round it to",
    ),
    "mps": ([("device", "mps")], "device: 'mps' is no device of this package; expected cpu, cuda or cuda:<number>"),
    "CPU": ([("device", "CPU")], "device: 'CPU' is no device"),
    "batch": (
        [("search", []), ("study.0.methods", {"bernoulli": ["b"]}), ("training.batch_size", 2000)],
        "training.batch_size: 2000 exceeds the 1437 training images of digits",
    ),
    "tuning batch": (
        [("training.batch_size", 1400), ("training.images", "tuning")],
        "training.batch_size: 1400 exceeds the 1318 training images",
    ),
    "precision": ([("training.precision", "bfloat16")], "training.precision: bfloat16 needs a GPU, device is cpu"),
    "fuse": (
        [
            ("study.0.initializations", ["fuse"]),
            ("study.0.methods", {"bernoulli": ["b"], "scratch_e": ["t"]}),
        ],
        "initialization fuse needs whole images, but scratch_e keeps a part of slot input",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_run_would_refuse_plan_refuses(tmp_path, monkeypatch, capsys, kind):
    changes, message = REFUSED[kind]
    status, shown = plan(tmp_path, changed(*changes), monkeypatch, capsys)
    assert status == 2, shown
    assert message in shown
    assert "Traceback" not in shown


def test_a_number_or_a_mapping_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    _, shown = plan(tmp_path, changed(("strengths.bernoulli.b.price", NAN)), monkeypatch, capsys)
    assert "strengths.bernoulli.b: price.float: Input should be a finite number" in shown
    assert "dict" not in shown


def test_a_wrong_value_is_named_with_its_line(tmp_path, monkeypatch, capsys):
    _, shown = plan(tmp_path, changed(("study.0.widths", [])), monkeypatch, capsys)
    (line,) = [n for n, text in enumerate((tmp_path / "my.yaml").read_text().splitlines(), 1) if "widths" in text]
    assert shown.endswith(f" (line {line})\n")


@pytest.mark.parametrize("level", ["95", "-1", "0", "1", "nan", "inf"])
@pytest.mark.parametrize("command", ["tables", "figure overview"])
def test_a_level_that_is_none_is_refused(tmp_path, capsys, level, command):
    folders = ["--source", "results/reference", "--output", str(tmp_path)]
    with pytest.raises(SystemExit, match="2"):
        main([*command.split(), *folders, f"--confidence={level}"])
    shown = capsys.readouterr().err
    assert "--confidence" in shown
    assert shown.count("\n") == 1


HOSTILE = [
    *(None, True, False, 0, -1, 1, 2, 10**30, 1e-300, 1e300, NAN, INF, "", " ", "x", "../../x", "a/b", "$(x)", "é"),
    *([], [[]], {}, {"x": 1}, {"": ""}, [None], ["he_normal", "he_normal"], [1, 1.0], [0.1, 64, 65], "nan", "1e-3"),
    *("dense", "bernoulli", "bernoulli/b", "of", "mnist", "lenet5", "full", "hidden", "macs", "sgd", "cuda:7"),
]


def generated(rng):
    """A configuration with one to three random changes: a value replaced, removed, or put under a random key."""
    config = copy.deepcopy(BASE)
    for _ in range(rng.choice([1, 1, 2, 3])):
        inner = config
        while True:
            keys = list(range(len(inner))) if isinstance(inner, list) else list(inner)
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(inner[key], dict | list) and rng.random() < 0.75:
                inner = inner[key]
                continue
            how = rng.random()
            if how < 0.15:
                del inner[key]
            elif how < 0.25 and isinstance(inner, dict):
                inner[rng.choice(["x", "", 1, None, "drift", "of", "training", "settings"])] = rng.choice(HOSTILE)
            else:
                inner[key] = copy.deepcopy(rng.choice(HOSTILE))
            break
    return config


def test_generated_configurations_are_planned_or_refused(tmp_path, monkeypatch, capsys):
    """Never a traceback; each line of a refusal names the file, the key of a strength or the cell."""
    rng, outcomes = random.Random(0), {0: 0, 2: 0}
    for number in range(amount(50, 1000)):
        config = generated(rng)
        try:
            status, shown = plan(tmp_path, config, monkeypatch, capsys)
        except SystemExit as stopped:
            status, shown = stopped.code, ""
        assert status in outcomes, f"{number}: {config}\n{shown}"
        assert "Traceback" not in shown, f"{number}: {config}\n{shown}"
        assert (status == 2) == bool(shown), f"{number}: {config}\n{shown}"
        outcomes[status] += 1
    print(f"generated configurations: {outcomes[0]} planned, {outcomes[2]} refused")
    assert min(outcomes.values()) > 0


@pytest.mark.workflow
def test_snakemake_refuses_with_the_same_words(tmp_path, monkeypatch, capsys):
    from test_pipeline import run_module

    for number, content in enumerate(
        [TWINS["top"], "root: results/mine\ntraining: {epochs: 2}\n", changed(("study.0.widths", []))]
    ):
        status, shown = plan(tmp_path, content, monkeypatch, capsys)
        assert status == 2
        words = shown.strip().removeprefix("robustprune plan: ")
        arguments = [
            "--cores",
            "1",
            "--dry-run",
            "--snakefile",
            str(REPOSITORY / "Snakefile"),
            "--configfile",
            "my.yaml",
        ]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
        status, output = run_module("snakemake", arguments, tmp_path, environment)
        assert status == 1, number
        assert words in " ".join(output.split()), output
