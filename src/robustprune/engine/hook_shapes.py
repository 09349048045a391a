"""Shapes of what a method's hooks return, checked at every call; the contract's checks use it."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.base import Method


def watch(method: Method, replicates: int, batch: int) -> None:
    """Make the hooks of this method raise StudyError for a return value that the contract does not allow.

    The error names the hook, what it returned and what is expected. replicates: R. batch: B, the examples of a step.
    """

    def gate(value: Any, slot: str, h: Tensor) -> str:
        return _wrong(value, list(h.shape))

    def linear(value: Any, layer: object, h: Tensor, weight: Tensor, bias: Tensor) -> str:
        return _wrong(value, [*h.shape[:2], weight.shape[1]])

    def sampled(value: Any, slot: str) -> str:
        places = method.places[slot]
        return _wrong(value, [replicates, batch, places], [replicates, 1, places])

    def per_gate(value: Any, slot: str) -> str:
        return _wrong(value, [replicates, method.places[slot]])

    def closing(value: Any, slot: str) -> str:
        return "" if value is None else per_gate(value, slot) or _wrong_type(value)

    def network_cost(value: Any, network: object) -> str:
        return "" if isinstance(value, int | float) else _wrong(value, [replicates])

    def by_slot(value: Any, *network: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, Mapping):
            return f"returns {type(value).__name__}, expected a dict slot -> tensor"
        for slot, tensor in value.items():
            if slot not in method.places:
                return f"no slot {slot!r}; the network has {', '.join(method.places)}"
            if wrong := per_gate(tensor, slot):
                return f"{slot} {wrong}"
        return ""

    def removals(value: Any, network: object) -> str:
        wrong = (f"{slot} {_wrong_type(tensor)}" for slot, tensor in (value or {}).items() if _wrong_type(tensor))
        return by_slot(value) or next(wrong, "")

    checks: dict[str, Callable[..., str]] = {
        "gate": gate,
        "linear": linear,
        "sampled": sampled,
        "settled": per_gate,
        "cost": per_gate,
        "closing": closing,
        "network_cost": network_cost,
        "scores": by_slot,
        "gates": by_slot,
        "final_gates": by_slot,
        "after_step": removals,
    }
    for name, check in checks.items():
        if hasattr(method, name):  # some are hooks of PhasedGates only
            setattr(method, name, _watched(name, getattr(method, name), check))


def _watched(name: str, hook: Callable, check: Callable[..., str]) -> Callable:
    @functools.wraps(hook)
    def call(*arguments: Any) -> Any:
        value = hook(*arguments)
        if wrong := check(value, *arguments):
            of = f"({arguments[0]!r})" if arguments and isinstance(arguments[0], str) else ""
            raise StudyError(f"{name}{of}: {wrong}")
        return value

    return call


def _wrong(value: Any, *expected: list[int]) -> str:
    """Return what is wrong about a tensor that should have one of these shapes; "" if nothing is."""
    shapes = " or ".join(map(str, expected))
    if not isinstance(value, Tensor):
        return f"returns {type(value).__name__}, expected a tensor {shapes}"
    return "" if list(value.shape) in expected else f"has shape {list(value.shape)}, expected {shapes}"


def _wrong_type(value: Tensor) -> str:
    return "" if value.dtype == torch.bool else f"is {value.dtype}, expected torch.bool"
