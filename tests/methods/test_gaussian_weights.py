"""Bayesian compression and spike-and-slab node selection: test values of docs/baselines.md 7 and 8, layers that draw
their outputs, and what padding must not do."""

import math

import pytest
import torch
import torch.nn.functional as F
from test_variational import make, number

from robustprune.engine.training import Training
from robustprune.errors import StudyError
from robustprune.methods import bc_ghs, bc_gnj, ss_ig
from robustprune.methods.parts.gaussian_weights import kl_from_standard_normal
from robustprune.networks.noisy import noisy_convolve, noisy_convolve_image, noisy_linear
from robustprune.starts.parts.registry import check_cell

DOUBLE = torch.float64


# layers


def test_local_reparameterisation_of_one_output():
    """x = (1, -2), z = (0.5, 1.5), M = (0.3, -0.1), V = (0.04, 0.09): mean 0.45, variance 0.82."""
    h = torch.tensor([[[0.5, -3.0]]], dtype=DOUBLE)
    mean, variance = torch.tensor([[[0.3, -0.1]]], dtype=DOUBLE), torch.tensor([[[0.04, 0.09]]], dtype=DOUBLE)
    none = torch.zeros(1, 1, dtype=DOUBLE)
    for eps, expected in ((0.0, 0.45), (1.0, 0.45 + math.sqrt(0.82)), (-2.0, 0.45 - 2 * math.sqrt(0.82))):
        found = noisy_linear(h, mean, none, variance, none, torch.full((1, 1, 1), eps, dtype=DOUBLE))
        assert found.item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("first", [True, False])
