"""What an executor of a cluster starts on a node: Snakemake again, for one job, which has run no checkpoint."""

import pytest
from test_pipeline import checkout, snakemake  # noqa: F401 (a fixture)
from test_start_order import NETWORK, SEARCH

pytestmark = pytest.mark.workflow
CONFIG = SEARCH | {
    "root": "searched",
    "study": [NETWORK | {"methods": {"dense": ["d"], "magnitude": ["at_error"]}, "replicates": 1}],
}
AXES = "dataset=digits,architecture=lenet_300_100,track=full,method=dense,strength=d,initialization=he_normal,width=1"


def test_a_job_knows_the_cells_of_a_study_with_a_search(checkout):  # noqa: F811
    snakemake(checkout, "data/digits.safetensors", config=CONFIG)
    (checkout / "searched" / "operating_points.yaml").write_text("[]\n")  # jobs of the study start after the search
    words = ["--mode", "remote", "--target-jobs", f"train:{AXES}", "--allowed-rules", "train", "--force", "--nolock"]
    snakemake(checkout, *words, config=CONFIG)
    assert list((checkout / "searched").rglob("record.json"))
