"""Sections with a skip around them: counts, forward pass, removal, and the plain network (docs/layers.md)."""

import math
from dataclasses import replace

import pytest
import torch
import two_sections
from two_sections import GATES, X, Y, gated

from robustprune.engine.compaction import compact, extract, selection, surviving
from robustprune.errors import StudyError
from robustprune.initialization import initial_parameters
from robustprune.networks.architecture import Layer, Slot, architecture
from robustprune.networks.folding import fold_gates, remove_dead
from robustprune.networks.layers import cross_entropy
from robustprune.networks.plain import plain_network
from robustprune.networks.size import macs, parameters
from robustprune.networks.stacked import StackedNetwork, every_unit
from robustprune.networks.structure import problem

COUNTS = {
    ("mlp_residual", 0): (79_510, 79_400),
    ("mlp_residual", 1): (99_610, 99_400),
    ("mlp_residual", 2): (119_710, 119_400),
    ("mlp_residual", 4): (159_910, 159_400),
    ("mlp_residual", 8): (240_310, 239_400),
    ("lenet5_residual", 0): (431_080, 2_293_000),
    ("lenet5_residual", 1): (431_080 + 7_220 + 45_050 + 500_500, 2_293_000 + 1_036_800 + 720_000 + 500_000),
}
SCORES = {  # gates of the two sections -> scores of both examples, mean cross-entropy
    (1, 1): ((1.070490, -0.225400), (0.349820, -0.130600), 0.601912),
    (1, 0): ((-0.935000, 1.249000), (-1.270000, 1.177000), 1.186851),
    (0, 1): ((1.084500, -0.283000), (0.389500, -0.174000), 0.620503),
    (0, 0): ((-0.050000, 0.475000), (-0.650000, 0.650000), 0.615360),
}
SMALL = {"mlp_residual": 0.1, "lenet5_residual": 0.1}


def stacked(name: str, depth: int, replicates: int = 2, width: float = 0.1) -> StackedNetwork:
    made = architecture(name, depth)
    generators = [torch.Generator().manual_seed(seed) for seed in range(replicates)]
    units = made.units(width)
    parameters_ = initial_parameters(made, units, "pytorch_default", generators, torch.float64)
    return StackedNetwork(made, parameters_, every_unit(units, replicates))


@pytest.mark.parametrize(("name", "depth"), COUNTS)
def test_parameters_and_macs(name, depth):
    made = architecture(name, depth)
    units = made.units()
    assert (parameters(made, units), macs(made, units)) == COUNTS[name, depth]
    assert sum(p.numel() for p in stacked(name, depth, 1, 1.0).parameters.values()) == COUNTS[name, depth][0]


def test_a_closed_section_counts_nothing():
    made = architecture("mlp_residual", 4)
    units = made.units() | {"block2_gate": 0, "block4_gate": 0}
    assert (parameters(made, units), macs(made, units)) == COUNTS["mlp_residual", 2]


@pytest.mark.parametrize(
    ("units", "positions", "kernel", "params", "products"),
    [
        (20, 144, 3, 7_220, 1_036_800),
        (20, 144, 5, 20_020, 2_880_000),
        (50, 16, 3, 45_050, 720_000),
        (50, 16, 5, 125_050, 2_000_000),
        (500, 1, 1, 500_500, 500_000),
    ],
)
def test_one_section_adds_its_layers(units, positions, kernel, params, products):
    """The sections of lenet5_residual, and what 5 x 5 convolutions would add."""
    made = architecture("lenet5_residual", 1)
    stream = {20: "conv1", 50: "conv2", 500: "fc1"}[units]
    (gate,) = [name for name in made.sections if name.startswith(stream)]
    inside = made.sections[gate]
    layers = [layer for layer in made.layers if layer.within == gate]
    assert [layer.positions for layer in layers] == [positions] * 2
    if kernel == 5:
        layers = [replace(layer, kernel=5) for layer in layers]
    rest = [layer for layer in made.layers if layer.within != gate]
    made = replace(made, layers=(*rest, *layers))  # counts do not depend on the order
    sizes = {inside: units, gate: 1}
    whole, without = made.units() | sizes, made.units() | {gate: 0}
    assert parameters(made, whole) - parameters(made, without) == params
    assert macs(made, whole) - macs(made, without) == products


