"""A study with a search grows: another method joins, and one call searches and trains it."""

import pandas as pd
import pytest
from test_pipeline import checkout, planned, snakemake  # noqa: F401 (a fixture)
from test_start_order import NETWORK, SEARCH

pytestmark = pytest.mark.workflow


def searched(*methods: str) -> dict:
    """A study that searches these methods and trains each where its search leads."""
    forms = {method: ["keep"] for method in methods}
    return SEARCH | {
        "root": "results/extended",
        "knobs": dict.fromkeys(methods, SEARCH["knobs"]["magnitude"]),
        "search": [SEARCH["search"][0] | {"methods": forms}],
        "study": [NETWORK | {"methods": {method: ["at_error"] for method in methods}, "replicates": 1}],
    }


def test_an_added_method_is_searched_and_trained_in_one_call(checkout):  # noqa: F811
    """The jobs of the second call know the points that its search finds, not only those of the first."""
    runs, both = "results/extended/runs.csv", searched("magnitude", "taylor")
    snakemake(checkout, runs, config=searched("magnitude"))
    snakemake(checkout, runs, config=both)
    trained = pd.read_csv(checkout / runs)
    assert set(trained[trained["status"] != "failed"]["method"]) == {"magnitude", "taylor"}
    assert "Nothing to be done" in snakemake(checkout, runs, "--dry-run", config=both)
