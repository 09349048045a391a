"""Kept pixels in the scorecard and the map: those of networks with numbers only."""

import numpy as np
import pandas as pd
import pytest
from made_up_study import made_up

from robustprune.analysis.figures import FIGURES
from robustprune.analysis.pixels import pixels_of
from robustprune.analysis.read import Collected, read_collected
from robustprune.analysis.scorecard import scorecard


@pytest.fixture
def collected(tmp_path) -> Collected:
    """Four networks that keep the first hundred pixels, and one that keeps the others and has this status."""
    runs, details, _, _ = made_up(("bernoulli",), (1.0,), ("he_normal",))
    more = [table.assign(replicate=table["replicate"] + 3) for table in (runs, details)]
    runs, details = (pd.concat([own, other])[:5] for own, other in zip((runs, details), more, strict=True))
    runs["key"] = "cell"
    runs.to_csv(tmp_path / "runs.csv", index=False)
    details.to_csv(tmp_path / "details.csv", index=False)
    flags = [np.arange(784) < 100] * 4 + [np.arange(784) >= 100]
    rows = [("cell", replicate, "input", 784, np.packbits(own).tobytes()) for replicate, own in enumerate(flags)]
    pd.DataFrame(rows, columns=["key", "replicate", "slot", "units", "kept"]).to_parquet(tmp_path / "kept.parquet")
    return read_collected(tmp_path)


def with_status(collected, status):
    runs = collected.runs.copy()
    runs.loc[runs["replicate"] == 4, "status"] = status
    return collected.with_runs(runs)


@pytest.mark.parametrize(("status", "n"), [("ok", 5), ("collapsed", 5), ("diverged", 4), ("failed", 4)])
def test_pixels_of_networks_without_numbers_do_not_count(collected, status, n):
    """What a diverged network kept is arbitrary."""
    own = with_status(collected, status)
    assert pixels_of(own.runs, own.kept).shape == (n, 784)
    row = scorecard(own.runs, 0.95, own.kept).table.iloc[0]
    assert row["jaccard_n"] == n
    assert row["jaccard"] == pytest.approx(1 if n == 4 else 6 / 10)
    figure = FIGURES["kept_pixels"](own, 0.95)
    assert f"n = {n}" in figure.axes[0].get_title()
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert (shown.min(), shown.max()) == pytest.approx((0, 1) if n == 4 else (0.2, 0.8))


def test_networks_without_numbers_alone_have_no_map(collected):
    assert pixels_of(collected.runs.assign(status="diverged"), collected.kept).shape == (0, 0)
