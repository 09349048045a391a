"""An exported network reproduces the recorded test error exactly, in torch and in ONNX."""

import json

import numpy as np
import pytest
import torch

from robustprune.engine.running import run_cell
from robustprune.errors import StudyError
from robustprune.gathering.export import export, load_network, read_exported
from robustprune.networks.plain import error_percent
from robustprune.networks.size import parameters


@pytest.fixture(scope="module", params=["lenet_300_100", "lenet5"])
def cell_folder(request, tmp_path_factory, digits):
    from robustprune.study.cells import Cell
    from robustprune.study.training_settings import TrainingSettings

    cell = Cell(
        dataset="digits",
        architecture=request.param,
        method="bernoulli",
        strength="key",
        settings={"price": 3e-3},
        replicates=2,
        width=0.5,
        training=TrainingSettings(epochs=5, batch_size=32),
    )
    folder = tmp_path_factory.mktemp("cell")
    return folder, run_cell(cell, digits, folder)


def test_exported_networks_reproduce_the_record(cell_folder, tmp_path, digits):
    onnxruntime = pytest.importorskip("onnxruntime")
    folder, record = cell_folder
    for replicate, entry in enumerate(record.replicates):
        output = tmp_path / str(replicate)
        assert [path.name for path in export(folder, replicate, output)] == [
            "network.pt",
            "network.json",
            "network.onnx",
        ]
        network = read_exported(output)
        assert error_percent(network, digits.test_images, digits.test_labels) == entry.error_test_percent
        assert sum(p.numel() for p in network.parameters()) == entry.params_kept
        assert parameters(network.architecture, network.units) == entry.params_kept
        session = onnxruntime.InferenceSession(output / "network.onnx")
        for batch in (1, 360):
            images = (digits.test_images[:batch].float() / 255).numpy()
            (scores,) = session.run(None, {"images": images})
            with torch.no_grad():
                np.testing.assert_allclose(scores, network(torch.from_numpy(images)).numpy(), atol=1e-4)
        wrong = (scores.argmax(1) != digits.test_labels.numpy()).mean() * 100
        assert wrong == pytest.approx(entry.error_test_percent)
        assert json.loads((output / "network.json").read_text())["error_test_percent"] == entry.error_test_percent


def test_kept_pixels_are_original_indices(cell_folder, digits):
    """The kept input indices point into the 784 pixels: pixels that are always blank are not among them."""
    folder, record = cell_folder
    if record.cell.architecture == "lenet5":
        pytest.skip("a convolution reads every pixel")
    network = load_network(folder, 0)
    assert network.kept_input.max() < 784
    assert network.kept_input.diff().min() > 0


def test_wrong_replicates_and_damaged_files_are_named(cell_folder, tmp_path):
    folder, _ = cell_folder
    with pytest.raises(StudyError, match="no replicate 2; it has 0 to 1"):
        load_network(folder, 2)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "record.json").write_bytes((folder / "record.json").read_bytes())
    with pytest.raises(StudyError, match=r"networks.safetensors: missing or damaged"):
        load_network(copy, 0)
    (copy / "networks.safetensors").write_bytes((folder / "networks.safetensors").read_bytes()[:500])
    with pytest.raises(StudyError, match=r"networks.safetensors: damaged or of another run"):
        export(copy, 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_description_says_how_to_rebuild_the_network(cell_folder, tmp_path, digits):
    """torch alone, with the steps of network.json done by hand, gives the recorded error."""
    folder, record = cell_folder
    export(folder, 0, tmp_path, onnx=False)
    described = json.loads((tmp_path / "network.json").read_text())
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    h = digits.test_images.float() / 255
    if described["layers"][0].startswith("conv"):
        h = h.view(-1, 1, 28, 28)
    for step in described["layers"]:
        name = step.split(":")[0]
        if "kept_" in step:
            h = h.flatten(1)[:, state[step.split()[-1]]]
        elif step == "MaxPool2d(2)":
            h = torch.nn.functional.max_pool2d(h, 2)
        elif step == "ReLU":
            h = h.relu()
        else:
            function = torch.nn.functional.conv2d if "Conv2d" in step else torch.nn.functional.linear
            h = function(h, state[f"{name}.weight"], state[f"{name}.bias"])
    wrong = (h.argmax(1) != digits.test_labels).double().mean() * 100
    assert wrong.item() == pytest.approx(record.replicates[0].error_test_percent)


def test_a_folder_may_be_a_string_and_a_missing_file_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"network.json: no such file; export the network again"):
        read_exported(str(tmp_path))
    with pytest.raises(StudyError, match=r"record.json: no such record"):
        load_network(str(tmp_path), 0)
