"""When jobs end on a number of workers, and what a study takes on so many cores."""

import pytest
from conftest import REPOSITORY

from robustprune.cli import main
from robustprune.gathering.forecast import hours, jobs_of, plan_of, waiting_lines, with_mean
from robustprune.gathering.priority import Priorities
from robustprune.gathering.schedule import Job, end_times
from robustprune.study.config import load_study, validate_study

STEPS = {"dense: LeNet-300-100 dense step, R=5": 20.0, "dense: LeNet-300-100 pruned step, R=5": 10.0}
STEPS |= {"bernoulli: LeNet-300-100 dense step, R=5": 40.0, "bernoulli: LeNet-300-100 pruned step, R=5": 10.0}


def test_one_worker_takes_the_sum_and_two_take_the_longest_first():
    """4, 3, 2, 2 on two workers: 4 + 2 and 3 + 2, not 2 + 3 and 2 + 4."""
    jobs = {"b": Job(2.0, 2), "a": Job(4.0, 4), "c": Job(3.0, 3), "d": Job(2.0, 2)}
    assert max(end_times(jobs, 1).values()) == 11
    assert end_times(jobs, 2) == {"a": 4, "c": 3, "b": 5, "d": 6}
    assert max(end_times(jobs, 9).values()) == 4


def test_a_job_waits_for_others_and_for_a_worker():
    jobs = {"first": Job(1.0, 0), "second": Job(1.0, 9, ("first",)), "third": Job(5.0, 1, ("gone",))}
    assert end_times(jobs, 2) == {"first": 1, "second": 2, "third": 5}
    assert end_times(jobs, 1) == {"third": 5, "first": 6, "second": 7}
    assert end_times({"a": Job(1.0, 0, ("b",)), "b": Job(1.0, 0, ("a",)), "c": Job(1.0, 0)}, 2) == {"c": 1}


NETWORK = {"dataset": "digits", "architecture": "lenet_300_100"}


def searched_study(**values):
    """A sweep of three values, one round and a confirming run for one target; dense cells; then one cell of the study
    and a control that starts from it."""
    search = {**NETWORK, "methods": {"bernoulli": ["c"]}, "targets": {"near": {"above_dense": 0.5}}, "sweep": 3}
    search |= {"rounds": 1, "replicates": 1, "dense_replicates": 2}
    grids = [
        {**NETWORK, "methods": {"bernoulli": ["near"]}, "replicates": 1},
        {**NETWORK, "methods": {"ticket": ["of_c"]}, "replicates": 1, "part": "controls"},
    ]
    given = {"search": [search], "study": grids, "training": {"epochs": 2, "batch_size": 64}}
    given["knobs"] = {"bernoulli": {"c": {"knob": "price", "range": [1e-4, 1e-2]}}}
    given["strengths"] = {"ticket": {"of_c": {"of": "bernoulli/near"}}}
    return validate_study({**given, **values}, "test")


def test_rounds_wait_for_each_other_and_the_study_for_the_search(tmp_path):
    """Ten seconds a cell on any number of workers: sweep and dense, round, confirming run, study, control: 50 s."""
    config = searched_study(root=str(tmp_path))
    plan = plan_of(config)
    assert [len(cells) for cells in plan.forms[0].rounds] == [3, 1, 1]
    assert (len(plan.all_cells()), len(plan.cells)) == (3 + 1 + 1 + 1 + 2, 2)
    jobs = jobs_of(plan, lambda key, cell: 10.0, Priorities(plan.all_cells().values(), {}))
    ends = end_times(jobs, 99)
    key = "digits/lenet_300_100-full/{}/he_normal/width-1"
    assert ends["search/" + key.format("dense/dense")] == 10
    assert [ends["search/" + cell.key] for cells in plan.forms[0].rounds for cell in cells] == [10, 10, 10, 20, 30]
    (study,) = (name for name in plan.cells if "/bernoulli/" in name)
    assert (ends[study], ends[key.format("ticket/of_c")]) == (40, 50)


