"""The digest of a data set as a parameter of training."""

import json
import os

import numpy as np

from robustprune.data.datasets import content_digest, load, prepare
from robustprune.gathering import same_data
from robustprune.gathering.same_data import data_digest
from robustprune.study.data_settings import DataSettings


def test_a_digest_is_read_once_for_each_state_of_the_files(tmp_path, monkeypatch):
    settings, record, read = DataSettings(directory=str(tmp_path)), tmp_path / "record.json", []
    monkeypatch.setattr(same_data, "content_digest", lambda *asked: read.append(asked) or content_digest(*asked))
    assert data_digest("digits", settings, record) == ""
    path = prepare("digits", settings)
    digest = data_digest("digits", settings, record)
    assert digest == load("digits", settings).digest != ""
    assert {data_digest("digits", settings, record) for _ in range(5)} == {digest}
    assert len(read) == 2
    os.utime(path, (1, 1))
    assert data_digest("digits", settings, record) == digest
    path.unlink()
    assert data_digest("digits", settings, record) == ""
    record.write_text(json.dumps({"provenance": {"data_digest": digest}}))
    assert data_digest("digits", settings, record) == digest
    record.write_text("[1]")
    assert data_digest("digits", settings, record) == ""


def test_the_users_own_files_count_before_they_are_prepared_again(tmp_path, monkeypatch):
    folder = tmp_path / "plugins" / "datasets"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(
        "from robustprune.data.npy_folder import NpyFolder\n\nDATASET = NpyFolder('mine')\n"
    )
    (tmp_path / "mine").mkdir()
    for part, count in (("train", 240), ("test", 20)):
        np.save(tmp_path / "mine" / f"{part}_images.npy", np.zeros((count, 784), np.uint8))
        np.save(tmp_path / "mine" / f"{part}_labels.npy", np.arange(count) % 10)
    monkeypatch.chdir(tmp_path)
    settings, record = DataSettings(directory="data"), tmp_path / "record.json"
    prepare("mine", settings)
    digest = data_digest("mine", settings, record)
    assert digest == load("mine", settings).digest
    np.save(tmp_path / "mine" / "test_images.npy", np.ones((20, 784), np.uint8))
    assert data_digest("mine", settings, record) not in ("", digest)