def test_noisy_convolutions_draw_each_output_before_pooling(first):
    torch.manual_seed(0)
    inputs, side = (1, 28) if first else (3, 12)
    h = torch.rand(2, 5, inputs, side, side, dtype=DOUBLE)
    weight, variance = torch.randn(2, 4, inputs, 5, 5, dtype=DOUBLE), torch.rand(2, 4, inputs, 5, 5, dtype=DOUBLE)
    bias, bias_variance = torch.randn(2, 4, dtype=DOUBLE), torch.rand(2, 4, dtype=DOUBLE)
    eps = torch.randn(2, 5, 4 * (side - 4) ** 2, dtype=DOUBLE)
    leaves = [tensor.requires_grad_() for tensor in (weight, bias, variance, bias_variance)]
    layer = noisy_convolve_image if first else noisy_convolve
    found = layer(h.flatten(2) if first else h, *leaves, eps)
    expected = []
    for r in range(2):
        mean = F.conv2d(h[r], weight[r], bias[r])
        deviation = F.conv2d(h[r].square(), variance[r], bias_variance[r]).sqrt()
        numbers = eps[r].view_as(mean)
        if first:  # by pooling window: place in the window, then window
            numbers = numbers.view(5, 4, 2, 2, 12, 12).permute(0, 1, 4, 2, 5, 3).reshape_as(mean)
        expected.append(F.max_pool2d(mean + deviation * numbers, 2).relu())
    expected = torch.stack(expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    upstream = torch.randn_like(found)
    for own, other in zip(
        torch.autograd.grad((found * upstream).sum(), leaves),
        torch.autograd.grad((expected * upstream).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-6)


def test_noisy_image_layer_takes_windows_of_bytes(digits):
    images = digits.train_images[:6].unsqueeze(0)
    values = [torch.rand(1, 4, 1, 5, 5), torch.rand(1, 4), torch.rand(1, 4, 1, 5, 5), torch.rand(1, 4)]
    eps = torch.randn(1, 6, 4 * 24 * 24)
    from robustprune.networks.convolution import windows

    cut = windows(images[0]).unsqueeze(0)
    torch.testing.assert_close(
        noisy_convolve_image(cut, *values, eps), noisy_convolve_image(images.float() / 255, *values, eps)
    )


# docs/baselines.md 7.1


def test_normal_jeffreys_penalty():
    for log_alpha, expected in ((-9, 5.135815), (-3, 2.115590), (0, 0.431239), (3, 0.025420), (9, 0.000062)):
        assert bc_gnj.kl(number(log_alpha)).item() == pytest.approx(expected, abs=1e-6)


def test_weight_kl_and_its_gradient():
    for mean, log_variance, expected in ((0, -9, 4.000062), (0, 0, 0.0), (1, 0, 0.5)):
        m, log_v = number(mean).view(1, 1), number(log_variance).view(1, 1)
        assert kl_from_standard_normal(m, log_v, log_v.exp()).item() == pytest.approx(expected, abs=1e-6)
    m, log_v = torch.randn(2, 3, 4, dtype=DOUBLE), torch.randn(2, 3, 4, dtype=DOUBLE)

    def total(m, log_v):
        return kl_from_standard_normal(m, log_v, log_v.detach().exp())

    plain = 0.5 * (log_v.exp() - log_v + m.square() - 1).flatten(1).sum(1)
    torch.testing.assert_close(total(m, log_v), plain)
    leaves = m.requires_grad_(), log_v.requires_grad_()
    grads = torch.autograd.grad((total(*leaves) * torch.tensor([1.0, 3.0])).sum(), leaves)
    scale = torch.tensor([1.0, 3.0]).view(2, 1, 1)
    torch.testing.assert_close(grads[0], scale * m)
    torch.testing.assert_close(grads[1], scale * (log_v.exp() - 1) / 2)


def test_normal_jeffreys_objective_at_the_start(make_network):
    """Zero means: R = 1072537.3 nats, R/N = 17.8756 with N = 60000."""
    method, network = make("bc_gnj"), make_network("lenet_300_100", replicates=1)
    for tensor in network.parameters.values():
        tensor.data.zero_()
    for slot in method.context.gated:
        method.own(slot, "mu").fill_(1.0)
        method.own(slot, "log_variance").fill_(-9.0)
    method.draw(1)
    assert method.penalty(network).item() == pytest.approx(17.8756, abs=1e-4)


def test_warm_up_holds_the_kl_back():
    method = make("bc_gnj", steps=10, epochs=8, warm_up=0.5)
    assert method.sampling
    assert method.buffers["weight"].item() == pytest.approx(1 / 40)


# docs/baselines.md 7.2 to 7.5


def test_horseshoe_divergences():
    half = number(math.log(0.5))
    assert bc_ghs.kl_gamma(number(-0.3), half, 2.0).item() == pytest.approx(0.580955, abs=1e-6)
    assert bc_ghs.kl_inverse_gamma(number(-0.3), half).item() == pytest.approx(1.083253, abs=1e-6)
    for divergence, m in ((lambda m, v: bc_ghs.kl_gamma(m, v, 1.0), -1.693126), (bc_ghs.kl_inverse_gamma, 1.693126)):
        assert divergence(number(0), number(-9)).item() == pytest.approx(4.653488, abs=1e-6)
        assert divergence(number(m), number(0.693140)).item() == pytest.approx(0.153426, abs=1e-6)


def test_horseshoe_gate_starts_open_and_its_test_value():
    method = make("bc_ghs")
    mean, variance = method.log_normal("fc1")
    assert mean.abs().max() < 1e-12
    assert variance.max().item() == pytest.approx(math.exp(-9))
    assert method.settled("fc1").min().item() == pytest.approx(1.0, abs=1e-3)
    assert method.parameters["gamma_mean fc1"].item() == pytest.approx(-23.0259, abs=1e-4)
    # m_z = 0.2, v_z = 0.3: mean exp(0.35), so a weight of 0.5 becomes 0.709534; mode exp(-0.1)
    method.own("fc1", "gamma_mean").fill_(0.4)
    for name in ("gamma", "inverse"):
        method.own("fc1", f"{name}_log_variance").fill_(math.log(0.6 - math.exp(-9)))
    assert 0.5 * method.settled("fc1")[0, 0].item() == pytest.approx(0.709534, abs=1e-6)
    mean, variance = method.log_normal("fc1")
    assert (mean - variance).exp()[0, 0].item() == pytest.approx(0.904837, abs=1e-6)


def test_horseshoe_prunes_modes_far_below_the_top():
    method = make("bc_ghs", threshold=1e-3)
    method.own("fc1", "inverse_mean")[0, 0] = 2 * math.log(0.9e-3)
    method.own("fc1", "inverse_mean")[0, 1] = 2 * math.log(1.1e-3)
    assert method.pruned("fc1").nonzero().tolist() == [[0, 0]]


def test_horseshoe_scale_of_the_slot_is_shared_and_paid_once(make_network):
    method, network = make("bc_ghs"), make_network("lenet_300_100", replicates=1)
    method.draw(1)
    before = method.network_cost(network).item()
    method.parameters["inverse_mean fc1"].add_(1.0)
    mean, _ = method.log_normal("fc1")
    assert torch.allclose(mean, torch.full_like(mean, 0.5))
    start, tiny = number(23.0259), number(-9)
    expected = bc_ghs.kl_inverse_gamma(start + 1, tiny) - bc_ghs.kl_inverse_gamma(start, tiny)
    assert 60000 * (method.network_cost(network).item() - before) == pytest.approx(expected.item(), abs=1e-4)


# docs/baselines.md 8


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([784, 400, 400, 10], (0.00154114, 0.00234384)),
        ([784, 300, 100, 10], (0.00205485, 0.00973086)),
        ([800, 800, 500, 10], (0.000747654, 0.00119625)),
    ],
)
def test_layer_adaptive_prior(widths, expected):
    found = [math.exp(value) for value in ss_ig.prior_inclusion(widths, 60000, 1e-9)]
    assert found == pytest.approx(expected, rel=1e-5)