def test_decided_rounds_have_their_values(tmp_path):
    config = searched_study(root=str(tmp_path / "results"))
    folder = tmp_path / "results" / "search" / "digits" / "lenet_300_100-full" / "bernoulli" / "c"
    folder.mkdir(parents=True)
    (folder / "round-1.yaml").write_text("[0.00123]\n")
    (form,) = plan_of(config, tmp_path / "results" / "search").forms
    assert [cell.strength for cell in form.rounds[1]] == ["c_1p23e_3"]
    assert form.decided == (False, True, False)
    assert [cell.strength for cell in plan_of(config).forms[0].rounds[1]] != ["c_1p23e_3"]


def test_parts_and_rounds_hold_every_cell_once(tmp_path):
    """An epoch on digits has 22 steps of 64 images, each half of a timed one."""
    config = searched_study(root=str(tmp_path))
    plan = plan_of(config)
    cells = plan.all_cells()
    from robustprune.gathering.timings import cell_seconds

    seconds = {key: cell_seconds(cell, STEPS) for key, cell in cells.items()}
    priorities = Priorities(cells.values(), STEPS)
    lines = waiting_lines(config, seconds, priorities, 1)
    rows = {line[:28].strip(): line[28:].split() for line in lines[2:] if line.strip()}
    counts = {name: int(words[0]) for name, words in rows.items() if name != "part"}
    assert counts == {
        "search, dense training": 1,
        "search, sweep": 3,
        "search, round 1": 1,
        "search, confirming runs": 1,
        "study, part core": 1,
        "study, part controls": 1,
    }
    total = sum(seconds.values())
    assert lines[:2] == [f"with --cores 1: about {hours(total)}", "    (one cell at a time; the longest start first)"]
    assert lines[0] != waiting_lines(config, seconds, priorities, 8)[0]
    missing = seconds | dict.fromkeys(plan.cells)
    assert "(2 cells of unknown time count as" in waiting_lines(config, missing, priorities, 1)[2]


def test_cells_side_by_side_take_longer_than_half_of_the_time_of_one():
    """On the shipped study: 2 cores need SIDE_BY_SIDE / 2 of the time of one, and a little more at the end."""
    from robustprune.gathering.planned import planned_cells
    from robustprune.gathering.timings import cell_seconds, read_timings

    config = load_study(REPOSITORY / "results" / "reference" / "config.yaml")
    cells = planned_cells(config)
    timings = read_timings(REPOSITORY / "results" / "reference" / "bench.json")
    seconds = {key: cell_seconds(cell, timings) for key, cell in cells.items()}
    jobs = jobs_of(plan_of(config), lambda key, cell: with_mean(seconds)[key], Priorities(cells.values(), timings))
    one, two = (max(end_times(jobs, workers).values()) for workers in (1, 2))
    assert one == pytest.approx(sum(with_mean(seconds).values()))
    assert 0.5 <= two / one < 0.52


def test_the_mean_stands_in_for_unknown_times():
    assert with_mean({"a": 2.0, "b": None, "c": 4.0}) == {"a": 2.0, "b": 3.0, "c": 4.0}
    assert with_mean({"a": None}) == {"a": 0.0}


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "3 s"), (89, "89 s"), (150, "2 min"), (5000, "83 min"), (9000, "2.5 h"), (4e5, "111 h")]
)
def test_times_as_people_say_them(seconds, text):
    assert hours(seconds) == text


@pytest.mark.parametrize("cores", ["0", "-1", "x", "1.5"])
def test_cores_are_a_number_of_at_least_one(cores, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["plan", "--config", "x", "--cores", cores])
    assert stopped.value.code == 2
    assert "number of at least 1" in capsys.readouterr().err


def test_the_plan_says_how_long_so_many_cores_take(monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    assert main(["plan", "--config", "config/quick.yaml", "--cores", "2"]) == 0
    shown = capsys.readouterr().out
    assert "with --cores 2: about" in shown
    assert main(["plan", "--config", "config/quick.yaml"]) == 0
    assert "--cores" not in capsys.readouterr().out
