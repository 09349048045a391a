"""Export of one pruned network: a torch state dict with its architecture as JSON, and ONNX."""

import io
import json
import warnings
from pathlib import Path

import torch

from robustprune.errors import StudyError
from robustprune.files import read_text, reading, write_atomically, write_text
from robustprune.gathering.record_checks import checked_record
from robustprune.networks.architecture import architecture
from robustprune.networks.archive import FILE, read_archive
from robustprune.networks.plain import PlainNetwork, plain_network
from robustprune.records.record import RECORD_NAME, read_record

STATE_NAME, JSON_NAME, ONNX_NAME = "network.pt", "network.json", "network.onnx"


def load_network(folder: Path | str, replicate: int) -> PlainNetwork:
    """Return the pruned network of one replicate from the folder of a cell, on the CPU, in evaluation mode.

    Raises StudyError for a missing replicate, and for a missing or damaged file of the cell.
    """
    folder = Path(folder)
    record = checked_record(folder / RECORD_NAME, files=[FILE])
    if not 0 <= replicate < len(record.replicates):
        raise StudyError(f"{folder}: no replicate {replicate}; it has 0 to {len(record.replicates) - 1}")
    network = read_archive(folder).get(replicate)
    if network is None:
        entry = record.replicates[replicate]
        raise StudyError(
            f"{folder / FILE}: holds no network of replicate {replicate} (status {entry.status}: {entry.reason})"
        )
    if not network.weights:
        raise StudyError(
            f"{folder / FILE}: holds no weights (train-many --light); train the cell again without --light"
        )
    return plain_network(architecture(record.cell.architecture, record.cell.depth), network.weights, network.kept)


def export(folder: Path, replicate: int, output: Path, onnx: bool = True) -> list[Path]:
    """Write network.pt, network.json and, unless `onnx` is false, network.onnx; return their paths.

    The ONNX network takes images [N, 784] in [0, 1] with a dynamic N. Raises StudyError where the onnx extra is
    not installed.
    """
    network = load_network(folder, replicate)
    record = read_record(folder / RECORD_NAME)
    description = {
        "architecture": record.cell.architecture,
        "depth": record.cell.depth,
        "units": network.units,
        "input": "images [N, 784] or [N, 1, 28, 28], float32, pixels scaled to [0, 1]",
        "output": "class scores [N, 10]",
        "layers": _steps(network),
        "error_test_percent": record.replicates[replicate].error_test_percent,
        "cell": record.cell.key,
        "replicate": replicate,
        "load": "robustprune.read_exported(folder), or network.pt as a state dict: <layer>.weight and <layer>.bias are "
        "those of torch.nn.Conv2d and torch.nn.Linear, kept_<slot> holds what is read (see layers)",
    }
    state = io.BytesIO()  # a full disk is then an OSError that names the file; torch's own writer hides it
    torch.save(network.state_dict(), state)
    write_atomically(output / STATE_NAME, lambda path: path.write_bytes(state.getvalue()))
    write_text(output / JSON_NAME, json.dumps(description, indent=1) + "\n")
    written = [output / STATE_NAME, output / JSON_NAME]
    if onnx:
        write_atomically(output / ONNX_NAME, lambda path: _to_onnx(network, path))
        written.append(output / ONNX_NAME)
    return written


def _steps(network: PlainNetwork) -> list[str]:
    """Return what the network does, in order, for somebody who has torch but not this package."""
    shown = network.architecture
    steps = []
    for layer in network.layers:
        if layer.within and not layer.adds:
            steps.append(f"keep a copy of {layer.reads}")
        if layer.reads and shown.slot(layer.reads).parent:
            steps.append(f"flatten the maps channel by channel, then keep the features kept_{layer.reads}")
        elif layer.reads == "input":
            steps.append("flatten the image row by row, then keep the pixels kept_input")
        steps.append(f"{layer.name}: {getattr(network, layer.name)}")
        steps += ["MaxPool2d(2)"] if layer.kernel > 1 and not layer.same else []
        if layer.adds:
            steps.append(f"add the copy of {layer.writes}")
        elif layer.writes:
            steps.append("ReLU")
    return steps


def read_exported(folder: Path | str) -> PlainNetwork:
    """Return the network that `export` wrote. Raises StudyError for a missing or damaged file of it."""
    folder, again = Path(folder), "export the network again with `robustprune export`"
    for name in (JSON_NAME, STATE_NAME):
        if not (folder / name).exists():
            raise StudyError(f"{folder / name}: no such file; {again}")
    with reading(folder / JSON_NAME, again):
        description = json.loads(read_text(folder / JSON_NAME))
        network = PlainNetwork(
            architecture(description["architecture"], description.get("depth")), description["units"]
        )
    with reading(folder / STATE_NAME, again):
        network.load_state_dict(torch.load(folder / STATE_NAME, weights_only=True))
    return network.eval()


def _to_onnx(network: PlainNetwork, path: Path) -> None:
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        message = "ONNX export needs the onnx extra: pip install 'robustprune[onnx]', or give --no-onnx"
        raise StudyError(message) from None
    batch = torch.export.Dim("images")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # raised by torch about its own tree utilities
        torch.onnx.export(
            network,
            (torch.zeros(2, 784),),
            path,
            dynamo=True,
            input_names=["images"],
            output_names=["scores"],
            dynamic_shapes=({0: batch},),
            external_data=False,
            verbose=False,
        )