def test_node_and_slab_divergences():
    t = number(math.log(99))
    assert ss_ig.bernoulli_kl(t, math.log(0.00205485)).item() == pytest.approx(6.069696, abs=1e-5)
    assert ss_ig.bernoulli_kl(t, math.log(0.00973086)).item() == pytest.approx(4.530225, abs=1e-5)
    sigma = F.softplus(number(-6))
    slab = ss_ig.slab_kl(number(0), sigma, 1.0).item()
    assert slab == pytest.approx(5.501241, abs=1e-6)
    assert ss_ig.slab_kl(number(0), number(1), 1.0).item() == 0
    node = ss_ig.bernoulli_kl(t, math.log(0.00205485)).item() + 0.99 * 785 * slab
    assert node == pytest.approx(4281.359, abs=1e-2)


def test_node_penalty_at_the_start(make_network):
    """Zero means: each fc1 node 0.0713560 after /N."""
    method, network = make("ss_ig", track="hidden"), make_network("lenet_300_100", replicates=1)
    for tensor in network.parameters.values():
        tensor.data.zero_()
    method.draw(1)
    before = method.penalty(network).item()
    method.valid("fc1")[0, 0] = False
    assert before - method.penalty(network).item() == pytest.approx(0.0713560, abs=1e-6)


def test_straight_through_gate():
    for u, z, slope in ((0.2, 0, 0.432229), (0.5, 1, 0.209987), (0.9, 1, 0.003330)):
        t = number(1).requires_grad_()
        found = ss_ig._StraightThrough.apply(t, number(u))
        assert found.item() == z
        assert torch.autograd.grad(found, t)[0].item() == pytest.approx(slope, abs=1e-6)


def test_node_selection_refuses_inputs(make_cell):
    with pytest.raises(StudyError, match=r"strengths.ss_ig.key: .*not input; give it track: hidden"):
        check_cell(make_cell("ss_ig", track="full"))


# padding


@pytest.mark.parametrize("name", ["bc_gnj", "bc_ghs", "ss_ig"])
@pytest.mark.parametrize("arch", ["lenet_300_100", "lenet5"])
def test_a_replicate_trains_the_same_beside_a_larger_one(digits, make_cell, name, arch):
    """Replicate 0 loses units, replicate 1 does not: the padded places of replicate 0, whose weights have a variance
    too, must change nothing."""
    results = []
    for count in (1, 2):
        cell = make_cell(name, arch, epochs=4, replicates=count, settings={"warm_up": 0.0, "fine_tune": 0.0})
        training = Training(cell, digits, dtype=DOUBLE)
        remove = {}
        for slot in training.method.context.gated:
            mask = torch.zeros(count, training.units[slot], dtype=torch.bool)
            if slot != "flat":
                mask[0, 1::2] = True
            remove[slot] = mask
        training.remove(remove)
        training.batches.start_epoch()
        for _ in range(3):
            training.step()
        results.append(training)
    alone, beside = results
    for name in alone.network.parameters:
        own, other = alone.network.parameters[name][0].detach(), beside.network.parameters[name][0].detach()
        own_size = tuple(slice(size) for size in own.shape)
        torch.testing.assert_close(other[own_size], own, rtol=0, atol=1e-9)
        padding = other.clone()
        padding[own_size] = 0
        assert not padding.any(), name
