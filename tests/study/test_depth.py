"""The axis depth: keys, seeds and hashes with and without it, and tables that lack it."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY

from robustprune import registry
from robustprune.analysis.read import read_detailed_runs, read_every_run
from robustprune.cli import main
from robustprune.engine.running import run_cell
from robustprune.errors import StudyError
from robustprune.gathering.collection import collect
from robustprune.gathering.export import export, load_network, read_exported
from robustprune.gathering.merging import merge
from robustprune.gathering.record_checks import checked_record
from robustprune.networks.plain import error_percent
from robustprune.records.record import COLUMNS, DEPTHS, read_record
from robustprune.records.tables import checked_runs
from robustprune.study.cells import NO_DEPTH, Cell, cell_key, study_cells
from robustprune.study.config import load_study

PINNED = {
    "mnist/lenet_300_100-full/bernoulli/c3e_4/he_normal/width-1": ({}, "245ff45a11dc", 4060932955),
    "mnist/lenet5-hidden/dense/dense/orthogonal/width-0.5": (
        {"architecture": "lenet5", "track": "hidden", "method": "dense", "strength": "dense", "settings": {}}
        | {"initialization": "orthogonal", "width": 0.5},
        "588d308cff11",
        3733410567,
    ),
    "digits/lenet_300_100-full/bernoulli/c3e_4/he_normal/width-8-macs": (
        {"dataset": "digits", "width": 8.0, "training": {"budget": "macs"}},
        "3394bfda5102",
        2875960020,
    ),
}
STUDY = {
    "strengths": {"bernoulli": {"c": {"price": 0.3, "drift_layers": 0.03}}, "dense": {"dense": {}}}
    | {"scratch_e": {"c": {"of": "bernoulli/c"}}},
    "training": {"epochs": 4, "batch_size": 32},
    "study": [
        {"dataset": "digits", "architecture": "mlp_residual", "track": "layers", "depths": [1, 2], "widths": [0.2]}
        | {"methods": {"bernoulli": ["c"], "dense": ["dense"], "scratch_e": ["c"]}, "replicates": 2},
        {"dataset": "digits", "architecture": "lenet5_residual", "track": "layers", "depths": [1], "widths": [0.2]}
        | {"methods": {"bernoulli": ["c"]}, "replicates": 1, "training": {"epochs": 2, "batch_size": 64}},
        {"dataset": "digits", "architecture": "mlp_residual", "track": "joint", "depths": [2], "widths": [0.2]}
        | {"methods": {"bernoulli": ["c"]}, "replicates": 1},
        {"dataset": "digits", "architecture": "lenet_300_100", "widths": [0.2], "methods": {"dense": ["dense"]}}
        | {"replicates": 2},
    ],
}


def cell(**values) -> Cell:
    given = {"dataset": "mnist", "architecture": "lenet_300_100", "method": "bernoulli", "strength": "c3e_4"}
    return Cell(**{**given, "settings": {"price": 3e-4}, **values})


@pytest.mark.parametrize("key", PINNED)
def test_cells_without_a_depth_keep_their_names_and_hashes(key):
    values, digest, seed = PINNED[key]
    made = cell(**values)
    assert made.key == key
    assert made.config_hash == digest
    assert made.seed(0) == seed


def test_a_depth_is_part_of_key_seed_and_hash():
    deep = {"architecture": "mlp_residual", "track": "layers"}
    four, eight = cell(**deep, depth=4), cell(**deep, depth=8)
    assert four.key == "mnist/mlp_residual-layers/bernoulli/c3e_4/he_normal/width-1/depth-4"
    assert cell(**deep, depth=4, training={"budget": "macs"}).key.endswith("/width-1-macs/depth-4")
    assert four.seed(0) != eight.seed(0)
    assert four.config_hash != eight.config_hash
    axes = ("mnist", "mlp_residual", "layers", "bernoulli", "c3e_4", "he_normal", 1.0, "epochs")
    assert cell_key((*axes, 4)) == four.key
    assert cell_key((*axes, NO_DEPTH)) == cell_key((*axes, None)) == four.key.removesuffix("/depth-4")


@pytest.fixture(scope="module")
def study(tmp_path_factory, digits):
    root = tmp_path_factory.mktemp("deep")
    path = root / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "root": str(root)}))
    config = load_study(path)
    for key, made in study_cells(config).items():
        run_cell(made, digits, root / "runs" / key, source=made.source_key and root / "runs" / made.source_key)
    collect(config, root)
    return config, root


def test_collected_tables_have_the_depths(study, tmp_path):
    config, root = study
    assert len(study_cells(config)) == 9
    raw = pd.read_csv(root / "runs.csv")
    assert tuple(raw.columns) == COLUMNS
    deep = raw[(raw["architecture"] == "mlp_residual") & (raw["track"] == "layers")]
    assert deep["depth_start"].tolist() == [1, 1, 2, 2] * 3
    assert (deep[deep["method"] == "dense"]["depth_kept"] == deep[deep["method"] == "dense"]["depth_start"]).all()
    assert (deep["depth_kept"] <= deep["depth_start"]).all()
    kept = deep.set_index(["method", "depth_start", "replicate"])["units_kept"]
    assert (kept["scratch_e"] == kept["bernoulli"]).all()  # a network of the depth kept, from new weights
    assert (deep["depth_kept"] < deep["depth_start"]).any()
    assert raw[raw["architecture"] == "lenet_300_100"][list(DEPTHS)].isna().all(axis=None)
    whole = read_every_run(root)
    assert sorted(whole["depth"].unique()) == [NO_DEPTH, 1, 2]
    assert read_detailed_runs(root)["architecture"].unique().tolist() == ["lenet_300_100"]
    merge([root], tmp_path)
    pd.testing.assert_frame_equal(read_every_run(tmp_path), whole)
    for key, made in study_cells(config).items():
        checked_record(root / "runs" / key / "record.json", made)


def test_tables_without_the_columns_are_read(study):
    """Those of the shipped reference, and those from before there were depths; nothing between."""
    _, root = study
    runs = pd.read_csv(root / "runs.csv")
    runs = runs[runs["architecture"] == "lenet_300_100"]
    expected = checked_runs(runs, Path("runs.csv"))
    older = checked_runs(runs.drop(columns=list(DEPTHS)), Path("runs.csv"))
    assert list(older.columns) == list(expected.columns)
    assert (older["depth"] == NO_DEPTH).all()
    with pytest.raises(StudyError, match=r"wrong columns \(depth_kept\)"):
        checked_runs(runs.drop(columns="depth_kept"), Path("runs.csv"))
    reference = read_detailed_runs(REPOSITORY / "results" / "reference")
    assert len(reference) > 300
    assert (reference["depth"] == NO_DEPTH).all()


def test_a_record_of_a_closed_section_is_checked(study, tmp_path):
    """units of a section whose gate is closed are impossible."""
    _, root = study
    folder = next(
        path.parent for path in root.rglob("record.json") if "bernoulli" in str(path) and "depth-2" in str(path)
    )
    shutil.copytree(folder, tmp_path / "cell")
    path = tmp_path / "cell" / "record.json"
    text = path.read_text()
    kept = checked_record(path).replicates[0].units_kept
    *others, units, gate = kept.split("-")
    flipped = "-".join([*others, units, "1" if gate == "0" else "0"])
    values = json.loads(text.replace(f'"{kept}"', f'"{flipped}"'))
    path.write_text(json.dumps({**values, "digest": None}))
    with pytest.raises(StudyError, match="is closed in one of block2_gate and block2 only"):
        checked_record(path)


def test_an_exported_network_leaves_closed_sections_out(study, tmp_path, digits):
    onnxruntime = pytest.importorskip("onnxruntime")
    config, root = study
    keys = [key for key in study_cells(config) if "_residual" in key]
    for number, key in enumerate(keys):
        folder, output = root / "runs" / key, tmp_path / str(number)
        entry = checked_record(folder / "record.json").replicates[0]
        export(folder, 0, output)
        network = read_exported(output)
        assert error_percent(network, digits.test_images, digits.test_labels) == entry.error_test_percent
        assert sum(p.numel() for p in network.parameters()) == entry.params_kept
        assert "-".join(map(str, load_network(folder, 0).units.values())) == entry.units_kept
        session = onnxruntime.InferenceSession(output / "network.onnx")
        images = digits.test_images[:50].float() / 255
        (scores,) = session.run(None, {"images": images.numpy()})
        assert (scores.argmax(1) == network(images).argmax(1).numpy()).all()


def test_the_description_of_a_network_with_sections_rebuilds_it(study, tmp_path, digits):
    config, root = study
    key = next(key for key in study_cells(config) if "dense/dense/he_normal/width-0.2/depth-2" in key)
    export(root / "runs" / key, 0, tmp_path, onnx=False)
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    h, held = digits.test_images.float() / 255, {}
    for step in json.loads((tmp_path / "network.json").read_text())["layers"]:
        name = step.split(":")[0]
        if "kept_" in step:
            h = h[:, state[step.split()[-1]]]
        elif step.startswith("keep a copy of"):
            held[step.split()[-1]] = h
        elif step.startswith("add the copy of"):
            h = h + held[step.split()[-1]]
        elif step == "ReLU":
            h = h.relu()
        else:
            h = torch.nn.functional.linear(h, state[f"{name}.weight"], state.get(f"{name}.bias"))
    wrong = (h.argmax(1) != digits.test_labels).double().mean() * 100
    entry = checked_record(root / "runs" / key / "record.json").replicates[0]
    assert wrong.item() == pytest.approx(entry.error_test_percent)


def test_the_network_of_the_page_trains_as_a_plug_in(tmp_path, monkeypatch, capsys):
    """docs/layers.md, section 5, literally: planned at two depths, and its units counted."""
    page = (REPOSITORY / "docs" / "layers.md").read_text()
    ((name, content),) = re.findall(r"^`(plugins/[\w./]+)`:\n\n```python\n(.*?)^```", page, re.M | re.S)
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(content)
    made = Path(name).stem
    grid = {"dataset": "digits", "architecture": made, "track": "joint", "depths": [1, 2], "widths": [0.2]}
    study = {
        "data": {"directory": str(tmp_path / "data")},
        "strengths": {"bernoulli": {"c": {"price": 1e-2}}},
        "training": {"epochs": 1, "batch_size": 256},
        "study": [grid | {"methods": {"bernoulli": ["c"]}, "replicates": 1}],
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(study))
    monkeypatch.chdir(tmp_path)
    try:
        key = f"digits/{made}-joint/bernoulli/c/he_normal/width-0.2/depth-2"
        assert main(["train", "--config", "own.yaml", "--cell", key]) == 0
        (entry,) = read_record(tmp_path / "results" / "runs" / key / "record.json").replicates
        assert entry.units_start == "784-40-10-1-10-1"
    finally:
        registry.use(registry.DEFAULT)
