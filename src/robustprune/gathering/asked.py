"""Columns of details.csv with what the study asked of a cell beyond its axes."""

from typing import Any

ASKED = ("operating_point", "start_of", "variant")
"""operating_point: whether the study names the strength by an operating point. start_of: for controls,
"method/strength" of the cell whose sizes they have. variant: the name of a variant of the method, else ""."""


def asked_columns(settings: dict[str, Any], operating_point: bool, variant: str = "") -> dict[str, Any]:
    """Return the values of ASKED for a cell with these settings of its method.

    A fixed prior without `pi` is the variant "fixed prior" where the study names none: the shipped study has it as a
    strength of its own.
    """
    start_of = settings.get("of")
    shipped = settings.get("prior") == "fixed" and settings.get("pi") is None
    return {
        "operating_point": operating_point,
        "start_of": start_of if isinstance(start_of, str) else None,
        "variant": variant or ("fixed prior" if shipped else ""),
    }
