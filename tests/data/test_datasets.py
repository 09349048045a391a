"""Data sets: genuine MNIST where its files are at hand, and every way a mirror can be wrong."""

import gzip
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from conftest import REPOSITORY

from robustprune import registry
from robustprune.data.datasets import find_reader, load, prepare, prepared_path
from robustprune.errors import StudyError
from robustprune.study.data_settings import DataSettings

MIRROR = REPOSITORY.parent / "shared" / "data"
needs_mnist = pytest.mark.skipif(not MIRROR.exists(), reason="no MNIST files beside the checkout")


@pytest.fixture
def mirror(tmp_path):
    """A copy of the genuine files that a test may damage."""
    target = tmp_path / "mirror"
    (target / "MNIST" / "raw").mkdir(parents=True)
    for path in (MIRROR / "MNIST" / "raw").iterdir():
        shutil.copyfile(path, target / "MNIST" / "raw" / path.name)
    return target


def settings(tmp_path, *mirrors) -> DataSettings:
    return DataSettings(directory=str(tmp_path / "data"), mirrors=tuple(map(str, mirrors)))


def leftovers(tmp_path) -> list[Path]:
    folder = tmp_path / "data"
    return list(folder.iterdir()) if folder.exists() else []


@needs_mnist
def test_mnist_is_read_and_split(tmp_path):
    data = load("mnist", settings(tmp_path, MIRROR))
    assert data.train_images.shape == (60000, 784)
    assert data.test_images.shape == (10000, 784)
    assert data.train_images.dtype == torch.uint8
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(data.train_images.float().mean().item() / 255, 4) == 0.1307
    assert (len(data.tuning), len(data.validation)) == (55000, 5000)
    assert len(torch.cat([data.tuning, data.validation]).unique()) == 60000
    share = torch.bincount(data.train_labels[data.validation]) / torch.bincount(data.train_labels)
    assert (share - 1 / 12).abs().max() < 1e-3
    assert data.validation[:3].tolist() == load("mnist", settings(tmp_path)).validation[:3].tolist()
    content = prepared_path("mnist", settings(tmp_path)).read_bytes()
    # pinned: the prepared file of every release is the same, byte for byte
    assert sha256(content).hexdigest() == "a2b9c40eb66ca41e00fa4dc91046cb011e41045925eeb154dcf9e0029c611961"


@needs_mnist
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered", "not gzip"])
def test_damaged_mirrors_are_named_and_the_next_is_tried(tmp_path, mirror, damage):
    path = mirror / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "altered":
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b"\x00"))
    else:
        path.write_text("<html>not found</html>")
    with pytest.raises(StudyError) as caught:
        prepare("mnist", settings(tmp_path, mirror))
    message = str(caught.value)
    assert str(path) in message
    assert ("is missing" if damage == "missing" else "truncated or damaged") in message
    assert "To place the files by hand" in message
    assert "f68b3c2dcbeaaa9fbdd348bbdeb94873" in message
    assert leftovers(tmp_path) == []
    prepare("mnist", settings(tmp_path, mirror, MIRROR))
    assert len(leftovers(tmp_path)) == 1


@pytest.mark.parametrize("name", [name for name in registry.names("dataset") if name != "digits"])
def test_unreachable_mirrors_are_listed(tmp_path, name):
    """Every named data set goes through the same code; a closed port on this machine stands for a dead server."""
    with pytest.raises(StudyError) as caught:
        prepare(name, settings(tmp_path, tmp_path / "nowhere", "http://127.0.0.1:9/mirror"))
    message = str(caught.value)
    assert f"data set {name}" in message
    assert "nowhere" in message
    assert "http://127.0.0.1:9/mirror" in message
    assert f"{find_reader(name).class_name}/raw" in message
    assert leftovers(tmp_path) == []


