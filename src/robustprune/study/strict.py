"""The base class of configuration models."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from robustprune.errors import nearest


class Strict(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error that names the nearest valid one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for key in values:
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key {key!r}{nearest(str(key), cls.model_fields)}")
        return values
