"""Which job starts first: on one core the order of the starts is that of the priorities."""

import json
import re

import pytest
from test_pipeline import checkout, snakemake  # noqa: F401 (a fixture)

pytestmark = pytest.mark.workflow

STEPS = {"dense": (2e4, 1e4), "bernoulli": (4e4, 4e4), "magnitude": (6e3, 3e3)}
"""Milliseconds of a step of the dense and of the pruned network: an epoch of dense training takes 220 s, they say."""
COMMON = {"results": "runs", "training": {"epochs": 1, "batch_size": 64}}
NETWORK = {"dataset": "digits", "architecture": "lenet_300_100"}
STUDY = COMMON | {
    "root": "results/order",
    "strengths": {
        "dense": {"d": {}},
        "taylor": {"t": {"target": 0.3}},
        "ticket": {"of_d": {"of": "dense/d"}},
    },
    "study": [
        NETWORK | {"methods": {"dense": ["d"]}, "widths": [0.5, 1, 2], "replicates": 1},
        NETWORK | {"methods": {"ticket": ["of_d"]}, "widths": [0.5], "replicates": 1},
        NETWORK | {"methods": {"taylor": ["t"]}, "replicates": 1},
    ],
}
SEARCH = COMMON | {
    "root": "results/order_of_search",
    "knobs": {
        "bernoulli": {"c": {"knob": "price", "range": [5e-5, 2e-3]}},
        "magnitude": {"keep": {"knob": "target", "range": [0.02, 0.6]}},
    },
    "search": [
        NETWORK
        | {"methods": {"magnitude": ["keep"], "bernoulli": ["c"]}, "targets": {"at_error": {"above_dense": 3.0}}}
        | {"sweep": 2, "rounds": 1, "replicates": 1, "dense_replicates": 1}
    ],
    "strengths": {"dense": {"d": {}}},
    "study": [
        NETWORK | {"methods": {"magnitude": ["at_error"], "dense": ["d"]}, "widths": [0.5, 1], "replicates": 1},
        NETWORK | {"methods": {"bernoulli": ["at_error"]}, "replicates": 1},
    ],
}


@pytest.fixture(scope="module")
def timed(checkout):  # noqa: F811
    """A copy with the times of a made-up machine."""
    rows = [
        {"name": f"{method}: LeNet-300-100 {size} step, R=5", "value": value}
        for method, values in STEPS.items()
        for size, value in zip(("dense", "pruned"), values, strict=True)
    ]
    (checkout / "benchmarks" / "latest.json").write_text(json.dumps(rows))
    return checkout


def starts(output: str) -> list[tuple[str, str, int]]:
    """Rule, name and priority of each job in the order of the starts."""
    found = []
    for rule, block in re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)+)", output, re.M):
        given = dict(re.findall(r"(\w+)=([^,\s]+)", "".join(re.findall(r"wildcards: (.*)", block))))
        name = "/".join(given[part] for part in ("method", "width", "round") if part in given)
        found.append((rule, name, int(re.search(r"priority: (\d+)", block + "priority: 0").group(1))))
    return found


def test_the_longest_cells_start_first(timed):
    """taylor has no time and counts as the longest. A control waits for dense training at width 0.5, which together
    take longer than dense training at width 1."""
    order = starts(snakemake(timed, "results/order/runs.csv", "--cores", "1", config=STUDY))
    assert [rule for rule, _, _ in order] == ["prepare_data", *["train"] * 4, "train_control", "collect"]
    cells = [name for _, name, _ in order[1:-1]]
    assert sorted(cells[:2]) == ["dense/2", "taylor/1"]
    assert cells[2:] == ["dense/0.5", "dense/1", "ticket/0.5"]
    # other times start no finished job again
    path = timed / "benchmarks" / "latest.json"
    before = path.read_text()
    path.write_text(before.replace("20000.0", "30000.0"))
    try:
        assert "Nothing to be done" in snakemake(timed, "results/order/runs.csv", "--dry-run", config=STUDY)
    finally:
        path.write_text(before)


def test_what_a_search_decides_comes_before_any_training(timed):
    """The dense cell, for which every method waits, then the slower method; its next round is decided at once, although
    cells of the other method could start."""
    order = starts(snakemake(timed, "results/order_of_search/operating_points.yaml", "--cores", "1", config=SEARCH))
    names = [name for rule, name, _ in order if rule == "train_searched"]
    assert names[0] == "dense/1"
    methods = [name.partition("/")[0] for name in names[1:]]
    assert methods == sorted(methods)
    jobs = [(rule, name) for rule, name, _ in order]
    assert jobs.index(("search_round", "bernoulli/1")) < jobs.index(("train_searched", "magnitude/1"))
    assert jobs.index(("operating_points_of_form", "bernoulli")) < jobs.index(("train_searched", "magnitude/1"))
    assert min(height for rule, _, height in order if rule == "train_searched") > 220
    # the study's cells, which are known only now
    cells = starts(snakemake(timed, "results/order_of_search/runs.csv", "--cores", "1", config=SEARCH))
    names = [name for rule, name, _ in cells if rule == "train" and not name.startswith("bernoulli")]
    assert names == ["dense/1", "dense/0.5", "magnitude/1", "magnitude/0.5"]
