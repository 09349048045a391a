"""Probes of a training: what they read of it is so, and the training does not notice."""

import pandas as pd
import pytest
import torch

from robustprune.analysis.probes.false_removals import CLOSED, RULE_TITLES
from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.experiments.probes.base import method_of
from robustprune.experiments.probes.bounds import Bounds, between_linear_layers, sizes
from robustprune.experiments.probes.estimates import ESTIMATORS
from robustprune.experiments.probes.exact import exact_values, sampled
from robustprune.experiments.probes.removals import RULES, Removals
from robustprune.experiments.probing import Probes
from robustprune.networks.architecture import architecture
from robustprune.study.probed import PROBE_TABLES

SETTINGS = {"price": 1e-3, "drift": 0.02}
NEVER = {**SETTINGS, "removal_at": "never"}


@pytest.fixture(scope="module")
def probed(tmp_path_factory, digits, monkeypatch_module):
    """A probed training with its tables."""
    folder = tmp_path_factory.mktemp("probed")
    probes = Probes()
    record = run_cell(make(NEVER), digits, folder, probe=probes)
    probes.write(folder)
    return record, {name: pd.read_parquet(folder / f"{name}.parquet") for name in PROBE_TABLES}, folder


@pytest.fixture(scope="module")
def monkeypatch_module():
    """Few steps and gates, so that a probed training takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robustprune.experiments.probes.estimates.STEPS", 3)
        patch.setattr("robustprune.experiments.probes.estimates.EACH", 2)
        patch.setattr("robustprune.experiments.probes.gate_values.EACH", 3)
        patch.setattr("robustprune.experiments.probes.gate_values.images_for", lambda _: 100)
        patch.setattr("robustprune.experiments.probes.estimates.images_for", lambda _: 100)
        yield


def make(settings, **values):
    from robustprune.study.cells import Cell
    from robustprune.study.training_settings import TrainingSettings

    training = TrainingSettings(epochs=6, batch_size=16, l2=1e-5)
    return Cell(
        **{"dataset": "digits", "architecture": "lenet_300_100", "method": "bernoulli", "strength": "key"},
        **{"settings": settings, "replicates": 2, "width": 0.2, "training": training, **values},
    )


def test_the_training_does_not_notice(probed, digits, tmp_path):
    record, _, folder = probed
    plain = run_cell(make(NEVER), digits, tmp_path)
    assert record.comparable() == plain.comparable()
    for file in ("gates.npz", "history.parquet", "networks.safetensors"):
        assert (folder / file).read_bytes() == (tmp_path / file).read_bytes()


def test_nothing_leaves_before_the_end(probed):
    record, tables, folder = probed
    history = pd.read_parquet(folder / "history.parquet")
    assert set(history["units_fc1"]) == {60}
    assert record.replicates[0].units_kept != "784-60-20"
    closed = tables["removals"].query("rule == 'closed'")
    assert (closed["theta_end"] <= 0.5).all()
    assert closed.groupby("replicate").size().tolist() == [
        864 - sum(map(int, replicate.units_raw.split("-"))) for replicate in record.replicates
    ]


def test_the_rule_asks_for_what_the_method_first_removes(probed, digits, tmp_path):
    """Up to the first removal the twin is the method itself, so both name the same units in the same epoch."""
    removals = probed[1]["removals"].query("rule == 'mean_0p02'")
    training = Training(make(SETTINGS), digits)
    before = {slot: kept.clone() for slot, kept in training.network.kept.items()}
    while all(torch.equal(training.network.kept[slot], kept) for slot, kept in before.items()):
        training.run_epoch()
    first = removals[removals["epoch"] == training.epoch]
    assert removals["epoch"].min() == training.epoch
    for replicate in range(2):
        for slot, kept in before.items():
            gone = set(kept[replicate].tolist()) - set(training.network.kept[slot][replicate].tolist())
            asked = first[(first["replicate"] == replicate) & (first["slot"] == slot)]["unit"]
            assert gone == set(asked)


def test_a_wider_rule_asks_no_later(probed):
    epochs = probed[1]["removals"].pivot(index=["replicate", "slot", "unit"], columns="rule", values="epoch")
    for strict, wide in (("mean_0p01", "mean_0p02"), ("mean_0p02", "mean_0p05"), ("mean_0p05", "mean_0p1")):
        both = epochs[epochs[strict].notna()]
        assert (both[wide] <= both[strict]).all()
    assert epochs["mean_0p02"].notna().sum() > 100


def test_every_rule_has_a_title():
    assert set(RULES) == {*RULE_TITLES, CLOSED}


def test_the_bound_holds_for_one_closed_gate(digits):
    """|DL| <= kappa S with the largest kappa over images, in a network whose other gates are all open."""
    training = Training(make({**NEVER, "theta_start": 0.999}), digits, dtype=torch.float64)
    method, probe = method_of(training), Bounds()
    method.theta.fill_(1)
    probe.after_step(training)
    training.epoch = 1
    probe.after_epoch(training)
    rows = probe.table()
    theta = method.by_slot(method.theta)
    wanted = {slot: torch.full_like(values, slot != "input", dtype=torch.bool) for slot, values in theta.items()}
    sample = sampled(training.network, theta, wanted)
    values = exact_values(sample, probe.images[:100], probe.labels[:100], None)
    for slot in ("fc1", "fc2"):
        own = rows[rows["slot"] == slot]
        bound = own["kappa_max"] * (own["size_in"] + own["size_out"]) / 2
        slopes = values[slot][0].abs().numpy().ravel()
        # the gradient at the open unit stands for that on the whole way to the closed one: hence a factor
        assert (slopes <= 2 * bound.to_numpy()).all()
        assert own["kappa"].gt(0).all()
        assert (own["kappa"] <= own["kappa_max"]).all()


def test_sizes_and_slots_of_bounds(make_network):
    network = make_network("lenet_300_100", replicates=2, width=0.1)
    own, outgoing = sizes(network, "fc1")
    weight, bias = network.parameters["fc1.weight"][1, 3], network.parameters["fc1.bias"][1, 3]
    assert float(own[1, 3]) == pytest.approx(float((weight**2).sum() + bias**2))
    assert float(outgoing[1, 3]) == pytest.approx(float((network.parameters["fc2.weight"][1, :, 3] ** 2).sum()))
    lenet5 = architecture("lenet5")
    assert between_linear_layers(lenet5, [slot.name for slot in lenet5.slots]) == ["fc1"]
    assert between_linear_layers(network.architecture, ["input", "fc1", "fc2"]) == ["fc1", "fc2"]


def test_estimates_and_values_have_every_sampled_gate(probed):
    estimates, values = probed[1]["estimates"], probed[1]["gate_values"]
    assert set(estimates["estimator"]) == set(ESTIMATORS)
    assert set(estimates["epoch"]) == {1, 3, 6}
    assert not estimates.isna().any().any()
    counts = estimates.groupby(["epoch", "replicate", "slot", "estimator"]).size()
    assert counts.max() <= 4
    assert counts.min() >= 2
    assert len(values) == 2 * 864
    measured = values[values["value_rounded"].notna()]
    assert 2 * 3 * 3 <= len(measured) < len(values)
    assert (measured["error_noise"] >= 0).all()


def test_removals_need_no_other_probe(digits):
    probe = Removals()
    training = Training(make(NEVER), digits, probe=probe)
    while not training.finished:
        training.run_epoch()
    assert set(probe.table()["rule"]) <= set(RULES)


def test_the_last_epoch_of_a_budget_of_macs_is_read(digits, tmp_path, monkeypatch_module):
    """Networks that remove nothing spend the budget of dense training in fewer than `epochs`."""
    cell = make(NEVER)
    cell = cell.model_copy(update={"training": cell.training.model_copy(update={"budget": "macs"})})
    probes = Probes()
    run_cell(cell, digits, tmp_path, probe=probes)
    epochs = pd.read_parquet(tmp_path / "history.parquet")["epoch"].max()
    assert epochs < cell.training.epochs
    assert probes.probes["estimates"].table()["epoch"].max() == epochs


def test_a_training_that_stops_early_leaves_empty_tables(tmp_path):
    Probes().write(tmp_path)
    for name in PROBE_TABLES:
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert table.empty
        assert "replicate" in table
