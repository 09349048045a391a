"""Verdicts do not move with the level of the intervals that are shown."""

import pandas as pd
import pytest
from conftest import REPOSITORY

from robustprune.analysis.tables import write_tables

REFERENCE = REPOSITORY / "results" / "reference"
VERDICTS = {
    "ball": (REFERENCE / "mars", ["changed", "as_expected"], "error_low"),
    "finetune": (REFERENCE / "mars", ["helps_few", "needs_more"], "contrast_low"),
    "layers_hypotheses": (REFERENCE / "layers", ["outcome", "evidence"], None),
    "claims": (REFERENCE, ["verdict"], None),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_has_its_own_level(name, tmp_path):
    source, verdicts, shown = VERDICTS[name]
    found = []
    for confidence in (0.95, 0.5):
        write_tables(source, tmp_path / str(confidence), names=[name], confidence=confidence)
        found.append(pd.read_csv(tmp_path / str(confidence) / f"{name}.csv"))
    for column in verdicts:
        assert found[0][column].equals(found[1][column]), column
    if shown:
        assert not found[0][shown].equals(found[1][shown])
