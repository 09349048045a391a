"""Both budgets of training: what ends it, what fractions are fractions of, and that old cells keep their identity."""

import csv
from dataclasses import replace

import pytest
import torch
from conftest import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from robustprune.engine.arithmetic import dense_training_macs
from robustprune.engine.budget import Budget
from robustprune.engine.checkpoint import Checkpoint
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.methods.parts.moment import Moment
from robustprune.study.cells import study_cells
from robustprune.study.config import load_study, validate_study
from robustprune.study.find import find_cell


def with_budget(cell, budget="macs", **training):
    return cell.model_copy(update={"training": cell.training.model_copy(update={"budget": budget, **training})})


def trained(cell, data) -> Training:
    training = Training(cell, data)
    while not training.finished:
        training.run_epoch()
    return training


fractions = st.floats(0, 1)


@given(st.integers(0, 400), fractions, fractions)
def test_epochs_count_in_whole_steps(step, first, last):
    """The rules of the shipped results: a fraction is a rounded number of steps."""
    moment, total = Moment(step, 400, 10), 400
    assert moment.reached(first) == (step >= round(first * total))
    assert moment.crossed(first) == (step == max(1, round(first * total)))
    assert moment.in_last(first) == (first > 0 and step > 0 and step >= round((1 - first) * total))
    begin, end = round(first * total), round(last * total)
    assert moment.ramp(first, last) == min(1.0, max(0.0, (step - begin + 1) / max(1, end - begin)))


@given(st.lists(st.floats(1e-3, 0.2), min_size=1, max_size=30), fractions)
def test_macs_cross_every_fraction_once_whatever_a_step_costs(costs, fraction):
    moment, spent, crossed, phases = Moment(0, 1000, 10, spent=0.0), 0.0, 0, [False]
    for cost in costs:
        spent += cost
        moment = moment.after_step(spent)
        crossed += moment.crossed(fraction)
        phases.append(moment.reached(fraction))
        assert moment.progress == max(spent, moment.step / 1000)
    assert crossed == int(moment.reached(fraction))
    assert phases == sorted(phases)
    assert moment.ramp(0.0, 0.5) == pytest.approx(min(1.0, 2 * moment.progress))
    assert moment.ramp(fraction, fraction) == float(moment.reached(fraction))


def test_dense_training_is_the_same_under_both_budgets(digits, make_cell):
    """It spends exactly the budget, and its rate falls in the same epoch."""
    cell = make_cell("dense", epochs=4)
    by_epochs, by_macs = trained(cell, digits), trained(with_budget(cell), digits)
    assert by_macs.epoch == 4
    assert by_macs.moment.progress == 1.0
    for name, tensor in by_epochs.network.parameters.items():
        assert torch.equal(tensor, by_macs.network.parameters[name]), name


@pytest.mark.parametrize(
    ("method", "settings"), [("magnitude", {"target": 0.2}), ("bernoulli", {"price": 3e-4, "drift": 0.05})]
)
def test_a_pruned_network_trains_until_its_macs_are_spent(digits, make_cell, method, settings):
    cell = with_budget(make_cell(method, epochs=6, batch_size=128, settings=settings))
    training, rates, ends = Training(cell, digits), [], []
    while not training.finished:
        training.run_epoch()
        rates.append(training.moment.rate)
        ends.append(training.arithmetic.total.mean())
    budget = dense_training_macs(cell, len(digits.train_labels))
    assert ends[-2] < budget <= ends[-1]
    assert 6 < training.epoch < 30
    begun = [0.0, *(end / budget for end in ends[:-1])]
    assert rates == [0.1 if share >= 0.75 else 1.0 for share in begun]
    assert sorted(set(rates)) == [0.1, 1.0]


def test_the_longest_training_is_five_times_the_epochs(digits, make_cell):
    cell = with_budget(make_cell("magnitude", epochs=1, batch_size=256, settings={"target": 0.01}))
    training = trained(cell, digits)
    assert training.epoch == 5
    assert training.moment.spent < 1
    assert training.moment.progress == 1.0


def test_the_budget_belongs_to_the_cell_and_each_network_keeps_its_own_spending(digits, make_cell):
    training = Training(with_budget(make_cell("dense", epochs=2)), digits)
    training.run_epoch()
    budget = training.budget
    moment = budget.after_step(training.moment, training.arithmetic.total * [0.5, 1.5])
    assert moment.spent == pytest.approx(budget.after_step(training.moment, training.arithmetic.total).spent) == 0.5


def test_a_cell_of_macs_is_killed_and_resumed_bit_identically(tmp_path, digits, make_cell):
    cell = with_budget(make_cell("magnitude", epochs=2, batch_size=256))
    whole = run_cell(cell, digits, tmp_path / "whole")
    checkpoint = tmp_path / "checkpoint.pt"

    class Killed(BaseException):
        pass

    def kill(training):
        Checkpoint(checkpoint, cell).save(training, force=True)
        raise Killed

    for _ in range(whole.epochs):  # after every epoch, the last one too
        with pytest.raises(Killed):
            run_cell(cell, digits, tmp_path / "resumed", checkpoint, after_epoch=kill)
    resumed = run_cell(cell, digits, tmp_path / "resumed", checkpoint)
    assert resumed.comparable() == whole.comparable()
    for name in ("history.parquet", "networks.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "resumed" / name).read_bytes()


def test_phases_are_functions_of_the_moment_alone(digits, make_cell):
    training = Training(with_budget(make_cell("l0_hc", epochs=4)), digits)
    method, moment = training.method, replace(training.moment, step=10)
    assert [method.phase(replace(moment, spent=share)) for share in (0.1, 0.74, 0.75, 1.2)] == [
        *("sampled", "sampled"),
        *("settled", "settled"),
    ]


def test_scratch_b_has_its_own_cap_under_macs(digits, make_cell):
    class Scratch:
        longest = staticmethod(lambda common: 2 * common)

    cell = with_budget(make_cell("dense", epochs=3))
    assert Budget(cell, Scratch(), 1000).epochs == 6
    assert Budget(cell, None, 1000).epochs == 15


def test_cells_of_the_budget_epochs_keep_key_seed_and_hash():
    """Pinned: the first row of the shipped runs.csv."""
    key = "mnist/lenet_300_100-full/bernoulli/c_3p19e_4/he_normal/width-0.5"
    cell = find_cell(load_study(REPOSITORY / "results" / "reference" / "config.yaml"), key)
    assert (cell.seed(0), cell.config_hash) == (2287699175, "0b217335018d")
    with (REPOSITORY / "results" / "reference" / "runs.csv").open() as opened:
        first = next(csv.DictReader(opened))
    assert (first["method"], first["seed"], first["config_hash"]) == ("bernoulli", "2287699175", "0b217335018d")


def test_both_budgets_are_cells_of_one_study():
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"dense": ["a"], "ticket": ["t"]}}
    values = {"strengths": {"dense": {"a": {}}, "ticket": {"t": {"of": "dense/a"}}}}
    values["study"] = [grid, {**grid, "training": {"budget": "macs"}}]
    cells = study_cells(validate_study(values, "test"))
    path = "digits/lenet_300_100-full/dense/a/he_normal/width-1"
    assert [key for key in cells if "/dense/" in key] == [path, f"{path}-macs"]
    assert cells[f"{path}-macs"].seed(3) == cells[path].seed(3)
    controls = [cell for cell in cells.values() if cell.method == "ticket"]
    assert [cell.source_key for cell in controls] == [path, f"{path}-macs"]
