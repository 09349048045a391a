"""Columns of details.csv with what the study asked of a cell beyond its axes."""

from typing import Any

ASKED = ("operating_point", "start_of", "variant")
"""operating_point: whether the study names the strength as `operating_point`. start_of: for controls, "method/strength"
of the cell whose sizes they have. variant: the name of an ablation, else ""."""


def asked_columns(settings: dict[str, Any], operating_point: bool) -> dict[str, Any]:
    """Return the values of ASKED for a cell with these settings of its method."""
    start_of, ablation = settings.get("of"), settings.get("prior") == "fixed"
    return {
        "operating_point": operating_point,
        "start_of": start_of if isinstance(start_of, str) else None,
        "variant": "fixed prior" if ablation else "",
    }
