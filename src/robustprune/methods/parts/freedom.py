"""Settings that a method which sizes itself shares with all others of its kind (docs/baselines.md 0.7).

Every such method has one strength. Whatever else one of them may set, the others may set too, by the same name.
"""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field
from torch import Tensor

from robustprune.errors import StudyError, nearest
from robustprune.networks.architecture import Architecture
from robustprune.study.strict import Strict

Value = TypeVar("Value", float, Tensor)
Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RatioSettings(Strict):
    """Ratios between the slots' strengths."""

    ratios: dict[str, Ratio] = Field({}, description="slot -> factor on the penalty in this slot; absent: 1")


class FreedomSettings(RatioSettings):
    """Ratios between the slots' strengths, patience of early removal, and the gates' learning rate."""

    patience: int | None = Field(
        3, ge=1, description="consecutive epochs that a gate must look closed for early removal; null: none"
    )
    gate_learning_rate: float | None = Field(
        None, gt=0, description="the gates' learning rate; null: that of the weights"
    )


def check_slots(setting: str, by_slot: Mapping[str, object], architecture: Architecture) -> None:
    """Raise StudyError if a setting by slot names a slot that the architecture lacks."""
    slots = [slot.name for slot in architecture.slots]
    for slot in by_slot:
        if slot not in slots:
            raise StudyError(f"{setting}: {architecture.name} has no slot {slot!r}{nearest(slot, slots)}")


def check_every_slot(setting: str, value: object, architecture: Architecture, gated: tuple[str, ...]) -> None:
    """Raise StudyError if a setting by slot names an unknown slot or lacks a gated one; one number fits all slots."""
    if not isinstance(value, Mapping):
        return
    check_slots(setting, value, architecture)
    for slot in gated:
        if slot not in value:
            raise StudyError(f"{setting}: no entry for slot {slot!r}; every gated slot needs one")


def in_ratio(value: Value, slot: str | None, ratios: Mapping[str, float]) -> Value:
    """Return a penalty times its slot's ratio; without one it is the value itself."""
    return value if slot is None or slot not in ratios else ratios[slot] * value
