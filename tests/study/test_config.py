"""Configuration: unknown keys, nearest names, cells and their keys, drift of the generated schemas."""

import copy
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

from robustprune.errors import StudyError
from robustprune.records.record import Record
from robustprune.records.schemas import SCHEMAS, write_schemas
from robustprune.starts.parts.registry import check_cell
from robustprune.study.cells import Cell, asked_of_cells, stream_seed, study_cells
from robustprune.study.config import load_study, validate_study
from robustprune.study.find import find_cell
from robustprune.study.names import split_initialization

CONFIGS = sorted(path for path in (REPOSITORY / "config").glob("*.yaml") if path.stem not in ("strengths", "knobs"))
BASE = {
    "strengths": {"bernoulli": {"c1": {"price": 1e-3}, "c2": {"price": 2e-3}}},
    "study": [{"dataset": "digits", "architecture": "lenet_300_100", "methods": {"bernoulli": ["c1"]}}],
}


def changed(path: str, value) -> dict:
    config = copy.deepcopy(BASE)
    *parents, last = path.split(".")
    inner = config
    for key in parents:
        inner = inner[int(key)] if isinstance(inner, list) else inner.setdefault(key, {})
    inner[last] = value
    return config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_shipped_configurations_are_valid_throughout(path):
    config = load_study(path)
    for cell in study_cells(config).values():
        if cell.method not in config.foreign:
            check_cell(cell)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_key_is_documented(path):
    """config/README.md explains each key that the schema knows."""
    text = (REPOSITORY / "config" / "README.md").read_text()

    def keys(model):
        for name, field in model.model_fields.items():
            yield name
            for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if hasattr(inner, "model_fields"):
                    yield from keys(inner)

    from robustprune.study.config import StudyConfig

    missing = [name for name in keys(StudyConfig) if f"`{name}`" not in text]
    assert not missing


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("trainin", {}, "unknown key 'trainin'; did you mean 'training'"),
        ("training.epoch", 3, "training: unknown key 'epoch'; did you mean 'epochs'"),
        ("training.epochs", 0, "training.epochs: Input should be greater than or equal to 1"),
        ("study.0.widths", [0], "study.0.widths.0"),
        ("study.0.dataset", "mnits", "study.0.dataset: unknown data set 'mnits'; did you mean 'mnist'"),
        ("study.0.methods", {"bernoulli": ["c3"]}, "study.0.methods.bernoulli: unknown strength 'c3'"),
        ("study.0.methods", {"dense": ["dense"]}, "'dense' has no entry under strengths (valid: bernoulli)"),
        ("study.0.methods", {"bernouli": ["b"]}, "'bernouli' has no entry under strengths; did you mean 'bernoulli'?"),
        ("study.0.initializations", ["he_norml"], "unknown initialization 'he_norml'; did you mean 'he_normal'"),
        ("study.0.initializations", ["he_normal_x0"], "gain after _x must be a positive number"),
        ("strengths.bernoulli", {"c-1": {}}, "may hold only letters, digits and _"),
        ("study", [], "study: expected at least one grid"),
        ("data", {"mirror": []}, "did you mean 'mirrors'"),
    ],
)
def test_wrong_keys_are_named(path, value, message):
    with pytest.raises(StudyError) as caught:
        validate_study(changed(path, value), "my.yaml")
    assert message in str(caught.value)
    assert "my.yaml: " in str(caught.value)


@pytest.mark.parametrize("key", ["dataset", "architecture"])
def test_a_wrong_name_is_told_once(key):
    """An error in a grid has no second line that says that there is no grid."""
    with pytest.raises(StudyError) as caught:
        validate_study(changed(f"study.0.{key}", "digit"), "my.yaml")
    (line,) = str(caught.value).splitlines()
    assert line.count(f"study.0.{key}") == 1
    assert f"plugins/{key}s/digit.py would add it" in line


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("study.0.widths", [-1], "study.0.widths.0"),
        ("study.0.depths", [-1], "study.0.depths.0"),
        ("study.0.initializations", ["he_norml"], "study.0.initializations.0"),
        ("study.0.methods", {"dense": ["d-1"]}, "study.0.methods.dense.0"),
    ],
)
def test_a_wrong_entry_is_told_once(key, value, named):
    """Pydantic counts only entries that are right, so it adds that the list is too short."""
    with pytest.raises(StudyError) as caught:
        validate_study(changed(key, value), "my.yaml")
    (line,) = str(caught.value).splitlines()
    assert named in line
    with pytest.raises(StudyError, match="at least one entry"):
        validate_study(changed(key, type(value)()), "my.yaml")


def test_wrong_files_are_named(tmp_path):
    for text, message in ((None, "no such configuration"), ("a: [", "not valid YAML"), ("- 1", "expected a mapping")):
        path = tmp_path / "study.yaml"
        if text is not None:
            path.write_text(text)
        with pytest.raises(StudyError, match=message) as caught:
            load_study(path)
        assert str(path) in str(caught.value)


def test_unknown_training_override_is_rejected():
    with pytest.raises(StudyError, match=r"study.0: training: unknown key 'epocs'; did you mean 'epochs'"):
        study_cells(validate_study(changed("study.0.training", {"epocs": 3}), "my.yaml"))


def test_the_same_cell_twice_must_agree():
    config = copy.deepcopy(BASE)
    config["study"].append(copy.deepcopy(config["study"][0]))
    assert len(study_cells(validate_study(config, "x"))) == 1
    config["study"][1]["replicates"] = 3
    with pytest.raises(StudyError, match=r"study.1: cell .* also in an earlier grid"):
        study_cells(validate_study(config, "x"))