def test_without_sections_the_network_is_a_chain():
    """Depth 0: relu of the stem, then the head."""
    network = stacked("mlp_residual", 0, 2, 0.3)
    images = torch.rand(2, 5, 784, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = network.parameters
    h = (images @ weights["stem.weight"].transpose(1, 2) + weights["stem.bias"].unsqueeze(1)).relu()
    expected = h @ weights["head.weight"].transpose(1, 2) + weights["head.bias"].unsqueeze(1)
    scores = network.forward(images)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-12)
    for replicate in range(2):
        plain = plain_network(network.architecture, *extract(network, replicate))
        torch.testing.assert_close(plain(images[replicate]), scores[replicate], rtol=0, atol=1e-12)


def test_the_stream_of_deep_networks_does_not_grow():
    """Eight sections of He normal weights: the stream's norm grows less than e times; without the gain, 74 times."""
    growth = {}
    for gain in (1.0, None):
        made = architecture("mlp_residual", 8)
        if gain:
            made = replace(made, layers=tuple(replace(layer, gain=gain) for layer in made.layers))
        generators = [torch.Generator().manual_seed(seed) for seed in range(8)]
        network = StackedNetwork(
            made,
            initial_parameters(made, made.units(), "he_normal", generators, torch.float64),
            every_unit(made.units(), 8),
        )
        weights = network.parameters
        h = torch.rand(8, 64, 784, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        h = start = (h @ weights["stem.weight"].transpose(1, 2)).relu()
        for number in range(1, 9):
            inside = (h @ weights[f"block{number}_in.weight"].transpose(1, 2)).relu()
            h = h + inside @ weights[f"block{number}_out.weight"].transpose(1, 2)
        growth[gain] = (h.norm() / start.norm()).item()
    assert growth[None] < math.e
    assert 50 < growth[1.0] < 110


@pytest.mark.parametrize("gates", SCORES)
def test_scores_by_hand(gates):
    xi = {
        name: torch.full((1, 1, 1), float(gate), dtype=torch.float64) for name, gate in zip(GATES, gates, strict=True)
    }
    scores = two_sections.network().forward(X, gated(xi))
    first, second, loss = SCORES[gates]
    torch.testing.assert_close(scores[0], torch.tensor([first, second], dtype=torch.float64), rtol=0, atol=5e-7)
    assert cross_entropy(scores, Y).mean().item() == pytest.approx(loss, abs=5e-7)


def test_an_empty_section_is_a_closed_one_to_the_last_bit():
    """All units gone, the gate closed, and the section deleted: one function."""
    network, nothing = two_sections.network(), torch.zeros(1, 1, 1, dtype=torch.float64)
    emptied = network.forward(X, gated({"block1": nothing}))
    assert torch.equal(emptied, network.forward(X, gated({"block1_gate": nothing})))
    for slot, size in (("block1", 2), ("block1_gate", 1)):
        remove = {slot: torch.ones(1, size, dtype=torch.bool)}
        alive, guarded = surviving(network.architecture, network.kept, remove, dict)
        assert not guarded.any()
        assert not alive["block1"].any()
        assert not alive["block1_gate"].any()
        assert alive["block2"].all()
        smaller = compact(network, selection(alive))
        assert smaller.places() == {"input": 2, "stem": 2, "block1": 0, "block1_gate": 0, "block2": 2, "block2_gate": 1}
        torch.testing.assert_close(smaller.forward(X), emptied, rtol=0, atol=1e-6)
        assert sum(p.numel() for p in smaller.parameters.values()) == parameters(
            smaller.architecture, {slot: int(count) for slot, count in smaller.counts().items()}
        )


@pytest.mark.parametrize(("name", "depth"), [("mlp_residual", 3), ("lenet5_residual", 1), ("lenet5_residual", 2)])
def test_compact_is_masked_and_plain(name, depth):
    """Replicates lose different sections and units; the stacked, compacted and plain networks compute the same."""
    network = stacked(name, depth)
    made, generator = network.architecture, torch.Generator().manual_seed(3)
    remove = {slot: torch.rand(network.kept[slot].shape, generator=generator) < 0.4 for slot in made.gated("full")}
    gates = list(made.sections)
    remove |= {gate: torch.zeros(2, 1, dtype=torch.bool) for gate in gates}
    remove[gates[0]][0] = True  # of one replicate
    remove[gates[-1]][:] = True  # of both
    images = torch.rand(2, 7, 784, generator=generator, dtype=torch.float64)
    mask = {slot: (~gone).double().unsqueeze(1) for slot, gone in remove.items()}
    with torch.no_grad():
        shaped = lambda z, h: z.view(*z.shape, *[1] * (h.dim() - 3))  # noqa: E731
        masked = network.forward(
            images, two_sections.Gated(lambda slot, h: h * shaped(mask[slot], h) if slot in mask else h)
        )
        alive, guarded = surviving(made, network.kept, remove, dict)
        assert not guarded.any()
        smaller = compact(network, selection(alive))
        assert smaller.places()[gates[-1]] == smaller.places()[made.sections[gates[-1]]] == 0
        read = images
        if "input" in smaller.kept:
            kept = smaller.kept["input"]
            read = images.gather(2, kept.clamp_min(0).unsqueeze(1).expand(-1, 7, -1)) * (kept >= 0).unsqueeze(1)
        torch.testing.assert_close(smaller.forward(read), masked, rtol=0, atol=1e-9)
        for replicate in range(2):
            weights, kept = remove_dead(made, *extract(smaller, replicate))
            plain = plain_network(made, weights, kept)
            torch.testing.assert_close(plain(images[replicate]), masked[replicate], rtol=0, atol=1e-9)
            assert plain.units == {slot: len(indices) for slot, indices in kept.items()}
            assert sum(p.numel() for p in plain.parameters()) == parameters(made, plain.units)
            assert plain.units[gates[-1]] == 0
            assert plain.units[gates[0]] == int(alive[gates[0]][replicate]) <= replicate


def test_dead_parts_of_sections_leave_to_a_fixed_point():
    """A section that adds nothing is closed; a unit that is always 0 leaves, a constant one stays; streams stay."""
    network = two_sections.network()
    made, (weights, kept) = network.architecture, extract(network, 0)
    with torch.no_grad():
        weights["block1_out.weight"].zero_()
        weights["block2_in.weight"][:] = 0  # units 0 and 1 are constant: 0.2 and 0
        weights["head.weight"][:, 1] = 0  # no longer read but by sections
    expected = plain_network(made, weights, kept)(X[0])
    cleaned, left = remove_dead(made, dict(weights), kept)
    assert {slot: len(indices) for slot, indices in left.items()} == {
        **{"input": 2, "stem": 2, "block1": 0, "block1_gate": 0, "block2": 1, "block2_gate": 1}
    }
    torch.testing.assert_close(plain_network(made, cleaned, left)(X[0]), expected)
    weights["block2_in.bias"][0] = -1.0
    _, left = remove_dead(made, dict(weights), kept)
    assert len(left["block2_gate"]) == 0


def test_the_gate_of_a_section_folds_into_what_it_adds():
    network = two_sections.network()
    made, (weights, kept) = network.architecture, extract(network, 0)
    xi = {"block1_gate": torch.tensor([0.3], dtype=torch.float64), "block2_gate": torch.tensor([0.0]).double()}
    expected = network.forward(X, gated({slot: value.view(1, 1, 1) for slot, value in xi.items()}))[0]
    folded, left = remove_dead(made, fold_gates(made, weights, xi, kept), kept)
    plain = plain_network(made, folded, left)
    torch.testing.assert_close(plain(X[0]), expected)
    assert plain.units["block2"] == plain.units["block2_gate"] == 0


def test_gradients_of_sections_match_the_plain_network():
    for name in SMALL:
        network = stacked(name, 2)
        images, labels = torch.rand(2, 5, 784, dtype=torch.float64), torch.randint(0, 10, (2, 5))
        cross_entropy(network.forward(images), labels).sum().backward()
        for replicate in range(2):
            plain = plain_network(network.architecture, *extract(network, replicate))
            torch.nn.functional.cross_entropy(plain(images[replicate]), labels[replicate], reduction="sum").backward()
            for key, parameter in plain.named_parameters():
                torch.testing.assert_close(network.parameters[key].grad[replicate], parameter.grad)


def test_without_sections_the_networks_are_chains():
    made = architecture("mlp_residual", 0)
    assert made.units() == {"input": 784, "stem": 100}
    assert made.gated("full") == made.gated("joint") == ("input", "stem")
    assert made.gated("layers") == ()
    assert [layer.name for layer in architecture("lenet5_residual", 0).layers] == ["conv1", "conv2", "fc1", "fc2"]
    assert architecture("lenet5_residual", 0).slots == architecture("lenet5").slots


def test_tracks_of_networks_with_sections():
    made = architecture("mlp_residual", 2)
    assert made.gated("full") == ("input", "block1", "block2")
    assert made.gated("hidden") == ("block1", "block2")
    assert made.gated("layers") == ("block1_gate", "block2_gate")
    assert made.gated("joint") == ("input", "block1", "block1_gate", "block2", "block2_gate")
    assert architecture("lenet5_residual", 1).gated("full") == ("conv1_block1", "conv2_block1", "fc1_block1")


def test_what_sections_add_is_drawn_smaller_the_more_there_are():
    """Gain 1/sqrt(sections): with four times the sections half the weights; a network of fewer has its own gain."""
    weights = {}
    for depth in (1, 4):
        made = architecture("mlp_residual", depth)
        generator = [torch.Generator().manual_seed(0)]
        weights[depth] = initial_parameters(made, made.units(), "he_normal", generator)["block1_out.weight"].std()
    assert (weights[4] / weights[1]).item() == pytest.approx(0.5, rel=0.03)
    made = architecture("mlp_residual", 4)
    closed = made.units() | {f"block{n}": 0 for n in (2, 3, 4)} | {f"block{n}_gate": 0 for n in (2, 3, 4)}
    alone = initial_parameters(made, closed, "he_normal", [torch.Generator().manual_seed(0)])
    assert alone["block1_out.weight"].std().item() == pytest.approx(math.sqrt(2 / 100), rel=0.03)
    assert alone["block2_in.weight"].shape == (1, 0, 100)


@pytest.mark.parametrize("name", ["mlp_residual", "lenet5"])
def test_depth_is_given_where_there_is_one(name):
    with pytest.raises(StudyError, match="give its number of sections" if name == "mlp_residual" else "no sections"):
        architecture(name, None if name == "mlp_residual" else 3)


def changed(layer: str, **values):
    made = architecture("mlp_residual", 1)
    layers = tuple(replace(own, **values) if own.name == layer else own for own in made.layers)
    return replace(made, layers=layers)


WRONG = {
    "a stream from nowhere": (changed("block1_in", reads="input"), "from the slot that was written last (stem)"),
    "a bias": (changed("block1_out", bias=True), "reads what the first writes, adds, has bias=False"),
    "no sum": (changed("block1_out", adds=False), "slot stem: optional=True is for the gates"),
    "no bias": (changed("block1_in", bias=False), "the first layer of section block1_gate has a bias"),
    "no section": (changed("block1_in", within="stem"), "within='stem' is no gate of a section"),
    "a sum elsewhere": (changed("head", bias=False), "are for layers of a section"),
    "maps": (changed("block1_in", kernel=3, same=True), "expected kernel 1, or maps"),
    "two gates": (
        replace(
            architecture("mlp_residual", 1),
            slots=(*architecture("mlp_residual", 1).slots, Slot("other", 1, False, optional=True, section=True)),
        ),
        "slot other: no layer lies within this section",
    ),
    "empty stream": (
        replace(
            architecture("mlp_residual", 1),
            slots=tuple(replace(s, optional=True) for s in architecture("mlp_residual", 1).slots),
        ),
        "optional=True is for the gates and the inner slots",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_sections_that_cannot_be_computed_are_refused(kind):
    network, message = WRONG[kind]
    assert problem(architecture("mlp_residual", 1), "mlp_residual") is None
    assert message in problem(network, "mlp_residual")


def test_a_convolution_in_a_section_keeps_the_size():
    made = architecture("lenet5_residual", 1)
    layers = tuple(
        replace(own, kernel=4) if isinstance(own, Layer) and own.name == "conv1_block1_in" else own
        for own in made.layers
    )
    assert "has an odd kernel and same=True; found 4" in problem(replace(made, layers=layers), "lenet5_residual")
