"""The search for operating points, on curves that are known in closed form."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from scipy import stats
from whole_search import run_search

from robustprune.errors import StudyError
from robustprune.gathering.bracketing import Goal, Trial, bracket, crossing, next_value
from robustprune.gathering.planned import planned_cells
from robustprune.gathering.programs import check_cells
from robustprune.gathering.search import known_cells, points_of, searched_forms, values_of_round
from robustprune.study.cells import asked_of_cells, study_cells, unresolved
from robustprune.study.config import load_study, save_study, validate_study
from robustprune.study.find import find_cell, value_cell
from robustprune.study.needed import search_of
from robustprune.study.search import key_value, rounded, value_key

NETWORK = {"dataset": "digits", "architecture": "lenet_300_100"}
KEY = "digits/lenet_300_100-full"


def config(**values):
    search = {**NETWORK, "methods": {"bernoulli": ["c"]}, "targets": {"at_size": {"params": 20_000}}}
    search |= {"replicates": 3, "first_replicate": 100, **values.pop("search", {})}
    knobs = {"bernoulli": {"c": {"knob": "price", "range": [1e-5, 1e-1], "settings": {"drift": 1e-3}}}}
    return validate_study({"knobs": knobs, "search": [search], **values}, "test")


def curve(cell, params=lambda value: 2000 * value**-0.5, error=lambda value: 1.5 + 10 * value, bad=lambda value: False):
    """The networks of a cell on a power law of the knob; their sizes differ by 1 %."""
    if cell.method == "dense":
        return replicates([(266_610, 1.3)] * cell.replicates)
    value = cell.settings["price"]
    sizes = [params(value) * factor for factor in (0.99, 1, 1.01)]
    return replicates([(size, error(value)) for size in sizes], "collapsed" if bad(value) else "ok")


def replicates(pairs, status="ok"):
    entries = [SimpleNamespace(status=status, params_kept=size, error_valid_percent=error) for size, error in pairs]
    return SimpleNamespace(replicates=entries)


@pytest.mark.parametrize("value", [2.7e-4, 10.0, 0.333, 200.0, 1e-18, 1.0, 9.99])
def test_a_key_says_its_value(value):
    assert key_value("c", value_key("c", value)) == value
    assert key_value("d", value_key("c", value)) is None


def test_the_point_of_a_power_law_is_found_where_it_is():
    """params = 2000 / sqrt(price) meets 20,000 at price 0.01 exactly, whatever the sweep."""
    for sweep in (2, 3, 5):
        study = config(search={"sweep": sweep})
        cells, (point,) = run_search(study, curve)
        assert point.settings == {"price": 0.01, "drift": 1e-3}
        assert (point.strength, point.confirmed) == (value_key("c", 0.01), True)
        assert len(cells) <= sweep + 2, "a straight line needs no second round"


def test_error_above_dense_is_a_target():
    """1.5 + 10 c = 1.3 + 0.7 at c = 0.05: between two values of the sweep the curve bends, rounds close in."""
    study = config(search={"targets": {"at_error": {"above_dense": 0.7}}, "dense_replicates": 2})
    cells, (point,) = run_search(study, curve)
    assert point.settings["price"] == pytest.approx(0.05, rel=0.02)
    assert point.bound_percent == 2.0
    assert [cell.replicates for cell in cells if cell.method == "dense"] == [2]


def test_values_beyond_which_networks_collapse_are_halved_towards():
    """Sizes above 20,000 only; what is beyond 1e-3 collapses: the entry says why there is no point."""
    study = config()
    bad = lambda value: value > 1e-3  # noqa: E731
    results = lambda cell: curve(cell, bad=bad)  # noqa: E731
    cells, (point,) = run_search(study, results)
    tried = [cell.settings["price"] for cell in cells]
    assert tried[:5] == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert all(1e-3 < value < 1e-2 for value in tried[5:])
    assert 1 <= len(tried[5:]) <= 3
    assert point.strength is None
    assert point.reason == "all parameters kept are above the target; beyond them networks collapse"
    assert point.nearest == value_key("c", 1e-3)


def test_a_target_outside_the_range_is_unreachable():
    study = config(search={"targets": {"tiny": {"params": 10}}})
    cells, (point,) = run_search(study, curve)
    assert len(cells) == 5, "no value of the range can help"
    assert "the range of the knob ends there" in point.reason


def test_the_smaller_network_counts_where_the_curve_crosses_twice():
    """Sizes fall, rise and fall again."""
    trials = [Trial(float(v), True, (p,) * 2, (1.0,) * 2) for v, p in ((1, 400), (10, 50), (100, 300), (1000, 20))]
    goal = Goal(True, math.log(100))
    assert [trial.value for trial in bracket(trials, goal)] == [100, 1000]
    assert bracket([Trial(t.value, t.value != 1000, t.params, t.errors) for t in trials], goal)[0].value in (1, 10)


def test_a_bracket_of_equal_heights_has_a_middle():
    pair = (Trial(1.0, True, (100.0,), (1.0,)), Trial(4.0, True, (100.0,), (1.0,)))
    assert crossing(pair, Goal(True, math.log(100))) == pytest.approx(2)
    assert next_value(pair, Goal(True, math.log(100)), (1, 4)) == pytest.approx(2)


def test_confirmation_is_the_t_interval_of_the_mean():
    goal = Goal(False, 2.0)
    for errors in ((1.9, 2.0, 2.3), (2.1, 2.11, 2.12)):
        low, high = stats.t.interval(0.95, 2, sum(errors) / 3, stats.sem(errors))
        assert goal.held_by(Trial(1.0, True, (1.0,) * 3, errors)) == (low <= 2.0 <= high)
    assert not goal.held_by(Trial(1.0, True, (1.0,), (2.0,)))


def test_a_round_returns_no_value_that_was_tried():
    study = config()
    form = (study.search[0], "bernoulli", "c")
    assert values_of_round(study, *form, 0, [], curve) == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert values_of_round(study, *form, 1, [1e-3, 1e-1], curve) == [1e-2]
    assert values_of_round(study, *form, 4, [1e-3, 1e-2, 1e-1], curve) == []


def test_grids_take_up_the_points(tmp_path):
    grid = {**NETWORK, "methods": {"bernoulli": ["at_size"]}, "widths": [0.5, 1]}
    study = config(study=[grid])
    assert study_cells(study) == {}
    assert unresolved(study) == [f"{KEY}/bernoulli/at_size"]
    points = points_of(study, study.search[0], "bernoulli", "c", [1e-3, 1e-1], curve)
    found = study.model_copy(update={"operating_points": tuple(points)})
    cells = study_cells(found)
    assert [cell.settings["price"] for cell in cells.values()] == [1e-2, 1e-2]
    asked = asked_of_cells(found)
    assert {key: (how.point, how.params) for key, how in asked.items()} == dict.fromkeys(cells, ("at_size", 20_000))
    assert unresolved(found) == []
    tuned = value_cell(study, study.search[0], "bernoulli", "c", 1e-2)
    study_seeds = {cell.seed(r) for cell in cells.values() for r in range(cell.replicates)}
    assert study_seeds.isdisjoint(tuned.seed(r) for r in range(tuned.replicates))
    assert tuned.training.images == "tuning"
    assert f"{KEY}/bernoulli/c_1e_2/he_normal/width-1" in cells


def test_a_form_may_change_the_training_and_is_then_a_variant():
    """The points of the form train as its search did, whatever the grid says of the optimizer."""
    form = {"knob": "price", "range": [1e-5, 1e-1], "training": {"optimizer": "sgd"}, "variant": "sgd"}
    knobs = {"bernoulli": {"c": {"knob": "price", "range": [1e-5, 1e-1]}, "c_sgd": form}}
    search = {**NETWORK, "methods": {"bernoulli": ["c", "c_sgd"]}, "targets": {"at_size": {"params": 20_000}}}
    grid = {**NETWORK, "methods": {"bernoulli": ["c_at_size", "c_sgd_at_size"]}, "training": {"epochs": 7}}
    study = validate_study({"knobs": knobs, "search": [search], "study": [grid]}, "test")
    tuned = value_cell(study, study.search[0], "bernoulli", "c_sgd", 1e-2)
    assert (tuned.training.optimizer, tuned.training.images) == ("sgd", "tuning")
    assert find_cell(study.model_copy(update={"study": ()}), tuned.key) == tuned
    points = [
        point
        for name in ("c", "c_sgd")
        for point in points_of(study, study.search[0], "bernoulli", name, [1e-3, 1e-1], curve)
    ]
    found = study.model_copy(update={"operating_points": tuple(points)})
    plain, sgd = study_cells(found).values()
    assert [(cell.training.optimizer, cell.training.epochs) for cell in (plain, sgd)] == [("adam", 7), ("sgd", 7)]
    asked = asked_of_cells(found)
    assert (asked[plain.key].variant, asked[sgd.key].variant) == ("", "sgd")


def test_only_forms_that_the_selected_parts_name_are_searched():
    form = {"knob": "price", "range": [1e-5, 1e-1]}
    knobs = {"bernoulli": {"c": form, "d": form}, "vib": {"kappa": {"knob": "kappa", "range": [1e-5, 1e-3]}}}
    search = {**NETWORK, "methods": {"bernoulli": ["c", "d"], "vib": ["kappa"]}, "targets": {"at_size": {"params": 9}}}
    study = [
        {**NETWORK, "methods": {"bernoulli": ["d_at_size"]}},
        {**NETWORK, "methods": {"vib": ["at_size"], "ticket": ["of_c"]}, "part": "other"},
    ]
    values = {
        "knobs": knobs,
        "search": [search],
        "study": study,
        "strengths": {"ticket": {"of_c": {"of": "bernoulli/c_at_size"}}},
    }

    def forms(**parts):
        return [form for _, _, form in searched_forms(validate_study({**values, **parts}, "test"))]

    assert (forms(), forms(parts=["core"]), forms(parts=["other"])) == (["c", "d", "kappa"], ["d"], ["c", "kappa"])
    # as `snakemake --config parts=core` and `parts=core,other` give them
    assert (forms(parts="core"), forms(parts="core, other")) == (forms(parts=["core"]), forms())
    whole = search_of(validate_study({**values, "study": []}, "test"), "elsewhere")
    assert whole is not None
    assert len(searched_forms(whole)) == 3


def test_a_control_may_name_its_source_by_a_searched_point():
    grid = {**NETWORK, "methods": {"bernoulli": ["at_size"], "ticket": ["of_c"]}}
    study = config(study=[grid], strengths={"ticket": {"of_c": {"of": "bernoulli/at_size"}}})
    assert study_cells(study) == {}
    points = points_of(study, study.search[0], "bernoulli", "c", [1e-3, 1e-1], curve)
    source, control = study_cells(study.model_copy(update={"operating_points": tuple(points)})).values()
    assert control.source_key == source.key


def test_a_form_has_the_targets_that_are_named_for_it():
    targets = {"at_size": {"params": 20_000}, "at_error": {"above_dense": 0.3}}
    study = config(search={"targets": targets, "targets_of": {"c": ["at_size"]}})
    points = points_of(study, study.search[0], "bernoulli", "c", [1e-3, 1e-1], curve)
    assert [point.target for point in points] == ["at_size"]
    with pytest.raises(StudyError, match="did you mean 'at_error'"):
        config(search={"targets": targets, "targets_of": {"c": ["at_eror"]}})
    with pytest.raises(StudyError, match=r"targets_of: no method has a form 'd' here"):
        config(search={"targets": targets, "targets_of": {"d": ["at_size"]}})


def test_a_point_whose_key_and_settings_differ_is_refused():
    """A strength that was changed by hand, its settings not: the cell would train another value than its name says."""
    study = config(study=[{**NETWORK, "methods": {"bernoulli": ["at_size"]}}])
    (point, *_) = points_of(study, study.search[0], "bernoulli", "c", [1e-3, 1e-1], curve)
    changed = point.model_copy(update={"strength": "c_9e_4"})
    with pytest.raises(
        StudyError, match=r"operating_points: bernoulli, c, at_size: the strength c_9e_4 says price 0.0009"
    ):
        study_cells(study.model_copy(update={"operating_points": (changed,)}))


def test_values_of_rounds_that_a_search_no_longer_has_are_not_read(tmp_path):
    study = config(root=str(tmp_path))
    search = study.search[0]
    folder = tmp_path / search.name / "bernoulli" / "c"
    folder.mkdir(parents=True)
    (folder / "round-0.yaml").write_text("[0.001]")
    (folder / f"round-{search.rounds + 2}.yaml").write_text("[0.5]")
    keys = set(known_cells(study))
    assert any("/c_1e_3/" in key for key in keys)
    assert not any("/c_5e_1/" in key for key in keys)


def test_a_cell_of_a_search_is_found_by_its_key():
    study = config()
    cell = value_cell(study, study.search[0], "bernoulli", "c", rounded(2.71828e-3))
    assert cell.settings == {"drift": 1e-3, "price": 2.72e-3}
    assert find_cell(study, cell.key) == cell
    with pytest.raises(StudyError, match="no cell"):
        find_cell(study, cell.key.replace("/c_", "/d_"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"search": {"methods": {"bernouli": ["c"]}}}, "did you mean 'bernoulli'"),
        ({"search": {"methods": {"bernoulli": ["d"]}}}, "unknown form 'd'"),
        ({"search": {"targets": {"at_size": {}}}}, "exactly one of params and above_dense"),
        ({"search": {"targets": {}}}, "search.0.targets"),
        ({"search": {"training": {"budget": "macs"}}}, "each budget has a search of its own"),
        ({"study": [{**NETWORK, "methods": {"bernoulli": ["at_siz"]}}]}, "did you mean 'at_size'"),
        ({"parts": ["cor"], "study": [{**NETWORK, "methods": {"bernoulli": ["at_size"]}}]}, "did you mean 'core'"),
    ],
)
def test_mistakes_are_named(change, message):
    with pytest.raises(StudyError, match=message):
        config(**change)


REPOSITORY = Path(__file__).parents[2]
PARTS = sorted({grid.part for grid in load_study(REPOSITORY / "config" / "config.yaml").study})


@pytest.mark.parametrize("part", PARTS)
def test_the_search_of_each_part_of_the_study_can_be_written_and_read(tmp_path, part):
    """The jobs of a search read its configuration from a file that Snakemake writes at the start."""
    study = load_study(REPOSITORY / "config" / "config.yaml").model_copy(update={"parts": (part,)})
    search = search_of(study, str(tmp_path / "search"))
    if part == "long":  # names its strengths
        assert search is None
        return
    save_study(search, tmp_path / "config.yaml")
    assert load_study(tmp_path / "config.yaml").search == search.search


def deep_search(**more):
    network = {"architecture": "mlp_residual", "track": "joint", "methods": {"bernoulli": ["c"]}}
    grid = {"dataset": "digits", "architecture": "mlp_residual", "track": "joint", "depths": [2, 8]}
    return config(search={**network, **more}, study=[{**grid, "methods": {"bernoulli": ["at_size"]}}])


def test_a_search_has_one_depth_and_its_points_count_for_all():
    study = deep_search(depth=4)
    cells, points = run_search(search_of(study, "x"), curve)
    assert all(cell.key.endswith("/he_normal/width-1/depth-4") for cell in cells)
    searched = search_of(study, "x")
    assert find_cell(searched, cells[0].key) == cells[0]
    with pytest.raises(StudyError, match="no cell"):
        find_cell(searched, cells[0].key.replace("depth-4", "depth-2"))
    found = study_cells(study.model_copy(update={"operating_points": tuple(points)}))
    assert [cell.depth for cell in found.values()] == [2, 8]
    assert {cell.settings["price"] for cell in found.values()} == {0.01}


def test_a_search_of_sections_without_a_depth_is_refused_before_any_job():
    study = deep_search()
    with pytest.raises(StudyError, match=r"give its number of sections.*depth: 4 in a search"):
        check_cells(study, planned_cells(study).values())
