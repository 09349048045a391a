"""The jobs of a study with its search: what can begin when, on results that are made up as each job ends."""

import re
from types import SimpleNamespace

import pytest
from whole_search import run_search

from robustprune.cli import main
from robustprune.errors import StudyError
from robustprune.gathering import jobs as module
from robustprune.gathering.jobs import StudyJobs
from robustprune.study.cells import study_cells
from robustprune.study.config import validate_study
from robustprune.study.needed import search_of

NETWORK = {"dataset": "digits", "architecture": "lenet_300_100"}
KNOBS = {
    "bernoulli": {"c": {"knob": "price", "range": [1e-5, 1e-1]}},
    "vib": {"k": {"knob": "kappa", "range": [1e-5, 1e-1]}},
}


def study(**values):
    search = {**NETWORK, "methods": {"bernoulli": ["c"], "vib": ["k"]}, "sweep": 3}
    search |= {"targets": {"at_size": {"params": 20_000}, "at_error": {"above_dense": 1.0}}}
    grid = {**NETWORK, "methods": {"bernoulli": ["at_size"], "dense": ["dense"]}, "widths": [1, 2]}
    controls = {**NETWORK, "methods": {"ticket": ["of_c"], "bernoulli": ["at_size"]}, "part": "controls"}
    errors = {**NETWORK, "methods": {"vib": ["at_error"]}, "part": "errors"}
    strengths = {"dense": {"dense": {}}, "ticket": {"of_c": {"of": "bernoulli/at_size"}}}
    given = {"knobs": KNOBS, "strengths": strengths, "search": [search], "study": [grid, errors, controls]}
    return validate_study({**given, **values}, "test")


