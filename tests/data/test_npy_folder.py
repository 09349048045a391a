"""A data set of one's own: four NumPy files, and every way they can be wrong."""

import re

import numpy as np
import pytest
import torch

from robustprune import registry
from robustprune.data.datasets import files_digest, find_reader, load, prepare, prepared_path
from robustprune.errors import StudyError
from robustprune.study.data_settings import DataSettings

SETTINGS = DataSettings(directory="data")
PLUG_IN = 'from robustprune.data.npy_folder import NpyFolder\n\nDATASET = NpyFolder("images")\n'


def arrays(shape=(28, 28)) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    images = {
        part: generator.integers(0, 256, (n, *shape), dtype=np.uint8) for part, n in (("train", 240), ("test", 30))
    }
    named = {f"{part}_images": values for part, values in images.items()}
    return named | {f"{part}_labels": np.arange(len(values)) % 10 for part, values in images.items()}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with a plug-in of a data set and its four files, from which commands are run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(registry.VARIABLE, registry.DEFAULT)
    (tmp_path / "plugins" / "datasets").mkdir(parents=True)
    (tmp_path / "plugins" / "datasets" / "mine.py").write_text(PLUG_IN)
    (tmp_path / "images").mkdir()
    save(tmp_path, arrays())
    return tmp_path


def save(folder, named) -> None:
    for name, values in named.items():
        np.save(folder / "images" / f"{name}.npy", values)


@pytest.mark.parametrize("shape", [(28, 28), (784,)])
def test_what_is_loaded_is_what_was_saved(workplace, shape):
    named = arrays(shape)
    save(workplace, named)
    data = load("mine", SETTINGS)
    assert data.train_images.numpy().tolist() == named["train_images"].reshape(240, 784).tolist()
    assert (data.test_labels.dtype, data.test_labels.tolist()) == (torch.int64, named["test_labels"].tolist())
    assert (len(data.tuning), len(data.validation)) == (220, 20)
    assert find_reader("mine").train_count() == 240


WRONG = {
    "colour": (
        "train_images",
        np.zeros((240, 28, 28, 3), np.uint8),
        "found uint8 [240, 28, 28, 3]; expected uint8 [N,",
    ),
    "size": ("test_images", np.zeros((30, 32, 32), np.uint8), "found uint8 [30, 32, 32]; expected uint8 [N, 28, 28]"),
    "floats": ("train_images", np.zeros((240, 784)), "found float64 [240, 784]; expected uint8 [N, 28, 28]"),
    "one image": ("train_images", np.zeros(784, np.uint8), "found uint8 [784]; expected uint8 [N, 28, 28]"),
    "one hot": ("train_labels", np.zeros((240, 10), int), "found int64 [240, 10]; expected whole numbers [N], 0 to 9"),
    "float labels": ("test_labels", np.zeros(30), "found float64 [30]; expected whole numbers [N], 0 to 9"),
    "eleventh class": ("train_labels", np.arange(240) % 11, "found labels 0 to 10; expected classes 0 to 9"),
    "negative": ("test_labels", np.arange(30) - 1, "found labels -1 to 28; expected classes 0 to 9"),
    "short": ("train_labels", np.arange(239) % 10, "239 labels; expected as many"),
    "empty": ("test_images", np.zeros((0, 784), np.uint8), "holds 0 images"),
    "one class": (
        "train_labels",
        np.zeros(240, int),
        "240 images of 1 classes, 240 of the rarest; expected two classes",
    ),
    "rare class": ("train_labels", np.r_[np.arange(239) % 9, 9], "240 images of 10 classes, 1 of the rarest; expected"),
    "objects": ("train_labels", np.array([{}] * 240), "not a readable .npy file of numbers"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_named_with_what_was_found_and_expected(workplace, kind):
    name, values, message = WRONG[kind]
    save(workplace, {name: values})
    with pytest.raises(StudyError, match=re.escape(message)) as caught:
        prepare("mine", SETTINGS)
    assert f"images/{name}.npy" in str(caught.value)
    assert not (workplace / "data").exists()


def test_missing_and_cut_files_are_named(workplace):
    path = workplace / "images" / "test_labels.npy"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StudyError, match=r"images/test_labels.npy: not a readable .npy file"):
        prepare("mine", SETTINGS)
    path.unlink()
    with pytest.raises(StudyError, match=r"images/test_labels.npy: no such file"):
        prepare("mine", SETTINGS)


def test_changed_files_are_noticed(workplace):
    prepare("mine", SETTINGS)
    before = files_digest("mine")
    save(workplace, {"test_labels": np.arange(30)[::-1] % 10})
    assert files_digest("mine") != before
    with pytest.raises(
        StudyError, match=r"data/mine.safetensors: the files that it was made from have changed; delete"
    ):
        load("mine", SETTINGS)
    prepared_path("mine", SETTINGS).unlink()
    load("mine", SETTINGS)
    (workplace / "images" / "test_labels.npy").unlink()
    load("mine", SETTINGS)  # the prepared file is enough
    assert files_digest("digits") == ""


BLANK = """import torch
from robustprune.data.reader import DatasetReader


class Blank(DatasetReader):
    def read(self, name, settings):
        return {"train_images": torch.zeros(3, 784)}


DATASET = Blank()
"""


def test_a_reader_of_ones_own_is_checked(workplace):
    (workplace / "plugins" / "datasets" / "blank.py").write_text(BLANK)
    with pytest.raises(
        StudyError, match="data set blank: the reader gave train_images; expected train_images, train_l"
    ):
        prepare("blank", SETTINGS)
    assert find_reader("blank").train_count() is None
