"""One network of a cell gets weights that are not finite: it is recorded as diverged, and its companions end as they do
without it. (To rounding: a stack with more places, as slimming has then, sums in another order.)"""

import random

import pytest
import torch
from amounts import LONG

from robustprune.engine.running import run_cell
from robustprune.methods.parts.registry import method_names
from robustprune.networks.archive import read_archive

SHORT = ["bernoulli", "magnitude", "vib", "group_lasso"]
RESULTS = ("status", "units_kept", "params_kept", "error_test_percent", "error_train_percent", "undetermined_fraction")


@pytest.mark.parametrize("method", method_names() if LONG else SHORT)
def test_companions_of_a_poisoned_network_are_unharmed(tmp_path, digits, make_cell, method):
    settings = {"prior_constant": 1e-9} if method == "ss_ig" else None
    cell = make_cell(method, epochs=3, replicates=3, width=0.5, **({"settings": settings} if settings else {}))

    def poison(training):
        if training.epoch == 1:
            with torch.no_grad():
                training.network.parameters["fc1.weight"][1, 0] = random.Random(method).choice([torch.nan, torch.inf])

    whole = run_cell(cell, digits, tmp_path / "whole")
    record = run_cell(cell, digits, tmp_path / "poisoned", after_epoch=poison)
    assert record.replicates[1].status == "diverged"
    assert record.replicates[1].reason
    assert record.replicates[1].error_test_percent is None
    expected, found = (read_archive(tmp_path / name) for name in ("whole", "poisoned"))
    for number in (0, 2):
        for name in RESULTS:
            assert getattr(record.replicates[number], name) == getattr(whole.replicates[number], name), name
        for name, weight in expected[number].weights.items():
            assert torch.allclose(found[number].weights[name], weight, rtol=1e-3, atol=1e-5), name