def curve(cell):
    """The networks of a cell on a power law of the knob, which meets both targets."""
    if cell.method == "dense":
        sizes, error = [266_610] * cell.replicates, 1.3
    else:
        value = cell.settings["price" if cell.method == "bernoulli" else "kappa"]
        sizes, error = [2000 * value**-0.5 * factor for factor in (0.99, 1, 1.01)], 1.5 + 10 * value
    entries = [SimpleNamespace(status="ok", params_kept=size, error_valid_percent=error) for size in sizes]
    return SimpleNamespace(replicates=entries)


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Make the jobs of a study; the cells with results are in `done` of what it returns."""

    def make(config, light=False, before=(), results=curve):
        done = []
        monkeypatch.setattr(module, "results_in", lambda folder: results)
        monkeypatch.setattr(module, "has_results", lambda job, config: place(job) in before)
        jobs = StudyJobs(config, tmp_path, light, lambda job, seconds: done.append(job))
        return SimpleNamespace(jobs=jobs, done=done)

    return make


def place(job):
    return job.runs.parent.name == "search", job.cell.key


def to_the_end(jobs, first, only=lambda job: True):
    """End the jobs that `only` allows, and those that follow from them; return all that were begun."""
    waiting, begun = list(first), list(first)
    while allowed := [job for job in waiting if only(job)]:
        job = min(allowed, key=lambda job: job.rank)
        waiting.remove(job)
        new = jobs.after(job, 1.0)
        waiting += new
        begun += new
    return begun


def test_the_whole_study_is_done_with_the_values_that_a_search_finds(start):
    config = study()
    given = start(config)
    begun = to_the_end(given.jobs, given.jobs.first())
    assert len({place(job) for job in begun}) == len(begun), "each once"
    cells, points = run_search(search_of(config, "x"), curve)
    expected = {cell.key for cell in cells}
    assert {key for searching, key in map(place, begun) if searching} == expected
    assert given.jobs.found == points
    cells = study_cells(config.model_copy(update={"operating_points": tuple(points)}))
    assert {key for searching, key in map(place, begun) if not searching} == set(cells)
    assert [cell.method for cell in cells.values()].count("bernoulli") == 2, "with both widths"


def test_a_form_does_not_wait_for_another(start):
    given = start(study())
    begun = to_the_end(given.jobs, given.jobs.first(), lambda job: job.cell.method in ("bernoulli", "dense"))
    assert {job.cell.width for job in begun if not place(job)[0] and job.cell.method == "bernoulli"} == {1, 2}
    assert not [job for job in begun if not place(job)[0] and job.cell.method == "vib"]


def test_a_control_waits_for_its_source(start):
    given = start(study())
    begun = to_the_end(given.jobs, given.jobs.first(), lambda job: place(job)[0] or job.cell.method == "dense")
    assert not [job for job in begun if job.cell.method == "ticket"]
    source = next(job for job in begun if not place(job)[0] and job.cell.method == "bernoulli" and job.cell.width == 1)
    assert [job.cell.method for job in given.jobs.after(source, 1.0)] == ["ticket"]


def test_results_from_before_count_and_are_not_trained_again(start):
    whole = start(study())
    everything = {place(job) for job in to_the_end(whole.jobs, whole.jobs.first())}
    before = {one for one in everything if one[0] or "width-2" in one[1] or "bernoulli" in one[1]}
    given = start(study(), before=before)
    begun = to_the_end(given.jobs, given.jobs.first())
    assert {place(job) for job in begun} == everything - before
    assert given.jobs.found == whole.jobs.found


def test_parts_rank_in_their_order_and_the_search_of_a_part_before_it(start):
    given = start(study(parts=["errors", "core", "controls"]))
    ranks = {(place(job)[0], job.cell.method): job.rank[:2] for job in to_the_end(given.jobs, given.jobs.first())}
    assert ranks[True, "vib"] == (0, 0)
    assert ranks[False, "vib"] == (0, 1)
    assert ranks[True, "bernoulli"] == (1, 0)
    assert ranks[False, "dense"] == (1, 1)
    assert ranks[False, "ticket"] == (2, 1)


def test_only_sources_keep_their_weights_in_a_light_archive(start):
    given = start(study(), light=True)
    begun = to_the_end(given.jobs, given.jobs.first())
    heavy = [job for job in begun if not job.light]
    assert [(job.cell.method, job.cell.width) for job in heavy] == [("bernoulli", 1)]


def test_sources_of_other_parts_and_what_is_measured_keep_their_weights(start):
    """A second call trains the controls, from networks of the first one."""
    given = start(study(parts=["core"]), light=True)
    begun = to_the_end(given.jobs, given.jobs.first())
    assert {job.cell.method for job in begun if not job.light} == {"bernoulli"}
    for asked in ("related", "unit_values"):
        measured = start(study(parts=["core"], **{asked: True}), light=True)
        heavy = [job for job in to_the_end(measured.jobs, measured.jobs.first()) if not job.light]
        assert {(place(job)[0], job.cell.method, job.cell.width) for job in heavy} == {
            (False, "bernoulli", 1),
            (False, "bernoulli", 2),
        }


def test_a_control_without_its_source_is_named(start):
    given = start(study())
    to_the_end(given.jobs, given.jobs.first(), lambda job: place(job)[0] or job.cell.method != "bernoulli")
    (line,) = given.jobs.not_begun()
    assert re.fullmatch(r"digits/\S+/ticket/of_c/\S+: digits/\S+/bernoulli/c_\S+ has no results", line)


def test_a_search_without_an_end_is_named_with_what_waits_for_it(start):
    given = start(study())
    to_the_end(given.jobs, given.jobs.first(), lambda job: job.cell.method != "bernoulli")
    network = "digits/lenet_300_100-full"
    assert given.jobs.not_begun() == [
        f"search {network}/bernoulli/c: a round has cells without results",
        f"{network}/bernoulli/at_size: no operating point",
        f"{network}/ticket/of_c: no operating point",
    ]


def test_programs_are_named_and_left_to_snakemake(start):
    search = {**NETWORK, "methods": {"bernoulli": ["c"], "vib": ["k"], "mine": ["a"]}, "sweep": 3}
    search["targets"] = {"at_size": {"params": 20_000}, "at_error": {"above_dense": 1.0}}
    grid = {**NETWORK, "methods": {"mine": ["fixed", "at_size"], "dense": ["dense"], "ticket": ["of_mine"]}}
    strengths = {"dense": {"dense": {}}, "mine": {"fixed": {"x": 1.0}}, "ticket": {"of_mine": {"of": "mine/fixed"}}}
    foreign = {"mine": {"knob": "x", "range": [0.1, 1.0]}}
    knobs = KNOBS | {"mine": {"a": {"knob": "x", "range": [0.1, 1.0]}}}
    given = start(study(foreign=foreign, knobs=knobs, search=[search], study=[grid], strengths=strengths))
    begun = to_the_end(given.jobs, given.jobs.first())
    assert {job.cell.method for job in begun} == {"dense"}
    lines = given.jobs.not_begun()
    assert len(lines) == 4
    assert lines[0] == "search digits/lenet_300_100-full/mine/a: of a foreign program, which Snakemake runs"
    assert "/mine/fixed/" in lines[1]
    assert lines[1].endswith("of a foreign program, which Snakemake runs")
    assert "/ticket/of_mine/" in lines[2]
    assert lines[2].endswith("has no results")


def test_a_cell_of_two_parts_has_the_rank_of_the_first_of_them(start):
    both = [{**NETWORK, "methods": {"dense": ["dense"]}, "part": part} for part in ("late", "early")]
    given = start(study(parts=["early", "late"], study=both))
    (job,) = given.jobs.first()
    assert job.rank[0] == 0


def test_a_point_that_the_study_cannot_have_stops_its_form_only(start):
    """The control asks for more networks than its source has, which shows when the search has found the source."""
    grid = {**NETWORK, "methods": {"bernoulli": ["at_size"]}, "replicates": 2}
    controls = {**NETWORK, "methods": {"ticket": ["of_c"]}, "replicates": 3}
    given = start(study(study=[grid, controls]))
    to_the_end(given.jobs, given.jobs.first())
    (reason,) = given.jobs.stopped
    assert "has 2 replicates, 3 are asked for" in reason
    assert len(given.jobs.found) == 2


def test_cells_that_would_share_a_folder_elsewhere_are_refused_first(start):
    grid = {**NETWORK, "methods": {"dense": ["a", "A"]}}
    with pytest.raises(StudyError, match="differ in upper and lower case only"):
        start(study(study=[grid], strengths={"dense": {"a": {}, "A": {}}})).jobs.first()


def test_a_search_that_cannot_go_on_says_why(start):
    def diverged(cell):
        record = curve(cell)
        if cell.method == "dense":
            record.replicates[0].status = "diverged"
        return record

    given = start(study(), results=diverged)
    to_the_end(given.jobs, given.jobs.first())
    assert len(given.jobs.stopped) == 2
    assert all("dense training has a network that is not ok" in reason for reason in given.jobs.stopped)


def test_the_command_searches_trains_and_leaves_points(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    search = (
        "training: {epochs: 2, batch_size: 64}\n"
        "knobs: {magnitude: {keep: {knob: target, range: [0.1, 0.6]}}}\n"
        "strengths: {ticket: {of_keep: {of: magnitude/at_size}}}\n"
        "search:\n"
        "  - {dataset: digits, architecture: lenet_300_100, methods: {magnitude: [keep]}, replicates: 2, sweep: 2,\n"
        "     rounds: 1, dense_replicates: 2, targets: {at_size: {params: 60000}, at_error: {above_dense: 50}}}\n"
        "study:\n"
        "  - {dataset: digits, architecture: lenet_300_100, methods: {magnitude: [at_size], ticket: [of_keep]}}\n"
    )
    (tmp_path / "study.yaml").write_text(search)
    train = ["train-many", "--config", "study.yaml", "--device", "cpu", "--folder", "work", "--light", "--output"]
    assert main([*train, "cells.tar"]) == 0
    assert re.search(r"cells.tar: (\d+) of \1 cells trained", capsys.readouterr().out)
    (tmp_path / "given.yaml").write_text(f"operating_points: cells.yaml\n{search}")
    assert main(["plan", "--config", "given.yaml"]) == 0
    assert main(["merge", "cells.tar", "--config", "given.yaml", "--output", "tables"]) == 0
    assert "runs.csv: 10 rows" in capsys.readouterr().out
    assert main([*train, "again.tar", "--only-new"]) == 0
    assert not (tmp_path / "again.tar").exists(), "nothing was left to train"
    assert (tmp_path / "again.yaml").read_text() == (tmp_path / "cells.yaml").read_text()
