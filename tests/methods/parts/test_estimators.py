"""Estimators of DL against closed forms, finite differences and full enumeration of the gates."""

import itertools

import pytest
import torch

from robustprune.methods.parts.estimators import (
    COMBINE,
    LINEAR,
    EstimatedGate,
    EstimatedLinear,
    curved,
    exact,
    first_order,
    spread,
    trapezoid,
)


def all_gates(units: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=units)), dtype=torch.float64)


def sums(g: torch.Tensor, xi: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (g * xi).sum(1), (g * (1 - xi)).sum(1)


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 3, 4, 4)])
@pytest.mark.parametrize("curve", [False, True])
def test_gate_gradient_is_that_of_autograd(shape, curve):
    """The closed-form backward equals autograd's, for the activation and for the estimate."""
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    xi = (torch.rand(shape[:3], generator=generator) < 0.5).double().requires_grad_()
    theta = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(shape, generator=generator, dtype=torch.float64)

    def loss(gated):
        return (torch.sin(gated) * weight).flatten(2).sum(2).mean(1).sum()

    grad_h, grad_xi = torch.autograd.grad(loss(h * spread(xi, h)), [h, xi])
    opened, closed = torch.zeros(2, 2, 3, dtype=torch.float64)
    own = h.detach().requires_grad_()
    loss(EstimatedGate.apply(own, xi.detach(), theta, opened, closed, curve)).backward()
    torch.testing.assert_close(own.grad, grad_h)
    terms = curved(grad_xi, xi.detach()) if curve else grad_xi
    torch.testing.assert_close((opened, closed), sums(terms, xi.detach()))


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("outputs", [3, 9])
def test_gated_linear_layer_is_that_of_autograd(below, outputs):
    """Both ways of summing g (fewer and more outputs than examples), with and without something to train below."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    h, weight, bias = draw(2, 5, 4), draw(2, outputs, 4).requires_grad_(), draw(2, outputs).requires_grad_()
    xi = (draw(2, 5, 4) < 0).double().requires_grad_()
    h.requires_grad_(below)
    probe = draw(2, 5, outputs)

    def loss(z):
        return (torch.sin(z) * probe).sum(2).mean(1).sum()

    wanted = [weight, bias, xi, *([h] if below else [])]
    expected = torch.autograd.grad(loss((h * xi) @ weight.transpose(1, 2) + bias.unsqueeze(1)), wanted)
    opened, closed = torch.zeros(2, 2, 4, dtype=torch.float64)
    z = EstimatedLinear.apply(h, xi.detach(), weight, bias, opened, closed)
    found = torch.autograd.grad(loss(z), [weight, bias, *([h] if below else [])])
    for ours, theirs in zip(found, (expected[0], expected[1], *expected[3:]), strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close((opened, closed), sums(expected[2], xi.detach()))


def test_first_order_is_the_mean_gradient():
    g = torch.tensor([[[0.1], [0.3]]]) / 2  # d (mean loss) carries 1/B
    opened, closed = sums(g, torch.tensor([[[1.0], [0.0]]]))
    assert first_order(opened, closed, torch.full((1, 1), 0.5)).item() == pytest.approx(0.2)


def test_trapezoid_is_unbiased_for_the_mean_end_slope():
    """For one gate and a smooth L: E over xi of the estimate = (L'(0) + L'(1)) / 2."""
    slope = {0.0: -0.7, 1.0: 0.2}
    for probability in (0.1, 0.5, 0.9):
        theta = torch.full((1, 1), probability, dtype=torch.float64)
        expected = 0.0
        for value, chance in ((1.0, probability), (0.0, 1 - probability)):
            g = torch.full((1, 1, 1), slope[value], dtype=torch.float64)
            expected += chance * trapezoid(*sums(g, torch.full_like(g, value)), theta).item()
        assert expected == pytest.approx((slope[0.0] + slope[1.0]) / 2)


def test_trapezoid_is_exact_for_quadratic_losses():
    """L(xi) = a xi^2 + b xi: DL = a + b, whatever theta; first order is biased."""
    a, b, theta = 0.8, -0.5, 0.3
    estimates = {trapezoid: 0.0, first_order: 0.0}
    for value, chance in ((1.0, theta), (0.0, 1 - theta)):
        g = torch.full((1, 1, 1), 2 * a * value + b, dtype=torch.float64)
        xi, t = torch.full((1, 1, 1), value, dtype=torch.float64), torch.full((1, 1), theta, dtype=torch.float64)
        for estimator in estimates:
            estimates[estimator] += chance * estimator(*sums(g, xi), t).item()
    assert estimates[trapezoid] == pytest.approx(a + b)
    assert estimates[first_order] != pytest.approx(a + b, abs=0.05)


def test_fisher_adds_half_the_squared_gradient():
    """Per-example gradients 0.4 (open) and -0.2 (closed): mean of g + (1/2 - xi) g^2."""
    g = torch.tensor([[[0.4], [-0.2]]]) / 2
    xi = torch.tensor([[[1.0], [0.0]]])
    expected = ((0.4 - 0.5 * 0.16) + (-0.2 + 0.5 * 0.04)) / 2
    assert COMBINE["fisher"](*sums(curved(g, xi), xi), torch.full((1, 1), 0.5)).item() == pytest.approx(expected)
    assert "fisher" not in LINEAR


def tiny_loss(gates: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy [R, B] of a fixed 3-2-2 ReLU network on fixed data with gates on inputs and hidden units."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 4, 3, generator=generator, dtype=torch.float64)
    w1 = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    w2 = torch.randn(2, 2, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 1, 0])
    h = ((x * gates["input"]) @ w1.T).relu() * gates["hidden"]
    return torch.nn.functional.cross_entropy((h @ w2.T).flatten(0, 1), y, reduction="none").view(1, 4)


def gates_of(setting: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same five gates for all four examples."""
    rows = setting.expand(1, 4, 5)
    return {"input": rows[..., :3], "hidden": rows[..., 3:]}


def test_exhaustive_enumeration_has_its_minimum_at_a_vertex():
    """E[L] is multilinear in theta (section 3): its gradient is E[L | 1] - E[L | 0], its minimum a vertex, and the
    exact estimator averaged over the gates is that gradient."""
    vertices = all_gates(5)
    losses = torch.stack([tiny_loss(gates_of(setting)).mean() for setting in vertices])
    price = torch.tensor([0.01, 0.02, 0.015, 0.03, 0.005], dtype=torch.float64)

    def objective(theta):
        chance = (vertices * theta + (1 - vertices) * (1 - theta)).prod(1)
        return (chance * losses).sum() + (price * theta).sum()

    best = (losses + vertices @ price).min()
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        theta = torch.rand(5, generator=generator, dtype=torch.float64)
        assert objective(theta) >= best - 1e-12

    theta = torch.rand(5, generator=generator, dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(theta), theta)
    mean = torch.zeros(5, dtype=torch.float64)
    for setting in vertices:
        chance = (setting * theta + (1 - setting) * (1 - theta)).prod().detach()
        found = exact(tiny_loss, gates_of(setting))
        mean += chance * torch.cat([found["input"][0], found["hidden"][0]])
    torch.testing.assert_close(mean + price, gradient)
