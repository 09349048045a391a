"""The search for a width: blocks, the choice of images, and the command that the rules run."""

from collections import Counter

import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY

from robustprune.cli import main
from robustprune.data.datasets import stratified_choice
from robustprune.engine.batches import training_examples
from robustprune.errors import StudyError
from robustprune.experiments.smallest_width.search import COLUMNS, chosen_examples, join_searches, search_width
from robustprune.study.config import load_study
from robustprune.study.smallest_width import SmallestWidth

ASKED = {
    "dataset": "digits",
    "examples": {"true": [20], "random": [20]},
    "widths": [1, 2, 3, 8, 16, 32],
    "learning_rates": [1e-2],
    "steps": 120,
    "steps_per_root": 0,
    "other_steps": {20: [0.25]},
}


def test_widths_train_in_blocks_of_similar_ones():
    assert SmallestWidth(**ASKED).blocks() == [[1, 2], [3], [8, 16], [32]]
    with pytest.raises(ValueError, match="ascending"):
        SmallestWidth(**ASKED | {"widths": [2, 1]})


def test_steps_grow_with_the_root_of_the_number_of_images():
    asked = SmallestWidth(examples={"true": [100]}, widths=[1])
    assert [asked.training_steps(count) for count in (100, 1_000, 10_000)] == [1900, 3846, 10_000]
    assert asked.training_steps(100, 0.5) == 950


@pytest.mark.parametrize("labels", ["true", "random"])
def test_more_images_than_there_are_are_refused_before_any_job(tmp_path, capsys, labels):
    """Where their number is known; else by the search, which names the key as well."""
    asked = ASKED | {"examples": {"true": [20], labels: [20, 3000]}}
    study = [{"dataset": "digits", "architecture": "mlp_300", "methods": {"dense": ["dense"]}}]
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump({"smallest_width": asked, "strengths": {"dense": {"dense": {}}}, "study": study}))
    assert main(["plan", "--config", str(config)]) == 2
    message = f"study.yaml: smallest_width: examples.{labels}: 3000 exceeds the 1437 training images; choose fewer"
    assert message in capsys.readouterr().err
    assert SmallestWidth(**ASKED | {"examples": {"true": [20], labels: [20, 1437]}})


def test_a_search_on_too_few_images_names_its_key(digits):
    with pytest.raises(StudyError, match=r"^smallest_width\.examples\.random: 3000 exceeds the 1437 training images; "):
        chosen_examples(digits, "random", 3000)


def test_other_steps_are_of_numbers_of_images_that_are_searched():
    with pytest.raises(ValueError, match=r"other_steps\.30: no search has so many images; .*`examples` \(20, 40\)"):
        SmallestWidth(**ASKED | {"examples": {"true": [40], "random": [20]}, "other_steps": {30: [2]}})
    assert load_study(REPOSITORY / "config" / "smallest_width.yaml").smallest_width


def test_choices_are_stratified_and_nested():
    labels = torch.arange(1000).remainder(10)
    labels[:100] = 0
    chosen = stratified_choice(labels, 200)
    counts = Counter(labels[chosen].tolist())
    assert len(chosen.unique()) == 200
    assert all(abs(counts[label] - int((labels == label).sum()) / 5) <= 1 for label in range(10))
    assert set(stratified_choice(labels, 50).tolist()) < set(chosen.tolist())
    assert stratified_choice(labels, 1000).tolist() == list(range(1000))
    with pytest.raises(StudyError, match=r"training\.examples: 1001 exceeds the 1000"):
        stratified_choice(labels, 1001)


def test_the_images_are_those_of_training_examples_and_random_labels_are_others(digits, make_cell):
    cell = make_cell()
    cell = cell.model_copy(update={"training": cell.training.model_copy(update={"examples": 200})})
    own, true = training_examples(cell, digits), chosen_examples(digits, "true", 200)
    assert torch.equal(own.images, true.images)
    assert torch.equal(own.labels, true.labels)
    random = chosen_examples(digits, "random", 200)
    assert torch.equal(random.images, true.images)
    assert torch.equal(random.labels, chosen_examples(digits, "random", 200).labels)
    assert 5 < int((random.labels == true.labels).sum()) < 45
    assert min(Counter(random.labels.tolist()).values()) > 5


def test_the_search_ends_with_the_block_in_which_every_seed_fits(digits):
    asked = SmallestWidth(**ASKED)
    table = search_width(asked, "true-20-1", digits)
    assert list(table) == list(COLUMNS)
    assert set(table["seed"]) == {0, 1, 2}
    fitting = table.groupby("width")["wrong"].apply(lambda wrong: bool((wrong == 0).all()))
    last = next(block for block in asked.blocks() if fitting.index.max() in block)
    assert fitting[last].any()
    assert not fitting[[width for width in fitting.index if width not in last]].any()
    assert max(fitting.index) < 32
    short = search_width(asked, "true-20-0.25", digits)
    assert set(short["steps"]) == {30}
    assert short["width"].max() >= table["width"].max()


def test_the_command_trains_one_search_and_joins_all(tmp_path, capsys):
    values = {
        "root": str(tmp_path / "results"),
        "data": {"directory": str(tmp_path / "data")},
        "smallest_width": ASKED | {"steps": 12, "widths": [1, 2]},
        "strengths": {"dense": {"dense": {}}},
        "study": [{"dataset": "digits", "architecture": "mlp_300", "methods": {"dense": ["dense"]}}],
    }
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(values))
    command = ["smallest-width", "--config", str(config)]
    assert main([*command, "--search", "true-20"]) == 2
    assert "no search 'true-20', did you mean" in capsys.readouterr().err.replace(";", ",")
    for name in ("true-20-1", "random-20-1", "true-20-0.25"):
        assert main([*command, "--search", name]) == 0
        assert torch.tensor(1e-38) * 1e-2 > 0  # subnormal numbers are flushed inside the search only
    with pytest.raises(FileNotFoundError):
        join_searches(load_study(config).smallest_width, tmp_path / "results" / "smallest_width")
    assert main([*command, "--search", "random-20-0.25"]) == 0
    assert main(command) == 0
    table = pd.read_parquet(tmp_path / "results" / "smallest_width.parquet")
    assert table.groupby(["labels", "steps_factor"]).size().tolist() == [6, 6, 6, 6]
    config.write_text(yaml.safe_dump({key: value for key, value in values.items() if key != "smallest_width"}))
    assert main(command) == 2
    assert "nothing is asked" in capsys.readouterr().err
