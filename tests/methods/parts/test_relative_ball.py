"""Balls of rows and layers around starting weights."""

import pytest
import torch

from robustprune.engine.running import run_cell
from robustprune.engine.training import Training
from robustprune.methods.parts.ball import initial_weights
from robustprune.methods.parts.relative_ball import LENGTHS, RelativeBall, keep_inside, row_lengths, scale_back
from robustprune.networks.archive import read_archive

START = torch.tensor([[[1, 0, -1], [0.5, 0.5, 0.5]]], dtype=torch.float64)
WEIGHT = torch.tensor([[[1.5, -1, -1], [0.4, 0.6, 0.5]]], dtype=torch.float64)
INSIDE = {
    "mars": [[1.25, -0.5, -1], [0.4, 0.6, 0.5]],
    "frobenius": [[1.332759, -0.665517, -1], [0.433448, 0.566552, 0.5]],
}


def scaled(norm: str, radius: float, weight=WEIGHT) -> torch.Tensor:
    moved = weight.clone()
    scale_back(moved, START, norm, torch.full_like(LENGTHS[norm](START), radius))
    return moved


def test_distances_by_hand():
    assert LENGTHS["mars"](WEIGHT - START)[0].tolist() == pytest.approx([1.5, 0.2])
    assert float(LENGTHS["frobenius"](WEIGHT - START)) == pytest.approx(1.126943, abs=1e-6)
    filters = torch.tensor([[[[[0.1, 0.2], [0.3, 0.4]]], [[[0.5, 0.6], [0.7, 0.8]]]]])
    assert row_lengths(filters)[0].tolist() == pytest.approx([1.0, 2.6])


def test_the_complexity_of_two_layers_by_hand():
    """prod (2 B) sum D / B, of layers with largest row sums B and distances D; the study does not use it."""
    layers = [([[0.5, -1], [0.3, 0.2]], [[0.4, -0.8], [0.3, 0.1]]), ([[1, -0.5]], [[0.8, -0.2]])]
    pairs = [(torch.tensor([weight]), torch.tensor([start])) for weight, start in layers]
    sizes = [float(row_lengths(weight).max()) for weight, _ in pairs]
    moved = [float(row_lengths(weight - start).max()) for weight, start in pairs]
    assert sizes == pytest.approx([1.5, 1.5])
    assert moved == pytest.approx([0.3, 0.5])
    shares = [distance / size for distance, size in zip(moved, sizes, strict=True)]
    assert 2 * sizes[0] * 2 * sizes[1] * sum(shares) == pytest.approx(4.8)


@pytest.mark.parametrize("norm", list(INSIDE))
def test_weights_outside_are_scaled_back_along_their_distance(norm):
    found = scaled(norm, 0.75)
    assert torch.allclose(found, torch.tensor([INSIDE[norm]], dtype=torch.float64), atol=1e-6)
    assert torch.allclose(scaled(norm, 0.75, found), found, atol=1e-15)
    assert torch.equal(scaled(norm, float("inf")), WEIGHT)
    # the nearest point of the l1 ball would be another one
    assert found[0, 0].tolist() != pytest.approx([1.125, -0.625, -1])


def test_a_row_without_length_may_not_move_and_padding_stays():
    weight, start = torch.ones(1, 2, 3), torch.zeros(1, 2, 3)
    weight[0, 1] = 0
    scale_back(weight, start, "mars", row_lengths(start))
    assert not bool(weight.any())


def test_replicates_do_not_interact():
    together = torch.cat([WEIGHT, 3 * WEIGHT])
    start = torch.cat([START, START])
    for norm in LENGTHS:
        moved = together.clone()
        scale_back(moved, start, norm, torch.full((2, 1), 0.75, dtype=torch.float64))
        assert torch.equal(moved[:1], scaled(norm, 0.75))


def test_settings_name_what_is_wrong():
    with pytest.raises(ValueError, match="radius: norms mars and frobenius need one"):
        RelativeBall(norm="mars")
    with pytest.raises(ValueError, match="norm free takes none"):
        RelativeBall(norm="free", radius=1.0)


def trained(digits, make_cell, ball, method="bernoulli", **settings) -> Training:
    own = {"ball": ball, **settings}
    own |= {"price": 3e-4, "drift": 0.02} if method == "bernoulli" else {}
    cell = make_cell(method, epochs=6, width=0.5, settings=own, architecture="lenet_300_100")
    training = Training(cell, digits)
    while not training.finished:
        training.run_epoch()
    return training


@pytest.mark.parametrize("norm", ["mars", "frobenius"])
def test_weights_stay_inside_through_removals(digits, make_cell, norm):
    training = trained(digits, make_cell, {"norm": norm, "radius": 0.05})
    assert int((training.network.kept["input"] >= 0).sum()) < 2 * 784
    training.batches.start_epoch()
    training.step()  # the epoch may have ended with a removal, which shortens rows and radii
    shares = []
    for layer in training.architecture.layers:
        start = training.method.buffers[f"initial/{layer.name}.weight"]
        weight = training.network.parameters[f"{layer.name}.weight"].detach()
        length = LENGTHS[norm](start)
        shares.append(LENGTHS[norm](weight - start)[length > 0] / length[length > 0])
    assert float(torch.cat(shares).max()) <= 0.05 * (1 + 1e-6)
    assert float(torch.cat(shares).max()) > 0.049


def test_the_free_ball_changes_no_bit(digits, make_cell):
    free, without = (trained(digits, make_cell, ball) for ball in ({"norm": "free"}, None))
    for name, tensor in without.network.parameters.items():
        assert torch.equal(tensor, free.network.parameters[name])
    assert "initial/fc1.weight" in free.method.buffers


def test_dense_training_can_have_a_ball_as_well(tmp_path, digits, make_cell):
    cell = make_cell("dense", epochs=2, width=0.2, settings={"ball": {"norm": "mars", "radius": 0.01}})
    start = Training(cell, digits).network.parameters["fc2.weight"].detach()
    run_cell(cell, digits, tmp_path)
    for replicate, found in read_archive(tmp_path).items():
        own = start[replicate][found.kept["fc2"]][:, found.kept["fc1"]]
        moved = (found.weights["fc2.weight"] - own).abs().sum(1) / own.abs().sum(1)
        assert 0.001 < float(moved.max()) < 0.02


def test_a_network_without_a_radius_is_left_alone():
    parameters = {"fc1.weight": WEIGHT.clone()}
    keep_inside(parameters, initial_weights({"fc1.weight": START}), RelativeBall(norm="free"))
    assert torch.equal(parameters["fc1.weight"], WEIGHT)