def test_strengths_may_come_from_a_file(tmp_path):
    path = tmp_path / "shared.yaml"
    path.write_text(yaml.safe_dump(BASE["strengths"]))
    assert validate_study({**BASE, "strengths": str(path)}, "x") == validate_study(BASE, "x")
    with pytest.raises(StudyError, match=r"x: strengths: .*nowhere.yaml: no such configuration file"):
        validate_study({**BASE, "strengths": str(tmp_path / "nowhere.yaml")}, "x")


def points(tmp_path, strength, method="bernoulli"):
    path = tmp_path / "points.yaml"
    axes = {"dataset": "digits", "architecture": "lenet_300_100", "track": "full", "method": method}
    path.write_text(yaml.safe_dump([{**axes, "strength": strength, "bound_percent": 2.0}]))
    config = changed("study.0.methods", {"bernoulli": ["operating_point"]})
    return {**config, "operating_points": str(path)}


def test_operating_points_come_from_their_file(tmp_path):
    named, chosen = validate_study(BASE, "x"), validate_study(points(tmp_path, "c1"), "x")
    assert study_cells(chosen) == study_cells(named)  # the same cells under the same keys
    saved = validate_study(chosen.model_dump(mode="json"), "x")
    assert study_cells(saved) == study_cells(named)


@pytest.mark.parametrize(
    ("strength", "method", "message"),
    [
        (None, "bernoulli", "operating point: no strength met the bound"),
        ("c9", "bernoulli", "operating point: unknown strength 'c9'"),
        ("c1", "vib", "no operating point of bernoulli for digits/lenet_300_100-full"),
    ],
)
def test_an_operating_point_that_is_not_there_is_named(tmp_path, strength, method, message):
    with pytest.raises(StudyError, match=message):
        study_cells(validate_study(points(tmp_path, strength, method), "x"))


def test_initialization_keys():
    assert split_initialization("he_normal") == ("he_normal", 1.0)
    assert split_initialization("he_normal_x0.3") == ("he_normal", 0.3)
    assert split_initialization("xavier_uniform_x3") == ("xavier_uniform", 3.0)


def test_literal_keys_seeds_and_hashes():
    """Pinned: a new option with a no-op default must not orphan a record or change a seed."""
    cell = study_cells(validate_study(BASE, "x"))["digits/lenet_300_100-full/bernoulli/c1/he_normal/width-1"]
    assert (cell.seed(0), cell.seed(1)) == (543807842, 1943513904)
    assert stream_seed(cell.seed(0), "weights") == 611441336411903613
    assert cell.config_hash == "b2abe43a3af5"
    half = Cell(**{**cell.model_dump(), "width": 0.5, "initialization": "he_normal_x0.3", "track": "hidden"})
    assert half.key == "digits/lenet_300_100-hidden/bernoulli/c1/he_normal_x0.3/width-0.5"


def test_unknown_cell_names_the_nearest():
    with pytest.raises(StudyError, match="did you mean digits/lenet_300_100-full/bernoulli/c1/he_normal/width-1"):
        find_cell(validate_study(BASE, "x"), "digits/lenet_300_100-full/bernouli/c1/he_normal/width-1")


def test_committed_schemas_have_not_drifted(tmp_path):
    for path in write_schemas(tmp_path):
        committed = REPOSITORY / "workflow" / "schemas" / path.name
        assert committed.read_text() == path.read_text(), "run `make schemas`"


def test_record_schema_accepts_what_is_written(tmp_path, digits, make_cell):
    import json

    import jsonschema

    from robustprune.engine.running import run_cell

    run_cell(make_cell("dense", epochs=1), digits, tmp_path)
    schema = json.loads((REPOSITORY / "workflow" / "schemas" / "record.schema.json").read_text())
    jsonschema.validate(json.loads((tmp_path / "record.json").read_text()), schema)
    assert SCHEMAS["record.schema.json"] is Record


def test_saved_configuration_is_the_same_study(tmp_path):
    """What Snakemake saves at its start (the validated study, shared strengths filled in) expands to the same cells."""
    for path in CONFIGS:
        saved = Path(tmp_path, path.name)
        saved.write_text(yaml.safe_dump(load_study(path).model_dump(mode="json"), sort_keys=False))
        assert "strengths.yaml" not in saved.read_text()
        assert study_cells(load_study(saved)) == study_cells(load_study(path))


def test_variants_multiply_the_strengths_and_keep_the_seeds(tmp_path):
    network = {"dataset": "digits", "architecture": "lenet_300_100", "methods": {"bernoulli": ["c"]}, "widths": [1, 2]}
    changed = {"batch": {"settings": {"gates_per": "batch"}}, "sgd": {"training": {"optimizer": "sgd"}}}
    values = {"strengths": {"bernoulli": {"c": {"price": 1e-3}}}, "study": [network, {**network, "variants": changed}]}
    config = validate_study({"root": str(tmp_path), **values}, "test")
    cells = study_cells(config)
    assert [cell.strength for cell in cells.values()] == ["c", "c", "c_batch", "c_sgd", "c_batch", "c_sgd"]
    first, batch, sgd = (
        cells[f"digits/lenet_300_100-full/bernoulli/{key}/he_normal/width-2"] for key in ("c", "c_batch", "c_sgd")
    )
    assert (batch.settings, batch.training) == ({"price": 1e-3, "gates_per": "batch"}, first.training)
    assert (sgd.settings, sgd.training.optimizer) == (first.settings, "sgd")
    assert first.seed(0) == batch.seed(0) == sgd.seed(0)
    variants = {key: how.variant for key, how in asked_of_cells(config).items()}
    assert (variants[first.key], variants[batch.key], variants[sgd.key]) == ("", "batch", "sgd")