def write_idx(path: Path, array: torch.Tensor) -> None:
    header = bytes([0, 0, 8, array.dim()]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(gzip.compress(header + array.numpy().tobytes()))


@needs_mnist
def test_mirrors_are_paths_or_urls(tmp_path, mirror, monkeypatch):
    spaced = mirror.rename(tmp_path / "a b")
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, name in enumerate((f"file://{spaced}", f"file://localhost{spaced}".replace(" ", "%20"), "~/a b")):
        prepare("mnist", DataSettings(directory=str(tmp_path / f"data{number}"), mirrors=(name,)))


@needs_mnist
@pytest.mark.parametrize("which", ["*", "t10k-images*"])
def test_unpacked_files_are_read_with_a_warning(tmp_path, mirror, capsys, which):
    for path in (mirror / "MNIST" / "raw").glob(f"{which}.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    content = prepare("mnist", settings(tmp_path, mirror)).read_bytes()
    assert sha256(content).hexdigest() == "a2b9c40eb66ca41e00fa4dc91046cb011e41045925eeb154dcf9e0029c611961"
    assert capsys.readouterr().err.count("its md5 cannot be verified") == (4 if which == "*" else 1)


@needs_mnist
def test_unpacked_files_of_another_size_are_refused(tmp_path, mirror):
    """The test images in the place of the training images."""
    raw = mirror / "MNIST" / "raw"
    for kind in ("images-idx3", "labels-idx1"):
        (raw / f"train-{kind}-ubyte.gz").unlink()
        (raw / f"train-{kind}-ubyte").write_bytes(gzip.decompress((raw / f"t10k-{kind}-ubyte.gz").read_bytes()))
    with pytest.raises(StudyError, match="holds 10,000 training images, expected 60,000"):
        prepare("mnist", settings(tmp_path, mirror))


def test_an_unreadable_file_of_a_mirror_is_named(tmp_path, monkeypatch):
    raw = tmp_path / "mirror" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    path = raw / "train-images-idx3-ubyte.gz"
    path.write_text("")
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(StudyError, match=r"images-idx3-ubyte.gz cannot be read \(Permission denied\)"):
        prepare("mnist", settings(tmp_path, tmp_path / "mirror"))


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist"])
def test_the_other_sets_are_read_by_the_same_code(tmp_path, monkeypatch, name):
    """Stand-in files in the genuine layout, with their own checksums: what is read is what was stored."""
    import hashlib

    source = find_reader(name).torchvision_class()
    raw = tmp_path / "mirror" / source.__name__ / "raw"
    raw.mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    sizes = {"train": 240, "t10k": 40}
    resources = []
    for file, _ in source.resources:
        part, kind = file.split("-")[:2]
        shape = (sizes[part], 28, 28) if kind == "images" else (sizes[part],)
        array = torch.randint(0, 256 if kind == "images" else 10, shape, dtype=torch.uint8, generator=generator)
        if kind == "labels":
            array = torch.arange(sizes[part], dtype=torch.uint8) % 10
        write_idx(raw / file, array)
        resources.append((file, hashlib.md5((raw / file).read_bytes()).hexdigest()))
    monkeypatch.setattr(source, "resources", resources)
    monkeypatch.setattr(find_reader(name), "count", sizes["train"])
    data = load(name, settings(tmp_path, tmp_path / "mirror"))
    assert data.train_images.shape == (240, 784)
    assert data.test_labels.tolist() == [i % 10 for i in range(40)]
    assert len(data.validation) == 20


def test_digits_need_no_download(digits):
    assert digits.train_images.shape == (1437, 784)
    assert digits.test_images.shape == (360, 784)
    assert digits.train_images.max() == 255


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_a_damaged_prepared_file_is_named(tmp_path, damage):
    options = settings(tmp_path)
    prepare("digits", options)
    path = prepared_path("digits", options)
    content = bytearray(path.read_bytes())
    content = content[:-1000] if damage == "truncated" else content[:-1000] + bytes(1000)
    path.write_bytes(content)
    with pytest.raises(StudyError, match="run `robustprune prepare digits`") as caught:
        load("digits", options)
    assert str(path) in str(caught.value)


STAND_IN = {
    "matching build": """
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    """,
    "needs the operator": """
        torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: dets)
    """,
    "broken otherwise": "raise RuntimeError('no images today')",
}


@pytest.mark.parametrize("build", STAND_IN)
def test_torchvision_is_imported_beside_any_build_of_torch(tmp_path, build):
    """A stand-in torchvision registers its operator itself, or needs it declared, or fails for another reason."""
    package = tmp_path / "torchvision"
    package.mkdir()
    body = f"import torch\n{dedent(STAND_IN[build])}\nfrom torchvision import datasets\n"
    (package / "__init__.py").write_text(body)
    (package / "datasets.py").write_text("class MNIST: ...\nFashionMNIST = KMNIST = EMNIST = MNIST\n")
    program = "from robustprune.data.torchvision_import import import_datasets; print(import_datasets().MNIST.__name__)"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY / 'src'}"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    if build == "broken otherwise":
        assert done.returncode == 1
        assert "no images today" in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, "MNIST\n"), done.stderr
