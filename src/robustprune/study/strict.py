"""The base class of configuration models."""

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator

from robustprune.errors import nearest


class Strict(BaseModel):
    """Base of all settings: frozen, with finite numbers only.

    An unknown key is an error that names the nearest valid one, and so is true or false in the place of a number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            fields, numeric = cls.model_fields, _numeric_fields(cls)
            for key, value in values.items():
                if key not in fields:
                    raise ValueError(f"unknown key {key!r}{nearest(str(key), fields)}")
                if key in numeric and (found := next(_truth_values(value), None)) is not None:
                    raise ValueError(f"{key}: expected a number, found {str(found).lower()}")
        return values


@cache
def _numeric_fields(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that hold numbers and no truth values; pydantic itself takes true for 1."""
    fields = ((name, set(_types(field.annotation))) for name, field in model.model_fields.items())
    return frozenset(name for name, kinds in fields if kinds & {int, float} and not kinds & {bool, Any})


def _types(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation is made of; other models check their own fields."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types(get_args(annotation)[0])
    elif origin in (Union, types.UnionType) or isinstance(origin, type):
        for part in get_args(annotation):
            yield from _types(part)
    else:
        yield annotation


def _truth_values(value: Any) -> Iterator[bool]:
    if isinstance(value, bool):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _truth_values(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _truth_values(entry)
