"""What the system refuses is one line with the file's name, status 1 or 2 (case B15), and one bad file of many costs
one cell (case B16)."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from made_up_study import made_up, store

from robustprune.cli import main
from robustprune.gathering.collection import collect
from robustprune.records.digests import content_digest
from robustprune.study.config import load_study

KEY = "digits/lenet_300_100-full/magnitude/m/he_normal/width-0.5"
STUDY = {
    "strengths": {"dense": {"a": {}}, "magnitude": {"m": {"target": 0.3}}},
    "training": {"epochs": 1, "batch_size": 512},
    "study": [
        {
            "dataset": "digits",
            "architecture": "lenet_300_100",
            "methods": {"dense": ["a"], "magnitude": ["m"]},
            "widths": [0.5],
            "replicates": 1,
        }
    ],
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a trained study of two cells, tables, a file and a folder where others belong, and Latin-1 text."""
    folder = tmp_path_factory.mktemp("system")
    values = STUDY | {"root": str(folder / "results"), "data": {"directory": str(folder / "data")}}
    (folder / "my.yaml").write_text(yaml.safe_dump(values))
    for key in (KEY, KEY.replace("magnitude/m", "dense/a")):
        assert main(["train", "--config", str(folder / "my.yaml"), "--cell", key]) == 0
    (folder / "tables").mkdir()
    tables = made_up()
    tables[0]["error_valid_percent"] = 1.5  # so that operating points can be chosen
    store(folder / "tables", tables)
    shutil.copytree(folder / "tables", folder / "latin")
    for name in ("runs.csv", "note.yaml", "record.json"):
        (folder / "latin" / name).write_bytes("größe: 1\n".encode("latin-1"))
    shutil.copytree(REPOSITORY / "results" / "reference" / "controls", folder / "shipped")
    (folder / "file").write_text("")
    (folder / "file.csv").write_text("")
    (folder / "folder.yaml").mkdir()
    (folder / "folder.tar").mkdir()
    (folder / "odd.yaml").write_text((folder / "my.yaml").read_text().replace("results", "file"))
    return folder


COMMANDS = [
    ("plan --config folder.yaml", "folder.yaml"),
    ("plan --config file/my.yaml", "file/my.yaml"),
    ("plan --config latin/note.yaml", "latin/note.yaml"),
    ("plan --config my.yaml --bench folder.yaml", "folder.yaml"),
    ("plan --config my.yaml --bench latin/note.yaml", "latin/note.yaml"),
    ("check-record folder.yaml", "folder.yaml"),
    ("check-record latin/record.json", "latin/record.json"),
    ("check-record file/record.json", "file/record.json"),
    ("export file --output out", "file/record.json"),
    (f"export results/runs/{KEY} --no-onnx --output file", "file"),
    (f"export results/runs/{KEY} --no-onnx --output file/out", "file"),
    ("tables --source tables --names main_comparison --output file", "file"),
    ("tables --source tables --names main_comparison --output file/out", "file"),
    ("tables --source latin --output out", "latin/runs.csv"),
    ("tables --source file --output out", "file/runs.csv"),
    ("figure overview --source tables --output file", "file"),
    ("figure overview --source latin --output out", "latin/runs.csv"),
    ("check --source tables --reference tables --output file/x", "file"),
    ("collect --config my.yaml --output file", "file"),
    ("collect --config odd.yaml", "file"),
    (f"train --config my.yaml --output file/cell --cell {KEY}", "file"),
    (f"train --config odd.yaml --cell {KEY}", "file"),
    ("train-many --config my.yaml --output folder.tar", "folder.tar"),
    ("unit-values --config my.yaml --output file/values.parquet", "file"),
    ("merge shipped --output file", "file"),
    ("merge latin --output out", "latin/runs.csv"),
    ("schema --output file", "file"),
    ("prepare digits --directory file", "file"),
    (f"record --config my.yaml --cell {KEY} --results folder.yaml", "folder.yaml"),
    (f"record --config my.yaml --cell {KEY} --results latin/record.json", "latin/record.json"),
]


@pytest.mark.parametrize(("line", "named"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_what_the_system_refuses_is_one_line(prepared, monkeypatch, capsys, line, named):
    monkeypatch.chdir(prepared)
    status = main(line.split())
    shown = capsys.readouterr().err.strip().splitlines()
    assert status in (1, 2)
    assert named in shown[-1]
    assert shown[-1].startswith("robustprune ")
    assert not any("Traceback" in text for text in shown)
    if "train" not in line:  # training shows its progress before
        assert len(shown) == 1


def test_a_full_disk_behind_standard_output_is_one_line():
    program = "import sys; from robustprune.cli import main; sys.exit(main(['methods']))"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "robustprune methods: No space left on device\n"


def forge(path, change):
    """Change a record of an older version, without digests."""
    values = json.loads(path.read_text())
    change(values)
    values |= {"digest": None, "files": {}}
    path.write_text(json.dumps(values))


def deep(path):
    path.write_text("[" * 100_000)


def folder_instead(path):
    path.unlink()
    path.mkdir()


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def strange_arrays(path):
    np.savez(path, fc1=np.zeros(3))


BAD = {
    "a byte": ("record.json", lambda path: path.write_bytes(path.read_bytes().replace(b"ok", b"\xff\xff"))),
    "deep": ("record.json", deep),
    "long": ("record.json", lambda path: path.write_text('{"schema_version": ' + "9" * 5000 + "}")),
    "a list": ("record.json", lambda path: path.write_text("[1]")),
    "empty": ("record.json", lambda path: path.write_text("")),
    "a folder": ("record.json", folder_instead),
    "units": ("record.json", lambda path: forge(path, lambda v: v["replicates"][0].update(units_start="784-300"))),
    "source": ("record.json", lambda path: forge(path, lambda v: v["cell"]["settings"].update(of="abc"))),
    "PK": ("gates.npz", lambda path: path.write_bytes(b"PK")),
    "arrays": ("gates.npz", strange_arrays),
    "gates": ("gates.npz", cut),
    "history": ("history.parquet", cut),
    "history folder": ("history.parquet", folder_instead),
    "networks": ("networks.safetensors", cut),
    "networks folder": ("networks.safetensors", folder_instead),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("old", [False, True], ids=["digests", "no digests"])
def test_one_bad_file_costs_its_cell_only(prepared, tmp_path, kind, old):
    name, damage = BAD[kind]
    root = tmp_path / "results"
    shutil.copytree(prepared / "results" / "runs", root / "runs")
    config = load_study(prepared / "my.yaml").model_copy(update={"root": str(root)})
    folder = root / "runs" / KEY
    if old:
        forge(folder / "record.json", lambda values: None)
    damage(folder / name)
    collect(config, root)
    runs = pd.read_csv(root / "runs.csv").set_index("method")
    assert runs["status"].to_dict() == {"dense": "ok", "magnitude": "failed"}
    assert pd.read_csv(root / "details.csv").set_index("method").loc["magnitude", "reason"]
    (reason,) = pd.read_csv(root / "missing.csv")["reason"]
    assert str(folder / name) in reason
    assert main(["tables", "--source", str(root), "--output", str(root), "--names", "main_comparison"]) == 0


def test_a_digest_that_fits_does_not_make_other_settings_right(prepared, tmp_path):
    path = tmp_path / "record.json"
    shutil.copy(prepared / "results" / "runs" / KEY / "record.json", path)
    values = json.loads(path.read_text())
    values["cell"]["settings"]["of"] = "abc"
    values["digest"] = content_digest(values)
    path.write_text(json.dumps(values))
    assert main(["check-record", str(path)]) == 2
