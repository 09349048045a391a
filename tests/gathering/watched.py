"""A small study on disk whose cells are as far as a test says: records, logs and processes without any training."""

import json
import os
import time

from robustprune.records.provenance import hostname_hash
from robustprune.study.cells import study_cells
from robustprune.study.config import validate_study

NETWORK = "digits/lenet_300_100-full"
KEYS = {name: f"{NETWORK}/{name}/a/he_normal/width-1" for name in ("bernoulli", "dense", "magnitude")}


def small_study(root, **values):
    """Three cells of two networks each, of two epochs."""
    grid = {"dataset": "digits", "architecture": "lenet_300_100", "replicates": 2}
    grid["methods"] = {name: ["a"] for name in KEYS}
    strengths = {"bernoulli": {"a": {"price": 1e-3}}, "dense": {"a": {}}, "magnitude": {"a": {"target": 0.5}}}
    given = {"root": str(root), "strengths": strengths, "study": [grid], "training": {"epochs": 2, "batch_size": 64}}
    return validate_study({**given, **values}, "test")


def write_record(config, name, seconds=10.0, **changes):
    """Write what `status` reads of a record of the study; changes: of every network. Returns its path."""
    cell = study_cells(config)[KEYS[name]]
    entry = {"status": "ok", "reason": None, "params_kept": 1000, "params_dense": 266610, "error_test_percent": 2.0}
    entry |= {"error_train_percent": 1.0, "train_seconds": seconds / 4} | changes
    values = {"config_hash": cell.config_hash, "provenance": {"seconds": seconds}, "replicates": [entry, dict(entry)]}
    values["replicates"][1]["params_kept"] = 2000
    path = config_path(config, "runs", name) / "record.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
    return path


def write_log(config, name, *lines, process=None, host=None, age=0.0):
    """Write the log of a cell, last changed `age` seconds ago; process, host: what its first line says, if anything."""
    path = config_path(config, "logs", name) / "train.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    first = [f"{KEYS[name]}: process {process} on host {host or hostname_hash()}"] if process else []
    path.write_text("\n".join([*first, *lines]) + "\n")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def epoch_line(name, number=1, spent=30, left=60):
    return f"{KEYS[name]}: epoch {number}/2, kept 200-100-50, loss 0.1234, {spent} s, {left} s left"


def config_path(config, folder, name):
    from pathlib import Path

    return Path(config.root, folder, KEYS[name])
