"""Errors of the predictors by block equal those that are counted by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from robustprune.engine.running import run_cell
from robustprune.experiments.related.cafo_blocks import COLUMNS, SUM, block_errors, write_cafo_blocks
from robustprune.initialization.examples import Examples
from robustprune.methods.parts.local_predictors import one_network


def test_errors_are_those_of_least_squares(make_network, digits):
    network = one_network(make_network("lenet_300_100", width=0.1), 2)
    train = Examples(digits.train_images[:300], digits.train_labels[:300])
    test = Examples(digits.test_images, digits.test_labels)
    rows = {row["slot"]: row for row in block_errors(network, train, test, 1e-9)}
    assert list(rows) == ["fc1", "fc2", SUM]
    assert [row["features"] for row in rows.values()] == [30, 10, 40]
    values = {name: tensor.detach()[0].numpy() for name, tensor in network.parameters.items()}

    def blocks(given):
        h, out = given.images.double().numpy() / 255, []
        for name in ("fc1", "fc2"):
            h = np.maximum(h @ values[f"{name}.weight"].T + values[f"{name}.bias"], 0)
            out.append(np.hstack([h, np.ones((len(h), 1))]))
        return out

    wanted = np.eye(10)[train.labels.numpy()]
    solutions = [np.linalg.lstsq(h, wanted, rcond=None)[0] for h in blocks(train)]
    scores = [h @ own for h, own in zip(blocks(test), solutions, strict=True)]
    scores.append(sum(torch.from_numpy(own).softmax(1).numpy() for own in scores))
    for row, own in zip(rows.values(), scores, strict=True):
        wrong = 100 * np.mean(own.argmax(1) != test.labels.numpy())
        assert row["error_test"] == pytest.approx(wrong, abs=100.01 / len(own))  # a tie may fall the other way
    assert rows["fc1"]["error_test"] < 60


def test_the_last_block_of_a_pruned_network_errs_as_the_record_says(tmp_path, digits, make_cell):
    """The deployed network has the predictor of the last block as its output layer."""
    settings = {"target": 0.4, "images": 400, "events": 2}
    cells = {
        tmp_path / "cafo": make_cell("cafo", epochs=1, width=0.2, settings=settings),
        tmp_path / "other": make_cell("magnitude", epochs=1, width=0.2),
    }
    record = run_cell(cells[tmp_path / "cafo"], digits, tmp_path / "cafo")
    write_cafo_blocks(cells, lambda name: digits, tmp_path / "blocks.parquet")
    table = pd.read_parquet(tmp_path / "blocks.parquet")
    assert list(table) == list(COLUMNS)
    assert len(table) == 2 * 2 * 3  # networks, states, blocks with the sum
    for replicate, entry in enumerate(record.replicates):
        own = table[(table["replicate"] == replicate) & (table["network"] == "kept") & (table["slot"] == "fc2")]
        assert own["error_test"].iloc[0] == pytest.approx(entry.error_test_percent, abs=0.3)
